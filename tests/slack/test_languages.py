"""The channel speaks its language, each reader is answered in theirs, and nothing goes round the seam."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli.stage import Stage
from bot.delivery import Delivery
from bot.lab.slack import Answer, LabSlack, Message
from bot.messages import card
from bot.messages import language as languages
from bot.messages.language import SOURCE, Translations
from bot.readers import Readers
from bot.rollout.lifecycle import State
from bot.settings import SettingsError
from bot.settings.source import load_settings
from commands import VERBS
from storage import outbox, pools, rollouts
from tests.slack.conftest import SPEED
from tests.slack.office import HandClock, Office, client_of, settings_for
from tests.words.pseudo import foreign, latin_words, pseudo

pytestmark = pytest.mark.timeout(240)

#: What a conversation shows that is nobody's sentence: names of the stage, commands as they are typed, units, updates.
FOREIGN = re.compile(
    r"`[^`]*`|<[@!#]?\w+[^>]*>|&lt;\w+&gt;|/xs \S+|UPD-[\w-]+|CVE-[\d-]+|https?://\S+|[0-9a-f]{8,}|\bxs-\d+|"
    r"\b(lab|alice|bob|carol|dave|erin|CHG|UTC|GiB|MiB|min|xs-approvers|xs-updates|nonsense|Base|Normal|normal|XenServer)\b"
)


@pytest.fixture
def alone() -> Iterator[LabSlack]:
    """A workspace without a bot."""
    with LabSlack.start() as lab:
        yield lab


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A stage on which every language but English is the pseudo-language, and everybody speaks it."""

    def spoken(tag: str) -> Translations:
        return Translations(SOURCE, {}) if tag == SOURCE else pseudo()

    monkeypatch.setattr(languages, "language", spoken)
    with Stage("small", SPEED, 0, language="es") as stage:
        stage.slack.wait_for(lambda: stage.slack.messages("xs-updates"), timeout=30)
        yield stage


def names_on(stage: Stage) -> set[str]:
    """Everything on the simulated pool that has a name, and the vendor's texts."""
    known = [*(host.name for host in stage.pool.hosts), *(vm.name for vm in stage.pool.vms)]
    with stage.service.database.reading() as tx:
        for row in pools.pools(tx):
            known += [row.name, row.alias]
            updates = pools.known_updates(row)
            for update in updates.updates if updates is not None else ():
                known += [update.title, update.description, update.summary, update.severity.lower(), update.severity]
                known += [update.type, update.special_info, update.url]
    return {word for text in known for word in latin_words(text)}


def left_in(text: str, known: set[str]) -> set[str]:
    return latin_words(FOREIGN.sub(" ", text)) - known


def test_no_english_is_left_in_a_whole_conversation(strange: Stage) -> None:
    slack = strange.slack
    known = names_on(strange)
    told: dict[str, str] = {}

    def hear(what: str, *messages: Message) -> None:
        told[what] = "\n".join(f"{message.text}\n{message.plain}" for message in messages)

    hear("notice", *slack.messages("xs-updates"))
    for typed in (
        "help",
        "pools",
        "updates lab",
        "status",
        "history",
        "tasks lab",
        "channel lab",
        "plan lab",
        "pools --digest",
        "nonsense",
        "retry",
    ):
        # The first answer to a person asks Slack for their language, and is in it already.
        hear(f"/xs {typed}", answered(slack, slack.say(f"/xs {typed}", as_="erin")))
    tab = slack.home("erin", wait=20)
    assert tab is not None
    told["home"] = tab.plain
    slack.say("/xs update lab", as_="alice")
    slack.wait_for(lambda: (form := slack.modal("alice", wait=0)) and form.submit_text, timeout=20)
    form = slack.modal("alice")
    assert form is not None
    told["form"] = form.text
    form.fill("reason", "CHG-1234")
    form.submit()
    slack.wait_for(lambda: foreign("Approve") in slack.messages("xs-updates")[-1].buttons, timeout=20)
    after = slack.modal("alice")
    assert after is not None
    told["requested"] = after.text
    hear("card", the_card(slack))
    for who in ("alice", "dave"):
        hear(f"refused to {who}", answered(slack, slack.click(card.APPROVE, as_=who, message=the_card(slack))))
    for who in ("bob", "carol"):
        slack.click(card.APPROVE, as_=who, message=the_card(slack))
    slack.wait_for(lambda: over(strange), timeout=150)
    hear("thread", *slack.thread(the_card(slack)))
    hear("card at the end", the_card(slack))

    left = {what: sorted(words) for what, text in told.items() if (words := left_in(text, known))}
    assert left == {}


def answered(slack: LabSlack, answer: Answer) -> Message:
    """The private answer, which comes after the acknowledgement."""
    message = slack.wait_for(lambda: answer.message, timeout=20)
    assert message is not None
    return message


def the_card(slack: LabSlack) -> Message:
    return slack.messages("xs-updates")[-1]


def over(stage: Stage) -> bool:
    with stage.service.database.reading() as tx:
        rows = rollouts.recent(tx, limit=1)
        return bool(rows) and rows[0].state is State.SUCCEEDED and outbox.depth(tx) == 0


def test_this_notices_a_sentence_that_goes_round_the_seam() -> None:
    assert left_in(foreign("abc") + " xs-01: rebooting now, 3 min", set()) == {"rebooting", "now"}


def test_the_channel_speaks_its_pools_language_and_the_audit_channel_the_installations(
    alone: LabSlack, tmp_path: Path
) -> None:
    office = Office.open(alone, tmp_path, language="es")
    spoken = {"lab": office.settings.pools["lab"].model_copy(update={"language": "pt_BR"})}
    settings = office.settings.model_copy(update={"pools": spoken})
    office.delivery = Delivery(office.database, client_of(alone), settings, office.clock)
    office.request()
    office.deliver(20)

    shown = alone.messages("xs-updates")[-1]
    assert "Aguardando aprovação" in shown.plain
    assert shown.buttons[:2] == ["Aprovar", "Rejeitar…"]
    line = alone.messages("xs-audit")[-1].plain
    # The channel shows what the chain fixes; only what stands around it is in the channel's language.
    assert "Asked for it." in line
    assert "despliegue" in line
    assert "Auditoría" in line
    office.database.close()


def test_everybody_is_answered_in_the_language_of_their_own_slack(slack: LabSlack) -> None:
    slack.set_locale("pt-BR", "dave")
    slack.set_locale("es-LA", "erin")
    try:
        assert "Nada está acontecendo" in private(slack, "/xs status", "dave")
        assert "No pasa nada" in private(slack, "/xs status", "erin")
        assert "Nothing is going on" in private(slack, "/xs status", "carol")
        assert "Não existe o comando “frobnicate”" in private(slack, "/xs frobnicate", "dave")
        asked = [arguments for method, arguments in slack.api_calls if method == "users.info"]
        assert len([call for call in asked if call.get("user") == "U0DAVE"]) == 1, "asked once, not at every answer"
    finally:
        slack.set_locale("en-GB")


def private(slack: LabSlack, command: str, who: str) -> str:
    return answered(slack, slack.say(command, as_=who)).plain


def test_a_language_is_never_worth_a_missing_answer(alone: LabSlack) -> None:
    clock = HandClock()
    readers = Readers(client_of(alone), settings_for(alone, language="es"), clock)
    alone.set_locale("pt-BR", "alice")
    assert readers.known("U0ALICE") == "es"
    alone.scopes.discard("users:read")
    assert readers.language("U0ALICE") == "es", "an app without the scope speaks the installation's language"
    alone.scopes.add("users:read")
    assert readers.language("U0ALICE") == "es", "not asked again at once"
    clock.pass_(601)
    assert readers.language("U0ALICE") == readers.known("U0ALICE") == "pt_BR"
    alone.set_locale("de-DE", "alice")
    clock.pass_(24 * 3600 + 1)
    assert readers.language("U0ALICE") == "es", "who speaks none of ours gets the installation's"
    alone.fault("outage", seconds=30)
    clock.pass_(24 * 3600 + 1)
    assert readers.language("U0ALICE") == "es"


def test_two_pools_of_one_channel_speak_one_language(tmp_path: Path) -> None:
    file = tmp_path / "xsbot.toml"
    pool = 'urls = ["https://xs-01.example"]\ninsecure_ignore_tls = true\nchannel = "#xs"\n'
    environment = {"XSBOT_POOL_A_PASSWORD": "x", "XSBOT_POOL_B_PASSWORD": "x"}
    file.write_text(f'[pools.a]\n{pool}language = "es"\n[pools.b]\n{pool}language = "pt_BR"\n')
    with pytest.raises(SettingsError, match="different languages"):
        load_settings(file, environment)
    file.write_text(f'[slack]\nlanguage = "es"\n[pools.a]\n{pool}[pools.b]\n{pool}language = "es"\n')
    settings = load_settings(file, environment)
    assert [settings.language_for(alias) for alias in ("a", "b")] == ["es", "es"]


def test_commands_are_told_in_every_language() -> None:
    for tag in languages.LANGUAGES:
        with languages.speaking(tag):
            told = [languages._(verb.does) for verb in VERBS]
        assert tag == SOURCE or not {verb.does for verb in VERBS} & set(told)
