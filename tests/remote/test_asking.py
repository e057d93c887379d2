"""What is asked of an engine to encode a text: each text once, and nothing while it is silent."""

from __future__ import annotations

import pytest

from llama2ncnn_chat.errors import EngineError
from llama2ncnn_chat.remote.asking import (
    ASKING_SECONDS,
    HASTY_SECONDS,
    MARK,
    MAX_KNOWN,
    AskingEncoder,
)
from llama2ncnn_chat.remote.http import NoAnswerError
from llama2ncnn_chat.text.haste import haste
from tests.fakes import ByteTokenizer


class Asked:
    """Ids by the byte, with a space before; counts what it is asked."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.waits: list[float] = []
        self.silent = False
        self.now = 0.0

    def __call__(self, text: str, seconds: float) -> list[int]:
        self.texts.append(text)
        self.waits.append(seconds)
        if self.silent:
            raise NoAnswerError("silent")
        return ByteTokenizer().encode(f" {text}", bos=False)


def ids(text: str) -> list[int]:
    return ByteTokenizer().encode(text, bos=False)


def test_a_text_is_asked_for_once() -> None:
    asked = Asked()
    encoder = AskingEncoder(asked, prefixed=True)
    for _ in range(3):
        assert encoder.encode("a", True) == ids(" a")
        assert encoder.encode("a", False) == ids("a")
    assert asked.texts == ["a", f"{MARK}a", MARK]
    encoder.encode("a", True).append(7)  # a copy
    assert encoder.encode("a", True) == ids(" a")


def test_not_everything_is_remembered() -> None:
    asked = Asked()
    encoder = AskingEncoder(asked, prefixed=True)
    for n in range(MAX_KNOWN + 1):
        encoder.encode(str(n), True)
    assert len(encoder._known) <= MAX_KNOWN


def test_a_vocabulary_that_joins_the_mark_is_refused() -> None:
    with pytest.raises(EngineError):
        AskingEncoder(lambda text, _: [len(text)], prefixed=True).encode("a", False)


def test_while_it_is_silent_nobody_waits_for_it_at_every_key() -> None:
    asked = Asked()
    encoder = AskingEncoder(asked, prefixed=True, clock=lambda: asked.now)
    asked.silent = True
    with haste():
        for text in ("h", "he", "hel"):
            with pytest.raises(NoAnswerError):
                encoder.encode(text, True)
        assert asked.texts == ["h"]
        asked.now, asked.silent = ASKING_SECONDS, False
        assert encoder.encode("hell", True) == ids(" hell")


def test_a_key_waits_less_than_a_message_which_is_asked_for_however_silent_it_was() -> None:
    asked = Asked()
    encoder = AskingEncoder(asked, prefixed=True, clock=lambda: asked.now)
    asked.silent = True
    with haste(), pytest.raises(NoAnswerError):
        encoder.encode("h", True)
    asked.silent = False
    assert encoder.encode("h", True) == ids(" h")
    assert asked.waits == [HASTY_SECONDS, ASKING_SECONDS]
    assert HASTY_SECONDS < ASKING_SECONDS
