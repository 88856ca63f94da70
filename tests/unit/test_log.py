"""Log lines: what they carry, as text and as JSON."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from bot import log


@pytest.fixture
def root() -> Iterator[None]:
    """Puts the root logger back as it was."""
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    # Taken off first, so that beginning anew closes none of pytest's own.
    for handler in handlers:
        logger.removeHandler(handler)
    yield
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(level)
    for chatty in log.CHATTY:
        logging.getLogger(chatty).setLevel(logging.NOTSET)


@pytest.mark.usefixtures("root")
def test_json_lines_carry_rollout_and_pool_wherever_they_come_from() -> None:
    out = io.StringIO()
    log.begin(logging.INFO, "json", out)
    with log.concerning(pool="prod"):
        logging.getLogger("bot.xen.connection").info("logged in to %s", "xs-01")
        with log.concerning(rollout=42):
            try:
                raise ValueError("broken\nin two")
            except ValueError:
                logging.getLogger("some.library").exception("it failed")
        logging.getLogger("bot").info("after")
    logging.getLogger("bot").info("elsewhere")
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(line.get("pool"), line.get("rollout")) for line in lines] == [
        ("prod", None),
        ("prod", 42),
        ("prod", None),
        (None, None),
    ]
    assert lines[0] | {"at": ""} == {
        "at": "",
        "level": "INFO",
        "logger": "bot.xen.connection",
        "message": "logged in to xs-01",
        "pool": "prod",
    }
    assert "ValueError: broken" in lines[1]["error"]


@pytest.mark.usefixtures("root")
def test_text_lines_say_it_too_and_threads_do_not_mix() -> None:
    out = io.StringIO()
    log.begin(logging.INFO, "text", out)
    with log.concerning(rollout=42, pool="prod"):
        other = threading.Thread(target=lambda: logging.getLogger("bot").info("from elsewhere"))
        other.start()
        other.join()
        logging.getLogger("bot").info("from here")
    elsewhere, here = out.getvalue().splitlines()
    assert elsewhere.endswith("INFO bot: from elsewhere")
    assert here.endswith("INFO bot [pool prod, rollout 42]: from here")
