"""Where the entries of a zip file stand that was written without compression.

Reads the directory at the end and the header of an entry that is asked for, never its data.
Source: PKWARE's APPNOTE 6.3, with Zip64 as PyTorch writes it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from ..errors import ConvertError
from .source import InputFile

MAX_DIRECTORY = 16 << 20
END = struct.Struct("<4s4H2LH")
LOCATOR64 = struct.Struct("<4sLQL")
END64 = struct.Struct("<4sQ2H2L4Q")
ENTRY = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")
NOT_WHOLE = "is it whole? download it again"


@dataclass(frozen=True)
class ZipEntry:
    """``size`` bytes of an entry, whose local header stands at ``header``; as they are stored."""

    name: str
    header: int
    size: int
    stored: bool


def read_directory(file: InputFile) -> dict[str, ZipEntry]:
    """List the entries of a zip file by their names. Raises ``ConvertError``."""
    try:
        at, size, count = _directory(file)
        if not 0 <= at <= at + size <= file.size or size > MAX_DIRECTORY:
            raise ValueError
        raw = file.read(at, size, "the zip's directory").tobytes()
        entries, place = {}, 0
        for _ in range(count):  # each takes bytes of what has been read
            entry, place = _entry(raw, place)
            entries[entry.name] = entry
        return entries
    except (ValueError, struct.error):
        raise ConvertError(f"{file.path}: its zip directory is damaged", NOT_WHOLE) from None


def data_of(file: InputFile, entry: ZipEntry) -> int:
    """Find where the bytes of an entry begin. Raises ``ConvertError``."""
    if not entry.stored:
        raise ConvertError(f"{file.path}: {entry.name[:80]!r} is compressed, PyTorch's never are")
    if not 0 <= entry.header <= file.size - LOCAL.size:
        raise ConvertError(f"{file.path}: {entry.name[:80]!r} lies beyond its end", NOT_WHOLE)
    raw = file.read(entry.header, LOCAL.size, "a header").tobytes()
    magic, *_, n_name, n_extra = LOCAL.unpack(raw)
    at: int = entry.header + LOCAL.size + n_name + n_extra
    if magic != b"PK\3\4" or at + entry.size > file.size:
        raise ConvertError(f"{file.path}: {entry.name[:80]!r} isn't where it should be", NOT_WHOLE)
    return at


def _directory(file: InputFile) -> tuple[int, int, int]:
    """Where the directory begins, its bytes, and how many entries it has."""
    tail = min(file.size, END.size + 0xFFFF)
    raw = file.read(file.size - tail, tail, "the end").tobytes()
    place = raw.rfind(b"PK\5\6")
    if place < 0:
        raise ValueError
    _, _, _, _, count, size, at, _ = END.unpack_from(raw, place)
    if 0xFFFFFFFF in (at, size) or count == 0xFFFF:
        magic, _, end64, _ = LOCATOR64.unpack_from(raw, place - LOCATOR64.size)
        if place < LOCATOR64.size or magic != b"PK\6\7" or end64 > file.size - END64.size:
            raise ValueError
        record = END64.unpack(file.read(end64, END64.size, "the end").tobytes())
        if record[0] != b"PK\6\6":
            raise ValueError
        count, size, at = record[7:]
    return at, size, count


def _entry(raw: bytes, place: int) -> tuple[ZipEntry, int]:
    fields = ENTRY.unpack_from(raw, place)
    magic, flags, method, packed, size = fields[0], fields[3], fields[4], fields[8], fields[9]
    n_name, n_extra, n_comment, header = *fields[10:13], fields[16]
    name_at = place + ENTRY.size
    extra_at = name_at + n_name
    after: int = extra_at + n_extra + n_comment
    if magic != b"PK\1\2" or after > len(raw):
        raise ValueError
    # Zip64 has the numbers that don't fit, those alone, in this order.
    large = _zip64(raw[extra_at : extra_at + n_extra])
    size, packed, header = (
        large.pop(0) if number == 0xFFFFFFFF and large else number
        for number in (size, packed, header)
    )
    name = raw[name_at:extra_at].decode("utf-8", "replace")
    stored = method == 0 and not flags & 1 and packed == size
    return ZipEntry(name, header, size, stored), after


def _zip64(extra: bytes) -> list[int]:
    place = 0
    while place + 4 <= len(extra):
        kind, n = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            n = min(n, len(extra) - place - 4) // 8
            return list(struct.unpack_from(f"<{n}Q", extra, place + 4))
        place += 4 + n
    return []
