"""The forms: asking for an update with a live preview, rejecting, aborting; and what stands there meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.errors import XsbotError
from bot.messages.answers import MIN_REASON, abort_title, reject_title
from bot.messages.blocks import (
    Block,
    View,
    context,
    divider,
    input_block,
    line_input,
    modal,
    moment_input,
    option,
    plain_text,
    radio,
    section,
    select,
    text_input,
)
from bot.messages.errors import told_plainly
from bot.messages.findings import finding_lines, findings_blocks, way_out
from bot.messages.fix_fields import fixes_input
from bot.messages.forecast import forecast_cost, forecast_time
from bot.messages.language import _, several
from bot.messages.message import Message
from bot.messages.plan import doing_blocks
from bot.messages.schedule import freeze_words
from bot.messages.sentences import sentence
from bot.messages.text import clip, duration, lines_within, moment, name, names
from bot.messages.updates import counts
from bot.messages.vm_fields import restarts_input, rules_input, rules_known
from bot.messages.work import (
    level_meaning,
    level_name,
    pause_points_name,
    placement_name,
    preset_meaning,
    preset_name,
    stopped_vms_name,
)
from bot.rollout.amendment import changes
from bot.rollout.checks import Severity
from bot.rollout.difference import compare_updates
from bot.rollout.guidance import Level
from bot.rollout.kind import Kind
from bot.rollout.lifecycle import OPEN, State
from bot.rollout.proposal import Choices
from bot.rollout.reason import Reason
from bot.rollout.spec import Livepatch, OnLivepatchFailure, Placement, Preset, StoppedVms, VmRestarts

if TYPE_CHECKING:
    from bot.rollout.forecast import Forecast
    from bot.rollouts import Calendar, Preview, Standing

UPDATE = "update_form"
REJECT = "reject_form"
ABORT = "abort_form"

#: Block and action ids of the update form: each choice reports its change at once.
LEVEL, STOPPED, LIVEPATCH, FAILURE, REASON = "level", "stopped_vms", "livepatch", "on_livepatch_failure", "reason"
PRESET, PLACEMENT, MOST, PAUSE = "preset", "placement", "max_out", "pause_points"
FIRST, WITHOUT, DEADLINE = "order", "left_out", "deadline"
#: The combinations of pause points that can be chosen.
PAUSES = ("coordinator", "canary", "coordinator,canary")
FIXES = "fixes"
START = "start_at"
CONFIRM = "typed_name"
CHOICES = "update_choice_"
BLOCKED = "blocked"
TEXT = "text"
#: Characters that Slack takes in one field.
_LONGEST_TEXT = 3_000


def loading(title: str, doing: str) -> View:
    """What opens at once; the work comes after, because a trigger lives three seconds."""
    return modal(title, [section(f"… {doing}")], callback_id="loading", close=_("Close"))


def message_view(title: str, told: Message) -> View:
    """A message where a form would have been."""
    return modal(title, told.blocks, callback_id="told", close=_("Close"))


def update_title(alias: str) -> str:
    """The title of the update dialog."""
    return _("Update {alias}").format(alias=clip(alias, 16))


def update_form(
    preview: Preview,
    choices: Choices,
    metadata: Mapping[str, object],
    error: XsbotError | None = None,
    earlier: Standing | None = None,
    *,
    times: Calendar | None = None,
    why: str = "",
    ticket: str = "",
) -> View:
    """The form with everything that the present choices would do. `metadata` travels with it; `earlier` is the request
    that is to be changed, `times` when the pool may be worked on, `why` the reason as far as it is known, `ticket` what
    it must contain."""
    spec, forecast = preview.spec, preview.forecast
    blocks: list[Block] = []
    if error is not None:
        blocks.append({"type": "section", "text": plain_text(told_plainly(error), 2_900)})
    blocks.append(section(f"*{preview.pool_alias}*: {_for_what(preview, choices)}"))
    if earlier is not None:
        blocks.append(section(_replaces(earlier, preview)))
    blocks.append(_level_input(preview.costs, choices.level))
    blocks.append(_preset_input(preview.presets, choices.preset))
    blocks += _placing_inputs(choices)
    blocks.append(_stopped_input(choices.stopped_vms))
    blocks.append(rules_input(CHOICES, choices.vms))
    blocks += rules_known(choices.vms, preview.snapshot)
    if choices.vm_restarts is not VmRestarts.HOME or any(cost.vm_restarts for cost in preview.costs.values()):
        blocks.append(restarts_input(CHOICES, choices.vm_restarts))
    if preview.blocked:
        lines = finding_lines(preview.report.of(Severity.BLOCKS))
        blocks.append(
            section(_("✕ *This cannot start as it is*") + "\n" + lines_within(lines, 2_500), block_id=BLOCKED)
        )
    blocks += fixes_input(CHOICES, FIXES, preview, choices.fixes)
    if any(host.livepatches for host in preview.updates.hosts):
        blocks += _livepatch_inputs(choices)
    if choices.emergency:
        blocks.append(_confirm_input(preview.pool_alias))
    blocks += _start_input(choices, times)
    blocks.append(
        input_block(
            _("Reason"),
            text_input(
                TEXT,
                initial=why or (earlier.row.reason_text if earlier is not None else ""),
                placeholder=_("Why now? A change number, a maintenance window …"),
                most=500,
            ),
            REASON,
            hint=_reason_hint(ticket),
            optional=not ticket and not choices.emergency,
        )
    )
    blocks.append(divider())
    # What would be done otherwise is left out of a blocked form: it would read like a promise.
    if not preview.blocked:
        asked = _("*What approvers will be asked for:* {cost}; {time}.")
        blocks.append(section(asked.format(cost=forecast_cost(forecast), time=forecast_time(forecast))))
        blocks += doing_blocks(preview)
    blocks += findings_blocks(preview.report, (Severity.WARNS, Severity.INFORMS), () if preview.blocked else spec.fixes)
    if preview.blocked:
        last = way_out(preview.report)
    else:
        last = _("Nothing changes on the pool yet: this posts a card that asks for approval.")
    blocks.append(context(last))
    return modal(
        update_title(preview.pool_alias),
        blocks,
        callback_id=UPDATE,
        submit=_("Request approval"),
        close=_("Cancel"),
        metadata={**metadata, "blocked": preview.blocked},
    )


def _confirm_input(alias: str) -> Block:
    hint = _(
        "An emergency waits for no maintenance window and no freeze. Everybody in the audit channel is told, with the "
        "reason. Type {alias}."
    )
    return input_block(
        _("⚠ Emergency: type the name of the pool"),
        line_input(TEXT, most=64),
        CONFIRM,
        hint=hint.format(alias=alias),
    )


def _reason_hint(ticket: str) -> str:
    told = _("Approvers read it on the card; it is kept in the audit trail.")
    if not ticket:
        return told
    return _("With the ticket ({ticket}).").format(ticket=clip(ticket, 100)) + " " + told


def _start_input(choices: Choices, times: Calendar | None) -> list[Block]:
    """When it is to start; the picker shows everybody their own time."""
    hint = _("Empty: as soon as it is approved.")
    told: list[Block] = []
    if times is not None and times.windows:
        hint = _("Empty: in the next maintenance window.")
        opens = "; ".join(f"{moment(span.begins)} – {moment(span.ends)}" for span in times.openings)
        told.append(context(_("Maintenance windows: {spans}").format(spans=opens or _("none opens soon"))))
    if times is not None and times.freeze is not None:
        told.append(context("⚠ " + freeze_words(times.freeze)))
    picker = moment_input(CHOICES + START, initial=choices.start_at)
    return [input_block(_("Start"), picker, START, hint=hint, optional=True), *told]


def _replaces(earlier: Standing, preview: Preview) -> str:
    """What becomes of the request that is changed, and what is different so far."""
    number = earlier.row.id
    if State(earlier.row.state) in OPEN:
        means = _(
            "Takes the place of rollout {id}, whose approvals are then void; the new one has to be approved anew."
        )
    else:
        means = _("Asks again for what rollout {id} asked for; it has to be approved anew.")
    found = (*changes(earlier.spec, preview.spec), *compare_updates(earlier.updates, preview.updates))
    if not found:
        return means.format(id=number) + "\n" + _("Nothing is different so far.")
    lines = [f"• {sentence(reason, mrkdwn=True)}" for reason in found]
    return means.format(id=number) + "\n" + lines_within(lines, 1_500)


def _for_what(preview: Preview, choices: Choices) -> str:
    if choices.kind is Kind.TASKS:
        return _("carries out what earlier updates left pending; nothing is installed")
    if choices.kind is Kind.REBOOT:
        return _("reboots {hosts}, one after the other; nothing is installed").format(
            hosts=names([host.name for host in preview.spec.hosts])
        )
    return counts(preview.updates)


def _level_input(costs: Mapping[Level, Forecast], chosen: Level) -> Block:
    shown = {level: _short_cost(costs[level]) if level in costs else "" for level in Level}
    alike = len(set(shown.values())) == 1 and all(shown.values())
    options = [
        option(f"{level_name(level)}: {level_meaning(level)}", level.value, "" if alike else cost)
        for level, cost in shown.items()
    ]
    same = _("Same cost at every level this time: {cost}.").format(cost=shown[chosen]) if alike else ""
    chooser = radio(CHOICES + LEVEL, options, chosen.value)
    return input_block(_("Guidance level"), chooser, LEVEL, hint=same, live=True)


def _preset_input(costs: Mapping[Preset, Forecast], chosen: Preset) -> Block:
    options = [
        option(
            f"{preset_name(preset)}: {preset_meaning(preset)}",
            preset.value,
            _("does not fit") if preset in costs and costs[preset].stuck else _time_and_moves(costs.get(preset)),
        )
        for preset in Preset
    ]
    return input_block(_("Way of work"), radio(CHOICES + PRESET, options, chosen.value), PRESET, live=True)


def _time_and_moves(forecast: Forecast | None) -> str:
    if forecast is None or not forecast.turns:
        return ""
    moves = several(forecast.migrations, "VM move", "VM moves")
    return f"{moves}, " + _("up to {time}").format(time=duration(forecast.minutes[1] * 60))


def _placing_inputs(choices: Choices) -> list[Block]:
    """What only a planned rollout, or one with an order of its own, needs."""
    placements = [option(placement_name(placement), placement.value) for placement in Placement]
    pauses = [("", _("Nowhere")), *((word, pause_points_name(word.split(","))) for word in PAUSES)]
    blocks = [
        _names_input(
            _("Hosts to update first"), FIRST, choices.order,
            _("Names, in this order; the coordinator comes before all others."),
        ),
        _names_input(_("Hosts to leave out"), WITHOUT, choices.left_out),
        input_block(
            _("Pause and wait for Resume"),
            select(
                CHOICES + PAUSE,
                [option(label, value or "none") for value, label in pauses],
                ",".join(choices.pause_points) or "none",
            ),
            PAUSE,
            live=True,
        ),
        input_block(
            _("Be done by"),
            moment_input(CHOICES + DEADLINE, initial=choices.deadline),
            DEADLINE,
            hint=_("A deadline: no host is begun that would not be done by then. People are asked about the rest."),
            optional=True,
            live=True,
        ),
    ]  # fmt: skip
    if choices.preset is Preset.SERIAL:
        return blocks
    outs = sorted({*range(1, 9), choices.max_out} - {0})
    most = [option(_("As many as save time"), "0"), *(option(str(count), str(count)) for count in outs)]
    return [
        input_block(
            _("Where moved VMs end up"),
            select(CHOICES + PLACEMENT, placements, choices.placement.value),
            PLACEMENT,
            live=True,
        ),
        input_block(
            _("Most hosts out of service at once"),
            select(CHOICES + MOST, most, str(choices.max_out)),
            MOST,
            live=True,
        ),
        *blocks,
    ]


def _names_input(label: str, block_id: str, chosen: Sequence[str], hint: str = "") -> Block:
    """Names of hosts; one that was cut off would be another name, so a list that is too long is not shown at all."""
    given = " ".join(chosen)
    if len(given) > _LONGEST_TEXT:
        hint = _("The {count} names that were given do not fit in here: name them again.").format(count=len(chosen))
        given = ""
    element = line_input(CHOICES + block_id, initial=given, most=_LONGEST_TEXT)
    element["dispatch_action_config"] = {"trigger_actions_on": ["on_enter_pressed"]}
    return input_block(label, element, block_id, hint=hint, optional=True, live=True)


def _short_cost(forecast: Forecast) -> str:
    parts = []
    if forecast.reboots:
        parts.append(several(forecast.reboots, "reboot", "reboots"))
    if forecast.toolstack_restarts:
        parts.append(several(forecast.toolstack_restarts, "toolstack restart", "toolstack restarts"))
    if forecast.migrations:
        parts.append(several(forecast.migrations, "VM move", "VM moves"))
    if forecast.vm_restarts:
        parts.append(several(forecast.vm_restarts, "VM restart", "VM restarts"))
    parts.append(_("up to {time}").format(time=duration(forecast.minutes[1] * 60)))
    return ", ".join(parts)


def _stopped_input(chosen: StoppedVms) -> Block:
    options = [option(stopped_vms_name(choice), choice.value) for choice in StoppedVms]
    return input_block(
        _("VMs that cannot be moved"), radio(CHOICES + STOPPED, options, chosen.value), STOPPED, live=True
    )


def _livepatch_inputs(choices: Choices) -> list[Block]:
    accept = [
        option(_("Accept live patches instead of a reboot"), Livepatch.ACCEPT.value),
        option(_("Reboot anyway"), Livepatch.REBOOT_ANYWAY.value),
    ]
    failure = [
        option(_("Stop and ask"), OnLivepatchFailure.ASK.value),
        option(_("Reboot the host"), OnLivepatchFailure.REBOOT.value),
    ]
    return [
        input_block(
            _("Live patches"), radio(CHOICES + LIVEPATCH, accept, choices.livepatch.value), LIVEPATCH, live=True
        ),
        input_block(
            _("If a live patch fails"),
            radio(CHOICES + FAILURE, failure, choices.on_livepatch_failure.value),
            FAILURE,
            live=True,
        ),
    ]


def reject_form(standing: Standing, digest: str) -> View:
    """Asks why; a rejection without a reason helps nobody. `digest` is what the person saw."""
    row = standing.row
    if digest == standing.digest:
        means = _("Nothing has been changed on pool {alias}. Rejecting ends this request.")
    else:
        means = _("Rejecting ends this amendment. The rollout of pool {alias} goes on needing attention.")
    return modal(
        reject_title(row.id),
        [
            section(means.format(alias=row.pool_alias)),
            input_block(
                _("Reason"),
                text_input(TEXT, placeholder=_("What should be different?"), most=500),
                REASON,
                hint=_("At least {count} characters. The requester reads it.").format(count=MIN_REASON),
            ),
        ],
        callback_id=REJECT,
        submit=_("Reject"),
        close=_("Cancel"),
        metadata={"rollout": row.id, "digest": digest},
    )


def abort_form(standing: Standing, consequences: Sequence[Reason]) -> View:
    """Says what aborting will do now, and asks for a word of why."""
    row = standing.row
    lines = [f"• {sentence(reason, mrkdwn=True)}" for reason in consequences]
    does = lines_within(lines, 2_700) if lines else _("Nothing has been changed yet; nothing has to be restored.")
    return modal(
        abort_title(row.id),
        [
            section(_("*What aborting does now on pool {alias}*").format(alias=name(row.pool_alias)) + "\n" + does),
            input_block(_("Reason"), text_input(TEXT, most=500), REASON, optional=True),
            context(
                _(
                    "Hosts that are updated stay updated. What was switched off or moved is restored as soon as "
                    "XenServer allows it."
                )
            ),
        ],
        callback_id=ABORT,
        submit=_("Abort rollout"),
        close=_("Go on"),
        metadata={"rollout": row.id},
    )
