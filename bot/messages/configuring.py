"""Where a pool's updates come from, in words; and the form for a proxy."""

from __future__ import annotations

from bot.messages.blocks import Block, View, context, fields, header, input_block, line_input, modal, section
from bot.messages.language import _
from bot.messages.message import Message, message
from bot.messages.text import clip, lines_within, moment, name
from bot.messages.words import in_words
from bot.rollout.channel import Channel, HostLevel, RepositoryFacts, UpdateSettings

PROXY = "proxy_form"
#: Block ids of the proxy form.
ADDRESS, USER, WORD = "address", "user", "word"
_FIELD = "text"


def update_settings(alias: str, now: UpdateSettings, lead: str = "") -> Message:
    """Channel, proxy, schedule, last sync, and how far each host is. `lead` says what was just changed."""
    proxy = _("none")
    if now.proxy_url:
        proxy = name(now.proxy_url, 200)
        if now.proxy_username:
            proxy += " " + _("as {user}, with a password").format(user=name(now.proxy_username))
    told = _("Pool {alias}: update channel {channel}, last synced {when}.").format(
        alias=alias, channel=name(now.channel_name), when=_when(now)
    )
    blocks: list[Block] = [
        header(_("Updates of pool {alias}: where they come from").format(alias=alias)),
        *([section(lead)] if lead else []),
        fields(
            [
                (_("Channel"), name(now.channel_name)),
                (_("Last sync"), _when(now)),
                (_("Sync schedule"), _schedule(now)),
                (_("Proxy"), proxy),
            ]
        ),
        section(_("*Repositories*") + "\n" + lines_within([_repository(entry) for entry in now.repositories], 1_200)),
        section(_("*Hosts*") + "\n" + lines_within([_host(host) for host in now.hosts], 1_400)),
    ]
    if len(now.enabled) != 1:
        blocks.append(section(_("⚠ XenServer needs exactly one enabled channel to find updates.")))
    elif not now.enabled[0].hash:
        missing = _("⚠ This channel was never synced: `/xs sync {alias}`.")
        if now.enabled[0].channel is Channel.OFFLINE:
            missing = _("⚠ No bundle was uploaded yet: `/xs bundle {alias} &lt;file&gt;`.")
        blocks.append(section(missing.format(alias=alias)))
    how = _("`/xs channel`, `/xs proxy`, `/xs schedule` and `/xs bundle` change this, for administrators.")
    return message(f"{lead} {told}".strip(), [*blocks, context(how)])


def _when(now: UpdateSettings) -> str:
    return moment(now.last_sync) if now.last_sync is not None else _("never")


def _schedule(now: UpdateSettings) -> str:
    return in_words(str(now.schedule)) if now.schedule_on else _("off")


def _repository(entry: RepositoryFacts) -> str:
    state = _("enabled") if entry.enabled else _("not enabled")
    what = _("updates") if entry.carries_updates else _("the release itself")
    told = f"• {name(entry.name)}: {state}, {what}"
    if entry.url:
        told += f", {name(entry.url, 120)}"
    if entry.hash:
        told += _(", checksum `{checksum}`").format(checksum=name(entry.hash[:12]))
    return told


def _host(host: HostLevel) -> str:
    states = {True: _("has everything that was synced"), False: _("has updates to install"), None: _("not known yet")}
    when = moment(host.last_software_update) if host.last_software_update is not None else _("at an unknown time")
    return _("• {host}: {state}; last updated {when}").format(
        host=name(host.name), state=states[host.current], when=when
    )


def bundle_started(alias: str, file: str) -> Message:
    """The upload has begun."""
    told = _(
        "Uploading {file} to pool {alias}. How it ends is said here within half an hour; always in the audit channel."
    )
    return message(text := told.format(file=name(file), alias=alias), [section(text)])


def bundle_sent(alias: str, file: str, share: float) -> Message:
    """How far the upload is."""
    if share >= 1:
        told = _("{file} is on the coordinator of pool {alias}, which is taking it in now; that takes minutes.")
    else:
        told = _("{file}: {percent} % are uploaded to pool {alias}.")
    text = told.format(file=name(file), alias=alias, percent=round(share * 100))
    return message(text, [section(text)])


def proxy_title(alias: str) -> str:
    """The title of the proxy dialog."""
    return _("Proxy of {alias}").format(alias=clip(alias, 14))


def proxy_form(alias: str, now: UpdateSettings) -> View:
    """Asks for a proxy; a password that is set already is not shown and has to be given again."""
    return modal(
        proxy_title(alias),
        [
            section(_("The way from pool {alias} to its update channel.").format(alias=name(alias))),
            input_block(
                _("Address"),
                line_input(_FIELD, initial=now.proxy_url, placeholder="http://proxy.example.com:3128"),
                ADDRESS,
            ),
            input_block(_("User name"), line_input(_FIELD, initial=now.proxy_username), USER, optional=True),
            input_block(
                _("Password"),
                line_input(_FIELD),
                WORD,
                hint=_("Readable while you type. It is handed to XenServer and kept nowhere else."),
                optional=True,
            ),
        ],
        callback_id=PROXY,
        submit=_("Set proxy"),
        close=_("Cancel"),
        metadata={"pool": alias},
    )
