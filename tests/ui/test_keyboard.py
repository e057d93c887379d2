"""What comes of a terminal's bytes: text, keys, and whole pastes."""

from __future__ import annotations

import random

import pytest

from llama2ncnn_chat.ui.keyboard import ALT, CTRL, ENTER, Background, Key, Keyboard, Paste, Piece
from llama2ncnn_chat.ui.terminal import SILENCE

CTRL_C = Key(ord("c"), CTRL)


def feed(data: bytes | str, keyboard: Keyboard | None = None) -> list[Piece]:
    data = data.encode() if isinstance(data, str) else data
    return list((keyboard or Keyboard()).feed(data, 0.0))


def test_a_byte_that_is_no_text_is_a_sign_for_it() -> None:
    keyboard = Keyboard()
    assert feed(b"caf\xe9", keyboard) == ["caf"]
    assert list(keyboard.idle(SILENCE / 2)) == []
    assert list(keyboard.idle(SILENCE)) == ["\ufffd"]
    assert feed(b"\xff\xfe x", keyboard) == ["\ufffd\ufffd x"]
    assert feed("é".encode()[:1], keyboard) + feed("é".encode()[1:], keyboard) == ["é"]


def test_a_sequence_in_two_parts() -> None:
    keyboard = Keyboard()
    assert feed("a\x1b[1089;", keyboard) == ["a"]
    assert feed("5u", keyboard) == [CTRL_C]
    assert feed("\x1b[12", keyboard) == []
    assert list(keyboard.idle(0.2)) == []
    assert list(keyboard.idle(SILENCE)) == []
    assert feed("x", keyboard) == ["x"]


def test_an_escape_and_what_comes_behind_it() -> None:
    keyboard = Keyboard()
    assert feed("\x1b", keyboard) == []
    assert list(keyboard.idle(0.1)) == ["\x1b"]
    for rest, key in (("\r", Key(ENTER, ALT)), ("[1089;5u", CTRL_C), ("OP", "\x1bOP")):
        assert feed("\x1b", keyboard) == []
        assert feed(rest, keyboard) == [key]
    for alt in ("\x1b[", "\x1bO"):  # or the beginning of a sequence
        assert feed(alt, keyboard) == []
        assert list(keyboard.idle(0.1)) == [alt]
    assert feed("\x1bb\x1bOx", keyboard) == ["\x1bb", "\x1bO", "x"]


def test_without_alt_an_escape_is_the_key() -> None:
    keyboard = Keyboard(alt=False)
    assert feed("\x1bb\x1b[A\x1b\r", keyboard) == ["\x1b", "b", "\x1b[A", "\x1b", "\r"]
    assert feed("\x1bO", keyboard) == []
    assert list(keyboard.idle(0.1)) == ["\x1b", "O"]


@pytest.mark.parametrize("end", ["\x07", "\x1b\\"])
@pytest.mark.parametrize(
    ("colour", "brightness"),
    [("rgb:ffff/ffff/ffff", 1.0), ("rgba:00/0/000/ff", 0.0), ("rgb:0000/ff00/0000", 0.7124)],
)
def test_how_bright_the_background_is_in_any_pieces(
    colour: str, brightness: float, end: str
) -> None:
    data = f"a\x1b]11;{colour}{end}b"
    for cut in range(1, len(data)):
        keyboard = Keyboard()
        first = feed(data[:cut], keyboard)
        if cut != 2:  # after an Escape alone nobody can tell
            first += keyboard.idle(SILENCE / 2)
        found = first + feed(data[cut:], keyboard)
        [told] = [piece for piece in found if isinstance(piece, Background)]
        assert told.brightness == pytest.approx(brightness, abs=1e-3), cut
        assert [piece for piece in found if piece != told] == ["a", "b"], cut


def test_an_answer_about_the_background_that_is_none_comes_to_nothing() -> None:
    assert feed("a\x1b]11;?\x07b") == ["a", "\x1b]", "11;?\x07b"]
    assert feed("a\x1b]11;rgb:12/\x07b\x1b]11;red\x1b\\c") == ["a", "b", "c"]
    keyboard = Keyboard()
    assert feed("\x1b]11;rgb:ff", keyboard) == []
    assert list(keyboard.idle(SILENCE)) == []
    assert feed("\x1b]", keyboard) == []
    assert list(keyboard.idle(SILENCE)) == ["\x1b]"]
    assert feed("\x1b]x", keyboard) == ["\x1b]", "x"]


def test_a_paste_comes_whole_and_without_sequences() -> None:
    log = "log \x1b[31mred\x1b[0m text\r\n\x1b]8;;http://x\x1b\\link\x1b]8;;\x07 \x1bPq#\x1b\\end"
    assert feed(f"a\x1b[200~{log}\x1b[201~b") == ["a", Paste("log red text\r\nlink end"), "b"]


def test_a_paste_in_any_parts_is_the_same() -> None:
    data = b"x\x1b[200~caf\xc3\xa9 \x1b[1mbold\x1b[0m\x1b[201~y"
    for cut in range(1, len(data)):
        keyboard = Keyboard()
        found = feed(data[:cut], keyboard) + feed(data[cut:], keyboard)
        assert "".join(p for p in found if isinstance(p, str)) == "xy", cut
        assert [p for p in found if isinstance(p, Paste)] == [Paste("café bold")], cut


@pytest.mark.parametrize(
    ("after", "found"),
    [("\x03", [Paste("abc"), "\x03"]), ("\x1b", []), ("d", [])],
)
def test_a_paste_that_never_ends(after: str, found: list[Piece]) -> None:
    keyboard = Keyboard()
    assert feed("\x1b[200~abc", keyboard) == []
    assert feed(after, keyboard) == found
    if after == "\x1b":
        assert list(keyboard.idle(0.2)) == []  # its end may be on its way
        assert list(keyboard.idle(SILENCE / 2)) == [Paste("abc"), "\x1b"]
    if after == "d":
        assert list(keyboard.idle(0.2)) == []
        assert list(keyboard.idle(SILENCE)) == [Paste("abcd")]
    assert feed("x\x11", keyboard) == ["x\x11"]


def test_whatever_comes_typing_goes_on() -> None:
    random.seed(1)
    signs = [
        *"\x1b\x1b\x1b[[[[0123456789;;::?<>=~uABRMtm$y ",
        "]11;",
        "200~",
        "201~",
        "\udcff",
        "é",
    ]
    for _ in range(3000):
        data = "".join(random.choices(signs, k=random.randrange(1, 20)))
        keyboard = Keyboard()
        pieces = [
            *feed(data.encode("utf-8", "surrogateescape"), keyboard),
            *keyboard.idle(0.2),
            *keyboard.idle(SILENCE),
        ]
        assert all(isinstance(piece, (str, Key, Paste, Background)) for piece in pieces)
        assert feed("hello", keyboard)[-1] == "hello"
