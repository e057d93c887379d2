"""Keys of all forms, as prompt_toolkit hears of them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import pytest
from prompt_toolkit.keys import Keys

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals")


Type = Callable[[bytes], list[tuple[str, str]]]


@pytest.fixture
def typed() -> Iterator[Type]:
    """Type into a pseudo-terminal, and get the keys that come of it, each with its text."""
    import pty
    import tty

    from llama2ncnn_chat.ui.repl.keyboard import TerminalInput

    typing, reading = pty.openpty()
    tty.setraw(reading)
    with open(reading, encoding="utf-8") as stdin, open(typing, "wb", buffering=0) as terminal:
        keyboard = TerminalInput(stdin)

        def type_(data: bytes) -> list[tuple[str, str]]:
            terminal.write(data)
            pressed = keyboard.read_keys() + keyboard.flush_keys()
            return [(str(getattr(press.key, "value", press.key)), press.data) for press in pressed]

        yield type_


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ("\x1b[99;5u", ["c-c"]),
        ("\x1b[1089;5u", ["c-c"]),  # by its place on a Cyrillic layout
        ("\x1b[968;5u", ["c-c"]),  # a Greek
        ("\x1b[1489;5u", ["c-c"]),  # a Hebrew
        ("\x1b[27;5;1089~", ["c-c"]),
        ("\x1b[1057;6u", ["c-c"]),
        ("\x1b[97;1:3u", []),  # released
        ("\x1b[97;1:1;97u", ["a"]),
        ("\x1b[97:65;2u", ["A"]),
        ("\x1b[1089u", ["\u0441"]),
        ("\x1bb", ["escape", "b"]),
        ("\x1b[98;3u", ["escape", "b"]),
        ("\x1b[32;5u", ["c-@"]),
        ("\x1b[47;5u", ["c-_"]),
        ("\x1b[13u", ["c-m"]),
        ("\x1b[13;2u", ["c-j"]),
        ("\x1b[27;2;13~", ["c-j"]),
        ("\x1b[13;3u", ["escape", "c-m"]),
        ("\x1b\r", ["escape", "c-m"]),
        ("\x1b[9;2u", ["s-tab"]),
        ("\x1b[127u", ["c-h"]),
        ("\x1b[27u", ["escape"]),
        ("\x1b[1;5:1A", ["c-up"]),
        ("\x1b[1;1:3A", []),
        ("\x1bOP", ["f1"]),
        ("\x1b[A", ["up"]),
        ("\x1b[12;40R", [Keys.CPRResponse.value]),
        ("\x1b[57358u", []),  # Caps Lock
        ("\x1b[97;9u", []),  # Super and A
        ("\x1b[1114112;5u", []),
        ("\x1b[1089::9999999;5u", ["c-c"]),
        ("\x1b[5;9~", []),
        ("\x1b[?62;22c", []),
        ("\x1b[200~\x1b[31mred\x1b[0m\x1b[201~", [Keys.BracketedPaste.value]),
    ],
)
def test_keys_in_their_extended_forms(typed: Type, data: str, keys: list[str]) -> None:
    assert [key for key, _ in typed(data.encode())] == keys
    assert [key for key, _ in typed(f"{data}x".encode())] == [*keys, "x"]


def test_a_byte_that_is_no_text_is_a_sign_for_it(typed: Type) -> None:
    assert typed(b"caf\xe9 ") == [(sign, sign) for sign in "caf\ufffd "]


def test_whatever_comes_typing_goes_on(typed: Type) -> None:
    random.seed(1)
    signs = [*"\x1b\x1b\x1b[[[[0123456789;;::?<>=~uABRMtm$yO "]
    for _ in range(1000):
        typed("".join(random.choices(signs, k=random.randrange(1, 20))).encode())
        keys = [key for key, _ in typed(b"hello")]
        assert keys[-4:] == [*"ello"]  # the first sign may end a sequence
