"""Where updates come from: repositories introduced, enabled and forgotten, and the proxy on the way to them."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from bot.lab.xapi.calls import Context, xapi
from bot.lab.xapi.failure import NULL, XapiFailure
from bot.lab.xapi.kernel import Steps
from bot.lab.xapi.operations import claim_pool, release_pool
from bot.lab.xapi.surface import EPOCH
from bot.lab.xapi.world import World

_KEY_FILE = re.compile(r"[A-Za-z0-9_-]+")


@xapi("Repository.introduce")
def introduce(
    ctx: Context,
    name_label: str,
    name_description: str,
    binary_url: str,
    source_url: str,
    update: bool,
    gpgkey_path: str = "",
) -> str:
    """Make a repository known; it is not enabled by that."""
    db = ctx.world.db
    for url in (binary_url, source_url):
        if urlsplit(url).scheme not in ("http", "https"):
            raise XapiFailure("INVALID_BASE_URL", url)
    if gpgkey_path and not _KEY_FILE.fullmatch(gpgkey_path):
        raise XapiFailure("INVALID_GPGKEY_PATH", gpgkey_path)
    for ref, record in db.items("Repository"):
        if record["name_label"] == name_label or record["binary_url"] == binary_url:
            raise XapiFailure("REPOSITORY_ALREADY_EXISTS", ref)
    return db.create(
        "Repository", name_label=name_label, name_description=name_description, binary_url=binary_url,
        source_url=source_url, update=update, gpgkey_path=gpgkey_path,
    )  # fmt: skip


@xapi("Repository.introduce_bundle")
def introduce_bundle(ctx: Context, name_label: str, name_description: str) -> str:
    """Make the one repository known that is filled by uploads."""
    db = ctx.world.db
    for ref, record in db.items("Repository"):
        if record["origin"] == "bundle":
            raise XapiFailure("BUNDLE_REPOSITORY_ALREADY_EXISTS", ref)
        if record["name_label"] == name_label:
            raise XapiFailure("REPOSITORY_ALREADY_EXISTS", ref)
    return db.create(
        "Repository", name_label=name_label, name_description=name_description, update=True, origin="bundle"
    )


@xapi("Repository.forget")
def forget(ctx: Context, self: str) -> None:
    """Remove a repository that is not enabled."""
    world = ctx.world
    if self in world.db.get("pool", world.pool, "repositories"):
        raise XapiFailure("REPOSITORY_IS_IN_USE")
    world.db.delete("Repository", self)


@xapi("pool.set_repositories")
def set_repositories(ctx: Context, self: str, value: list[str]) -> Steps:
    """Enable exactly these repositories."""
    world = ctx.world
    yield from claim_pool(world, "configure_repositories", ctx.key)
    try:
        _enable(world, list(value))
        if not value:
            for machine in world.machines.values():
                world.db.set("host", machine.ref, latest_synced_updates_applied="unknown")
    finally:
        release_pool(world, ctx.key)


@xapi("pool.add_repository")
def add_repository(ctx: Context, self: str, value: str) -> Steps:
    """Enable one more repository."""
    world = ctx.world
    yield from claim_pool(world, "configure_repositories", ctx.key)
    try:
        enabled = world.db.get("pool", self, "repositories")
        _enable(world, [*(ref for ref in enabled if ref != value), value])
    finally:
        release_pool(world, ctx.key)


@xapi("pool.remove_repository")
def remove_repository(ctx: Context, self: str, value: str) -> Steps:
    """Disable one repository; what hosts know about their state stays as it was."""
    world = ctx.world
    yield from claim_pool(world, "configure_repositories", ctx.key)
    try:
        _enable(world, [ref for ref in world.db.get("pool", self, "repositories") if ref != value])
    finally:
        release_pool(world, ctx.key)


def _enable(world: World, wanted: list[str]) -> None:
    """Make `wanted` the enabled ones: a new one has never been synchronised, and one that is filled by other means
    than the network stands alone and has no schedule."""
    db, pool = world.db, world.pool
    before = list(db.get("pool", pool, "repositories"))
    local = [ref for ref in wanted if db.get("Repository", ref, "origin") != "remote"]
    if local and len(wanted) > 1:
        raise XapiFailure("REPO_SHOULD_BE_SINGLE_ONE_ENABLED")
    for ref in set(wanted) - set(before):
        db.set("Repository", ref, hash="")
        db.set("pool", pool, last_update_sync=EPOCH)
    db.set("pool", pool, repositories=wanted)
    if set(wanted) != set(before):
        world.cache.clear()
        world.change_setting(
            "repositories",
            sorted(world.name("Repository", ref) for ref in before),
            sorted(world.name("Repository", ref) for ref in wanted),
        )
    if local and db.get("pool", pool, "update_sync_enabled"):
        db.set("pool", pool, update_sync_enabled=False)
        world.change_setting("update_sync_enabled", True, False)


@xapi("pool.configure_repository_proxy")
def configure_repository_proxy(ctx: Context, self: str, url: str, username: str, password: str) -> None:
    """Reach the repositories through a proxy; name and password belong together."""
    world = ctx.world
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise XapiFailure("INVALID_REPOSITORY_PROXY_URL", url)
    if bool(username) != bool(password) or "\n" in username + password:
        raise XapiFailure("INVALID_REPOSITORY_PROXY_CREDENTIAL")
    _set_proxy(world, url, username, f"OpaqueRef:{world.db.new_uuid()}" if password else NULL)


@xapi("pool.disable_repository_proxy")
def disable_repository_proxy(ctx: Context, self: str) -> None:
    """Reach the repositories directly."""
    _set_proxy(ctx.world, "", "", NULL)


def _set_proxy(world: World, url: str, username: str, secret: str) -> None:
    before = world.db.get("pool", world.pool, "repository_proxy_url")
    world.db.set(
        "pool",
        world.pool,
        repository_proxy_url=url,
        repository_proxy_username=username,
        repository_proxy_password=secret,
    )
    world.change_setting("repository_proxy_url", before, url)
