"""Files in a message: their texts, and which ones are meant by an ``@path`` in it.

Knows text and files alone. What names no file stays what it is: an address, a mention, a decorator.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ..errors import UsageError
from ..paths import files_of, is_file, size_of
from ..reading import read_text
from .line import Message

MAX_FILES = 100
"""So many files at once are read: a pattern may well match a whole disk."""

MAX_QUICK = 1 << 18
"""Bytes of files that are read while a message is being typed."""

_MENTION = re.compile(r'(?<!\S)@(?:"([^"\n]+)"|(\S+))')
_BEGUN = re.compile(r'(?<!\S)@("[^"]*|[^\s"]*)$')
_AFTER = ".,;:!?)]}'\""
"""Marks that may follow a name in a sentence."""


def read_files(paths: Sequence[Path]) -> list[str]:
    """Read the texts of files. Raises ``UsageError`` for too many, and for one that is no text."""
    if len(paths) > MAX_FILES:
        raise UsageError(f"{len(paths):,} files are too many", f"{MAX_FILES} at most")
    return [_text_of(path) for path in paths]


def named(paths: Sequence[Path], texts: Sequence[str]) -> list[str]:
    """Put before the text of each file a line that names it."""
    return [f"{path}:\n{text}" for path, text in zip(paths, texts, strict=True)]


def mentions(text: str) -> set[str]:
    """Return all words of a text that could name a file, with their ``@``."""
    return {match[0] for match in _MENTION.finditer(text)}


def begun_mention(text: str) -> str | None:
    """Return what stands after the ``@`` of a mention that a text ends in, a quote included."""
    match = _BEGUN.search(text.rpartition("\n")[2])
    return match[1] if match else None


def with_files(message: Message, known: Collection[str] = (), *, quickly: bool = False) -> str:
    """Return what a message says after the texts of the files that it names by ``@path``.

    Those in ``known`` name none. ``quickly`` refuses what would take long. Raises ``UsageError``
    for files that can't be read.
    """
    paths: dict[Path, None] = {}
    said, end = "", 0
    for match in _typed(message, known):
        name, found = _meant(match, quickly=quickly)
        if found:
            paths |= dict.fromkeys(found)
            said += message.text[end : match.start()] + name
            end = match.end() if match[1] else match.start(2) + len(name)
    if quickly and sum(map(size_of, paths)) > MAX_QUICK:
        raise UsageError("the files are long: they are counted once they are sent")
    files = list(paths)
    return "\n\n".join([*named(files, read_files(files)), said + message.text[end:]])


def _meant(match: re.Match[str], *, quickly: bool) -> tuple[str, list[Path]]:
    """Find the files of a mention, as it stands or without the marks of a sentence after it."""
    names = (match[1],) if match[1] else (match[2], match[2].rstrip(_AFTER))
    for name in names:
        if quickly and "**" in name:
            raise UsageError(f"{name}: is looked for once it is sent")
        if found := list(filter(is_file, files_of(name))):
            return name, found
    return "", []


def _typed(message: Message, known: Collection[str]) -> Iterator[re.Match[str]]:
    """Find what may name files and was typed."""
    taken = [
        place.span()
        for piece in message.verbatim
        for place in re.finditer(re.escape(piece.strip()), message.text)
    ]
    for match in _MENTION.finditer(message.text):
        if match[0] not in known and not any(a <= match.start() < b for a, b in taken):
            yield match


def _text_of(path: Path) -> str:
    try:
        text = read_text(path)
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is not text in UTF-8") from None
    if "\0" in text:
        raise UsageError(f"{path}: is not a text")
    if not text.strip():
        raise UsageError(f"{path}: is empty")
    return text.rstrip("\n")
