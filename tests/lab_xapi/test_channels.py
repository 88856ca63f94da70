"""Where updates come from: channels switched, proxies, schedules, bundles; refused as XAPI refuses it."""

from __future__ import annotations

import http.client
import ssl

import pytest

from bot.lab.xapi.bundle import make_bundle

from .client import Client, refused

EARLY = "https://repo.example.com/xs8/earlyaccess"


def update_repository(client: Client) -> str:
    enabled = client("pool.get_repositories", client.pool_ref())
    return next(str(ref) for ref in enabled if client("Repository.get_update", ref))


def early_access(client: Client) -> str:
    return str(client("Repository.introduce", "Early Access", "", EARLY, EARLY, True))


def put_bundle(client: Client, body: bytes, *, task: str = "", length: bool = True, user: str = "") -> int:
    session = Client(client.pool, client.clock, user=user).login() if user else client
    context = ssl.create_default_context(cafile=str(client.pool.ca_file))
    connection = http.client.HTTPSConnection("127.0.1.1", client.pool.port, context=context)
    try:
        headers = {"Cookie": f"session_id={session.ref}"}
        path = f"/bundle?task_id={task}"
        if length:
            connection.request("PUT", path, body, headers)
        else:
            connection.request("PUT", path, iter([body]), headers, encode_chunked=True)
        return connection.getresponse().status
    finally:
        connection.close()
        if user:
            session.close()


def offline(client: Client) -> str:
    pool = client.pool_ref()
    bundle = str(client("Repository.introduce_bundle", "Offline", ""))
    for ref in client("pool.get_repositories", pool):
        client("pool.remove_repository", pool, ref)
    client("pool.add_repository", pool, bundle)
    return bundle


def upload(client: Client, body: bytes) -> dict[str, object]:
    task = client("task.create", "upload", "")
    assert put_bundle(client, body, task=task) == 200
    return client.finish(task)


def test_two_channels_at_once_let_nothing_be_synchronised(small: Client) -> None:
    pool, early = small.pool_ref(), early_access(small)
    small("pool.add_repository", pool, early)
    with refused("MULTIPLE_UPDATE_REPOSITORIES_ENABLED"):
        small("pool.sync_updates", pool, False)
    small("pool.remove_repository", pool, update_repository(small))
    before = small.checksum()
    assert small("pool.sync_updates", pool, False) != before


def test_a_channel_that_is_enabled_anew_was_never_synchronised(small: Client) -> None:
    pool, normal = small.pool_ref(), update_repository(small)
    small("pool.remove_repository", pool, normal)
    with refused("NO_REPOSITORY_ENABLED"):
        small("pool.sync_updates", pool, False)
    small("pool.add_repository", pool, normal)
    assert small("Repository.get_hash", normal) == ""
    assert small("pool.get_last_update_sync", pool).value == "19700101T00:00:00Z"
    assert small.get(f"/updates?session_id={small.ref}")[0] == 404
    assert small("pool.sync_updates", pool, False) == small("Repository.get_hash", normal) != ""


def test_early_access_has_updates_before_normal_does(small: Client) -> None:
    pool, normal = small.pool_ref(), update_repository(small)
    there = {update["id"] for update in small.updates()["updates"]}
    small("pool.set_repositories", pool, [early_access(small)])
    small("pool.sync_updates", pool, False)
    assert {update["id"] for update in small.updates()["updates"]} > there
    small("pool.set_repositories", pool, [normal])
    small("pool.sync_updates", pool, False)
    assert {update["id"] for update in small.updates()["updates"]} == there


def test_what_cannot_be_introduced_or_forgotten(small: Client) -> None:
    early = early_access(small)
    with refused("REPOSITORY_ALREADY_EXISTS", early):
        early_access(small)
    with refused("INVALID_BASE_URL", "ftp://example.com"):
        small("Repository.introduce", "x", "", "ftp://example.com", "https://example.com", True)
    with refused("INVALID_GPGKEY_PATH", "../key"):
        small("Repository.introduce", "x", "", "https://example.com", "https://example.com", True, "../key")
    with refused("REPOSITORY_IS_IN_USE"):
        small("Repository.forget", update_repository(small))
    small("Repository.forget", early)
    with refused("HANDLE_INVALID", "Repository", early):
        small("Repository.get_record", early)


def test_the_offline_channel_stands_alone_and_has_no_schedule(small: Client) -> None:
    pool = small.pool_ref()
    bundle = small("Repository.introduce_bundle", "Offline", "")
    with refused("BUNDLE_REPOSITORY_ALREADY_EXISTS", bundle):
        small("Repository.introduce_bundle", "Another", "")
    with refused("REPO_SHOULD_BE_SINGLE_ONE_ENABLED"):
        small("pool.add_repository", pool, bundle)
    assert small("pool.get_update_sync_enabled", pool)
    small("pool.set_repositories", pool, [bundle])
    assert not small("pool.get_update_sync_enabled", pool)
    with refused("CAN_NOT_PERIODIC_SYNC_UPDATES"):
        small("pool.set_update_sync_enabled", pool, True)
    with refused("CAN_NOT_SYNC_UPDATES"):
        small("pool.sync_updates", pool, False)


def test_the_schedule_needs_a_repository_and_a_day_of_the_week(small: Client) -> None:
    pool = small.pool_ref()
    with refused("INVALID_UPDATE_SYNC_DAY", "7"):
        small("pool.configure_update_sync", pool, "weekly", "7")
    small("pool.configure_update_sync", pool, "daily", "3")
    assert small("pool.get_update_sync_day", pool) == "0"
    small("pool.set_repositories", pool, [])
    with refused("NO_REPOSITORIES_CONFIGURED"):
        small("pool.set_update_sync_enabled", pool, True)
    assert {host["latest_synced_updates_applied"] for host in small("host.get_all_records").values()} == {"unknown"}


def test_the_proxys_password_is_a_secret_of_its_own(small: Client) -> None:
    pool = small.pool_ref()
    with refused("INVALID_REPOSITORY_PROXY_URL", "proxy.example.com"):
        small("pool.configure_repository_proxy", pool, "proxy.example.com", "", "")
    with refused("INVALID_REPOSITORY_PROXY_CREDENTIAL"):
        small("pool.configure_repository_proxy", pool, "http://proxy.example.com", "joe", "")
    small("pool.configure_repository_proxy", pool, "http://proxy.example.com:3128", "joe", "s3cret")
    record = small("pool.get_record", pool)
    assert record["repository_proxy_username"] == "joe"
    assert "s3cret" not in str(record) + str(small.pool.calls) + str(small.pool.effects)
    small("pool.disable_repository_proxy", pool)
    assert small("pool.get_repository_proxy_url", pool) == ""


def test_a_bundle_brings_its_updates(small: Client) -> None:
    offline(small)
    ids = [update.id for update in small.pool.run(lambda: small.pool.world.published)][:1]
    record = upload(small, make_bundle(ids))
    assert record["status"] == "success", record["error_info"]
    document = small.updates()
    assert [update["id"] for update in document["updates"]] == ids
    assert document["hash"] == small("Repository.get_hash", update_repository(small))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"this is no tar", "BUNDLE_UNPACK_FAILED"),
        (make_bundle(["no-such-update"]), "BUNDLE_SYNC_FAILED"),
        (make_bundle([]), "BUNDLE_SYNC_FAILED"),
    ],
)
def test_a_bad_bundle_fails_on_its_task_while_http_says_200(small: Client, body: bytes, code: str) -> None:
    offline(small)
    record = upload(small, body)
    assert (record["status"], record["error_info"][0]) == ("failure", code)  # type: ignore[index]


def test_a_bundle_needs_the_offline_channel_a_length_and_the_role(small: Client) -> None:
    record = upload(small, make_bundle([]))
    assert record["error_info"] == ["BUNDLE_REPO_NOT_ENABLED"]
    assert put_bundle(small, b"x", length=False) == 400
    assert put_bundle(small, b"x", user="viewer") == 403


def test_while_a_bundle_is_taken_in_nothing_is_applied(small: Client) -> None:
    offline(small)
    task = small("task.create", "upload", "")
    ids = [update.id for update in small.pool.run(lambda: small.pool.world.published)]
    put_bundle(small, make_bundle(ids), task=task)
    with refused("SYNC_BUNDLE_IN_PROGRESS"):
        small("host.apply_updates", small.host("xs-01"), "whatever")
    assert small.finish(task)["status"] == "success"
