"""The palette's order: what was taken from it last stands first, across sessions.

The rest comes in the order in which it is offered. Knows names of entries, not what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from textual.app import SystemCommand
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.types import IgnoreReturnCallbackType

from ...atomic import replacing
from ...errors import UsageError
from ...paths import make_private, palette_file
from ...reading import read_bytes

KEEP = 8
"""Names that are remembered: as many as are in sight at once."""

MAX_READ = 1 << 12


def used_names() -> list[str]:
    """Return the names of the entries that were taken last, the latest first."""
    with suppress(UsageError, UnicodeDecodeError):
        return read_bytes(palette_file(), MAX_READ, "the palette's order").decode().splitlines()
    return []


def remember_use(name: str) -> None:
    """Write down that an entry was taken."""
    names = [name, *(other for other in used_names() if other != name)][:KEEP]
    with suppress(OSError):  # then the order stays as it was
        make_private(palette_file().parent)
        with replacing(palette_file()) as beside:
            beside.write_text("".join(f"{n}\n" for n in names), encoding="utf-8")


class ByUse(Provider):
    """What the app offers, in this order; also among what matches the same words as well."""

    async def discover(self) -> Hits:
        """List everything."""
        for entry in self._entries():
            yield DiscoveryHit(entry.title, self._run(entry), help=entry.help)

    async def search(self, query: str) -> Hits:
        """List what matches."""
        matcher = self.matcher(query)
        for entry in self._entries():
            if (match := matcher.match(entry.title)) > 0:
                shown = matcher.highlight(entry.title)
                yield Hit(match, shown, self._run(entry), help=entry.help)

    def _entries(self) -> Iterator[SystemCommand]:
        offered = {entry.title: entry for entry in self.app.get_system_commands(self.screen)}
        for name in used_names():
            if name in offered:
                yield offered.pop(name)
        yield from offered.values()

    def _run(self, entry: SystemCommand) -> IgnoreReturnCallbackType:
        def run() -> object:
            remember_use(entry.title)
            return entry.callback()

        return run
