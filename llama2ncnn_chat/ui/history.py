"""Remembers what a person has sent, across sessions and faces: one file, in prompt_toolkit's form.

A line may have many rows and stays one entry. A draft that nobody could send is kept beside it for
the next start. Knows no face.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .. import signals
from ..atomic import replacing
from ..errors import UsageError
from ..paths import make_private
from ..reading import read_end, read_text

KEEP = 1000
DRAFT = "draft"
MAX_KEPT = 1 << 16
"""Characters; what is longer is remembered as long as the program runs."""

MAX_READ = 16 << 20
"""Bytes of a file's end: most likely more than what is kept takes."""

BETWEEN = "\n# "
"""What stands before an entry; its time follows."""


class History:
    """Entries, oldest first, and a place among them; after the newest comes the draft itself.

    Without a ``path``, or where the file can't be written, it lasts as long as the program.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._entries: list[str] = []
        if path:
            with suppress(UsageError):  # no file yet, or none that can be read: an empty history
                raw, whole = read_end(path, MAX_READ)
                text = raw.decode("utf-8", "replace")
                # Not splitlines(): U+2028 and its like are characters of a message.
                lines = (text if whole else text.partition(BETWEEN)[2]).split("\n")
                self._entries = list(_entries(lines))[-KEEP:]
        self._at = len(self._entries)
        self._draft = ""

    def add(self, text: str) -> None:
        """Remember a line that was sent."""
        if text.strip() and self._entries[-1:] != [text]:
            self._entries.append(text)
            self._write(text)
        self._at = len(self._entries)

    @property
    def entries(self) -> list[str]:
        """All that is remembered, oldest first."""
        return list(self._entries)

    def back(self, draft: str) -> str | None:
        """Step to the entry before; ``draft`` is what stands in the prompt. None at the first."""
        if self._at == 0:
            return None
        if self._at == len(self._entries):
            self._draft = draft
        self._at -= 1
        return self._entries[self._at]

    def forward(self) -> str | None:
        """Step to the entry after, at last the draft. None where there is none."""
        if self._at == len(self._entries):
            return None
        self._at += 1
        return self._draft if self._at == len(self._entries) else self._entries[self._at]

    def search(self, words: str) -> list[str]:
        """List the entries that have the words, newest first, each once."""
        wanted = words.casefold()
        return [e for e in dict.fromkeys(reversed(self._entries)) if wanted in e.casefold()]

    def keep_draft(self, draft: str) -> None:
        """Keep what was typed and not sent, below what is kept already, until ``take_draft``."""
        if self._path is None or not draft.strip():
            return
        file = self._path.with_name(DRAFT)
        before = _kept(file)
        draft = f"{before}\n\n{draft}" if before else draft
        with suppress(OSError):
            make_private(file.parent)
            with replacing(file) as new:
                new.write_text(draft, encoding="utf-8", errors="replace")

    def take_draft(self) -> str:
        """Return the draft that was kept, which only the history has from now on; or nothing."""
        if self._path is None:
            return ""
        file = self._path.with_name(DRAFT)
        if draft := _kept(file):
            self.add(draft)
            with suppress(OSError):
                file.unlink()
        return draft

    @contextmanager
    def keeping_draft(self, unsent: Callable[[], str]) -> Iterator[None]:
        """Keep what is ``unsent`` when the block is ended by an error or a signal."""
        try:
            yield
        except BaseException:
            with signals.ignored():
                self.keep_draft(unsent())
            raise

    def _write(self, text: str) -> None:
        if self._path is None or len(text) > MAX_KEPT:
            return
        lines = "".join(f"+{line}\n" for line in text.split("\n"))
        with suppress(OSError):  # a full disk costs the history, not the message
            make_private(self._path.parent)
            with open(
                self._path, "a", encoding="utf-8", errors="replace", opener=_without_waiting
            ) as file:
                file.write(f"{BETWEEN}{time.strftime('%Y-%m-%d %H:%M:%S')}\n{lines}")


def _without_waiting(path: str, flags: int) -> int:
    """Open a file of a person's own, where a pipe in its place is an ``OSError``."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)


def _kept(draft: Path) -> str:
    with suppress(UsageError):  # there is none, or nothing that can be read
        return read_text(draft, "replace")
    return ""


def _entries(lines: list[str]) -> Iterator[str]:
    entry: list[str] = []
    for line in [*lines, ""]:
        if line.startswith("+"):
            entry.append(line[1:])
        elif entry:
            yield "\n".join(entry)
            entry = []
