"""Keys of all forms, as Textual hears of them."""

from __future__ import annotations

import pytest
from textual import events
from textual._xterm_parser import XTermParser

from llama2ncnn_chat.ui.keyboard import Key, Keyboard
from llama2ncnn_chat.ui.tui.keyboard import extended_form


def keys(data: str) -> list[tuple[str, str | None]]:
    """What Textual's own parser makes of it."""
    parser, found = XTermParser(), []
    for piece in Keyboard().feed(data.encode(), 0.0):
        assert isinstance(piece, (str, Key))
        sequence = extended_form(piece) if isinstance(piece, Key) else piece
        found += [e for e in parser.feed(sequence) if isinstance(e, events.Key)]
    return [(event.key, event.character) for event in found]


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
        ("\x1bOA", [("up", None)]),
        ("\x1bOP", [("f1", None)]),
        ("\x1bb", [("ctrl+left", None)]),
        ("\x1b\x7f", [("ctrl+w", None)]),
        ("\x1b[[A", [("f1", None)]),  # the Linux console's
        ("\x1b[1;5C", [("ctrl+right", None)]),
    ],
)
def test_keys_in_their_extended_forms(sequence: str, key: list[tuple[str, str | None]]) -> None:
    assert keys(sequence) == key
    assert keys(f"{sequence}x") == [*key, ("x", "x")]
