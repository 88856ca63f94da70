"""Every language says everything, asks for the same values, and counts as its people count."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from babel.messages.catalog import Catalog, Message

from bot.errors import XsbotError
from bot.lab.slack.limits import MESSAGE_BLOCK_CHARACTERS, UPDATE_TEXT, block_characters, check_blocks, check_view
from bot.messages.errors import refusal
from bot.messages.language import ERROR, LANGUAGES, day, language, nearest, number, several, speaking
from bot.messages.retelling import retold
from bot.messages.sentences import recorded, sentence, templates
from bot.messages.text import duration, plain_moment, size
from bot.messages.words import WORDS
from bot.rollout.reason import Reason, because
from bot.rollouts.roles import LacksRole
from bot.settings.sections import Language
from bot.xen.errors import HostNotEmpty, translate, unreachable
from tests.unit.messages.made import NOW
from tests.unit.messages.test_limits import MESSAGES, VIEWS
from tests.words.catalogues import OTHERS, messages, misfits, missing, template, texts
from tests.words.found import Unreadable
from tests.words.marked import marks_in
from tests.words.pseudo import foreign, latin_words, pseudo
from tests.words.raised import error_classes, raised

PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


@pytest.fixture(scope="module")
def wanted() -> Catalog:
    return template()


@pytest.mark.parametrize("tag", OTHERS)
def test_everything_is_translated_and_nothing_is_stale(tag: str, wanted: Catalog) -> None:
    """`make words` brings the catalogues up to date; what this names is then written into the .po file."""
    told = missing(tag, wanted)
    assert not told, "\n".join(["run `make words` and fill in:", *told[:40]])


def test_a_translation_that_asks_for_other_values_is_noticed() -> None:
    entry = Message("{have} of {need}")
    assert misfits(entry, Message(entry.id, "{need} / {have}")) == []
    assert misfits(entry, Message(entry.id, "{have} de {falta}"))
    assert misfits(entry, Message(entry.id, "{have}"))
    assert misfits(Message("{kind:words}"), Message("", "{kind}"))
    assert misfits(Message(" or "), Message("", "ou"))
    assert not misfits(Message("{n:VM|VMs}"), Message("", "{n:máquina|máquinas}"))


def test_the_configuration_offers_the_languages_there_are() -> None:
    assert set(get_args(Language)) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("locale", "tag"),
    [("pt-BR", "pt_BR"), ("pt-PT", "pt_BR"), ("es-ES", "es"), ("es-LA", "es"), ("en-GB", "en"), ("de-DE", None)],
)
def test_slacks_locales(locale: str, tag: str | None) -> None:
    assert nearest(locale) == tag


def test_each_language_counts_in_its_own_way() -> None:
    told = {}
    for tag in LANGUAGES:
        with speaking(tag):
            told[tag] = [several(count, "host", "hosts") for count in (0, 1, 2)]
    assert told == {
        "en": ["0 hosts", "1 host", "2 hosts"],
        # In Portuguese nothing is counted as one thing.
        "pt_BR": ["0 host", "1 host", "2 hosts"],
        "es": ["0 hosts", "1 host", "2 hosts"],
    }
    reason = because("forecast.migrations", vms=1, count=2)
    with speaking("es"):
        assert sentence(reason) == "1 VM sale en vivo, con 2 migraciones en total."
    with speaking("pt_BR"):
        assert sentence(reason) == "1 VM sai sem parar, com 2 migrações ao todo."


def test_numbers_and_dates_are_written_as_its_people_write_them() -> None:
    told = {}
    for tag in LANGUAGES:
        with speaking(tag):
            told[tag] = (size(1536), number(1234567), number(0.5), day(NOW), plain_moment(NOW), duration(7500))
    assert told["en"] == ("1.5 KiB", "1,234,567", "0.5", "2026-11-20", "2026-11-20 10:00 UTC", "2 h 5 min")
    assert told["pt_BR"] == ("1,5 KiB", "1.234.567", "0,5", "20/11/2026", "20/11/2026 10:00 UTC", "2 h 5 min")
    assert told["es"] == told["pt_BR"]


def test_the_audit_trail_stays_english() -> None:
    with speaking("es"):
        assert recorded(because("rollout.looking")) == "Looking at the pool."
        assert sentence(because("rollout.looking")) == "Mirando el pool."


def test_words_that_reasons_carry_are_translated_and_names_are_not() -> None:
    reason = because("check.up_to_date", pool="recommended_pool", level="recommended")
    with speaking("pt_BR"):
        assert sentence(reason) == (
            "Não há nada a fazer em recommended_pool no nível recomendado: todos os hosts estão atualizados."
        )
        assert "reinício do host" in sentence(because("ceiling.exceeded", host="xs-01", task="RebootHost"))


def filled(text: str) -> str:
    """A template with a value in each place."""
    return PLACE.sub(lambda place: f"⟨{place[1]}⟩", text)


@pytest.mark.parametrize("tag", OTHERS)
def test_every_sentence_of_an_error_finds_its_way_back(tag: str, wanted: Catalog) -> None:
    """What was said in English is said again from the same entry, with the same values, not from a similar one."""
    lost = []
    spoken = language(tag)
    for entry in messages(wanted):
        english = texts(entry)[0]
        if entry.context != ERROR:
            continue
        expected = filled(spoken.pgettext(ERROR, english))
        with speaking(spoken):
            if (got := retold(filled(english))) != expected:
                lost.append(f"{english!r}: {got!r}")
    assert lost == []


def test_errors_of_all_kinds_are_told_in_the_readers_language() -> None:
    errors: list[tuple[XsbotError, str]] = [
        (translate(["HOST_NOT_ENOUGH_FREE_MEMORY", "xs-02"]), "No hay suficiente memoria libre en los demás hosts"),
        (translate(["NEVER_HEARD_OF", "x"]), "XAPI refused with NEVER_HEARD_OF (x)."),
        (unreachable("https://xs-01", "it shows no certificate"), "https://xs-01: no muestra ningún certificado."),
        (HostNotEmpty("xs-02", ["db-01", "web-01"]), "aún se ejecuta(n) 2 VM(s): db-01, web-01."),
        (LacksRole("You cannot look at pool lab: you are not a viewer of it. Nothing was changed."), "no es lector"),
    ]
    for error, told in errors:
        with speaking("es"):
            assert told in refusal(error).text, refusal(error).text


def test_sentences_in_a_row_and_within_others_are_found() -> None:
    why = " ".join(
        recorded(reason)
        for reason in (
            because("check.sync_stale", pool="lab", days=9),
            because("spec.host_added", host="xs-09", tasks="RebootHost"),
        )
    )
    with speaking("pt_BR"):
        told = sentence(because("rollout.cannot_start_yet", sentence=why, hint="Try again."))
        assert told == (
            "Aprovado, mas ainda não pode começar: lab foi sincronizado pela última vez há 9 dias, por isso podem "
            "existir atualizações mais novas. Execute `/xs sync` para obtê-las. "
            "xs-09 foi acrescentado, com no máximo: reinício do host. Tente de novo."
        )


def test_what_no_entry_fits_is_told_as_it_is() -> None:
    with speaking("es"):
        assert retold("Somebody wrote this by hand, and 7 VMs.") == "Somebody wrote this by hand, and 7 VMs."
        assert retold("") == ""


def test_every_error_is_read_off_the_source() -> None:
    found = {entry.text for entry in raised()}
    assert {"UsageError", "NotAllowed", "HostNotEmpty", "PoolBusy"} <= error_classes()
    assert "Pool {alias} has not been reached yet." in found
    assert "The database has no tables yet." in found
    assert "Amendment {number} of rollout {id} was rejected." in found
    assert not [text for text in found if text.startswith("{") and text.endswith("}") and text.count("{") == 1]


def test_a_mark_on_something_made_at_run_time_is_refused() -> None:
    with pytest.raises(Unreadable, match="write the English words here"):
        list(marks_in("somewhere.py", "x = _(f'{y} is lost')"))
    assert [entry.text for entry in marks_in("somewhere.py", "x = _('Found.')")] == ["Found."]


def test_every_word_and_sentence_is_in_the_template(wanted: Catalog) -> None:
    known = {texts(entry)[0] for entry in messages(wanted)}
    assert set(templates().values()) <= known
    assert known >= WORDS


@pytest.mark.parametrize("tag", OTHERS)
@pytest.mark.parametrize("name", MESSAGES)
def test_slack_takes_the_message_in_every_language(name: str, tag: str) -> None:
    with speaking(tag):
        made = MESSAGES[name]()
    assert check_blocks(list(made.blocks), "message") == []
    assert block_characters(list(made.blocks)) <= MESSAGE_BLOCK_CHARACTERS
    assert 0 < len(made.text) <= UPDATE_TEXT


@pytest.mark.parametrize("tag", OTHERS)
@pytest.mark.parametrize("name", VIEWS)
def test_slack_takes_the_view_in_every_language(name: str, tag: str) -> None:
    with speaking(tag):
        assert check_view(VIEWS[name]()) == []


def test_the_pseudo_language_reaches_sentences_words_and_errors() -> None:
    with speaking(pseudo()):
        assert sentence(Reason("rollout.looking")) == foreign("Looking at the pool.")
        assert retold("Pool lab is not connected.") == foreign("Pool {} is not connected.").replace("{}", "lab")
        assert several(2, "host", "hosts") == f"2 {foreign('hosts')}"
    assert not latin_words(foreign("Looking at the pool."))
