"""A vocabulary's pieces are asked for once, and again where what is kept isn't that."""

from __future__ import annotations

from pathlib import Path

import pytest

from llama2ncnn_chat.paths import cache_dir
from llama2ncnn_chat.remote.kept_pieces import kept_pieces

PIECES = [b"", b"a", "é".encode(), b"\xe9", bytes(range(256))]


class Asked:
    n = 0

    def __call__(self) -> list[bytes]:
        self.n += 1
        return PIECES


def kept(asked: Asked) -> list[bytes]:
    return kept_pieces("key", len(PIECES), asked)


def file() -> Path:
    (path,) = (cache_dir() / "vocabularies").iterdir()
    return path


def test_they_are_asked_for_once() -> None:
    asked = Asked()
    assert kept(asked) == kept(asked) == PIECES
    assert asked.n == 1


@pytest.mark.parametrize(
    "wrong", ["", "[", "{}", "3", "null", '["a"]', "[1, 2, 3, 4, 5]", "[" * 9999]
)
def test_what_is_damaged_is_asked_for_again(wrong: str) -> None:
    asked = Asked()
    kept(asked)
    file().write_text(wrong)
    assert kept(asked) == PIECES
    assert kept(asked) == PIECES
    assert asked.n == 2


def test_where_nothing_can_be_kept_it_is_asked_for_each_time() -> None:
    cache_dir().parent.mkdir(parents=True, exist_ok=True)
    cache_dir().write_text("no folder")
    asked = Asked()
    assert kept(asked) == kept(asked) == PIECES
    assert asked.n == 2
