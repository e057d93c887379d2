"""What comes of a terminal's bytes: text, keys for Textual's parser, and whole pastes."""

from __future__ import annotations

import random

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from llama2ncnn_chat.ui.terminal import SILENCE
from llama2ncnn_chat.ui.tui.keyboard import Keyboard, Paste


def feed(data: bytes | str, keyboard: Keyboard | None = None) -> list[str | Paste]:
    data = data.encode() if isinstance(data, str) else data
    return list((keyboard or Keyboard()).feed(data, 0.0))


def keys(data: str) -> list[tuple[str, str | None]]:
    """What Textual's own parser makes of it."""
    parser, found = XTermParser(), []
    for piece in feed(data):
        assert isinstance(piece, str)
        found += [e for e in parser.feed(piece) if isinstance(e, events.Key)]
    return [(event.key, event.character) for event in found]


def test_a_byte_that_is_no_text_is_a_sign_for_it() -> None:
    keyboard = Keyboard()
    assert feed(b"caf\xe9", keyboard) == ["caf"]
    assert list(keyboard.idle(SILENCE / 2)) == []
    assert list(keyboard.idle(SILENCE)) == ["\ufffd"]
    assert feed(b"\xff\xfe x", keyboard) == ["\ufffd\ufffd x"]
    assert feed("é".encode()[:1], keyboard) + feed("é".encode()[1:], keyboard) == ["é"]


@pytest.mark.parametrize(
    ("sequence", "key"),
    [
        ("\x1b[99;5:1u", [("ctrl+c", None)]),
        ("\x1b[99;5u", [("ctrl+c", None)]),
        ("\x1b[99;5:3u", []),  # released
        ("\x1b[97:65;2u", [("A", "A")]),
        ("\x1b[97u", [("a", "a")]),
        ("\x1b[97;1:1;97u", [("a", "a")]),
        ("\x1b[1089::99;5u", [("ctrl+c", None)]),
        ("\x1b[1089;5u", [("ctrl+c", None)]),
        ("\x1b[1057;6u", [("ctrl+shift+c", None)]),
        ("\x1b[27;5;1089~", [("ctrl+c", None)]),
        ("\x1b[27;5;99~", [("ctrl+c", None)]),
        ("\x1b[968;5u", [("ctrl+c", None)]),  # the Greek psi
        ("\x1b[1489;5u", [("ctrl+c", None)]),  # the Hebrew bet
        ("\x1b[1081;5u", [("ctrl+q", None)]),
        ("\x1b[1089u", [("\u0441", "\u0441")]),
        ("\x1b[1114112;5u", []),
        ("\x1b[99999999999;5u", []),
        ("\x1b[55296u", []),
        ("\x1b[;;u", []),
        ("\x1b[1;1:3A", []),
        ("\x1b[1;5:1A", [("ctrl+up", None)]),
        ("\x1b[3;1:2~", [("delete", None)]),
        ("\x1b[13u", [("enter", "\r")]),
        ("\x1b[13;2u", [("shift+enter", None)]),
        ("\x1b\r", [("alt+enter", None)]),
        ("\x1b[?62;22c", []),
        ("\x1b[A", [("up", None)]),
        ("\x1b[1;5C", [("ctrl+right", None)]),
    ],
)
def test_keys_in_their_extended_forms(sequence: str, key: list[tuple[str, str | None]]) -> None:
    assert keys(sequence) == key
    assert keys(f"{sequence}x") == [*key, ("x", "x")]


def test_a_sequence_in_two_parts() -> None:
    keyboard = Keyboard()
    assert feed("a\x1b[1089;", keyboard) == ["a"]
    assert feed("5u", keyboard) == ["\x1b[99;5u"]
    assert feed("\x1b[12", keyboard) == []
    assert list(keyboard.idle(0.2)) == []
    assert list(keyboard.idle(SILENCE)) == []
    assert feed("x", keyboard) == ["x"]


def test_an_escape_and_what_comes_behind_it() -> None:
    keyboard = Keyboard()
    assert feed("\x1b", keyboard) == []
    assert list(keyboard.idle(0.1)) == ["\x1b"]
    for rest, key in (("\r", "\x1b[13;3u"), ("[1089;5u", "\x1b[99;5u")):
        assert feed("\x1b", keyboard) == []
        assert feed(rest, keyboard) == [key]


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
def test_a_paste_that_never_ends(after: str, found: list[str | Paste]) -> None:
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
    signs = [*"\x1b\x1b\x1b[[[[0123456789;;::?<>=~uABRMtm$y ", "200~", "201~", "\udcff", "é"]
    for _ in range(3000):
        data = "".join(random.choices(signs, k=random.randrange(1, 20)))
        keyboard = Keyboard()
        pieces = [
            *feed(data.encode("utf-8", "surrogateescape"), keyboard),
            *keyboard.idle(0.2),
            *keyboard.idle(SILENCE),
        ]
        assert all(isinstance(piece, (str, Paste)) for piece in pieces)
        assert feed("hello", keyboard)[-1] == "hello"
