"""Whether a conversion in the cache still is what was put there, as far as that is cheap to tell.

Up to 4 MiB of every file, its head and its end among them, are held against sums that were taken
when it was made. Knows no source; what is done about damage is the caller's.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from convert.desc import ModelDesc, read_desc, verify
from convert.errors import ConvertError
from convert.files import is_file, sha256_file
from convert.sources.source import InputFile
from convert.stem import CHAT_SUFFIX, TOKENIZER_SUFFIX, file_of

from ..atomic import replacing
from .cached import read_kept
from .hashes import OnBytes

SUMS = "sums.json"
SUMMED = (".bin", TOKENIZER_SUFFIX, CHAT_SUFFIX)
"""The others vouch for themselves: a ``.desc`` has its own checksum, and that of the ``.param``."""

PIECE, MAX_PIECES = 1 << 16, 64

AGAIN = "llama2ncnn-chat models rm takes it out of the cache, if the model is at hand to convert"


def write_sums(stem: Path) -> None:
    """Take the sums of a conversion's files, beside them. Raises ``OSError``, ``ConvertError``."""
    text = json.dumps(_sums_of(stem))
    with replacing(stem.parent / SUMS) as beside:
        beside.write_text(text)


def read_sound(stem: Path, *, whole: bool = False, progress: OnBytes | None = None) -> ModelDesc:
    """Read the description of a conversion whose files are what they were.

    With ``whole`` all of them is read; so it is once of one that has no sums, an earlier program's,
    which gets them; ``progress`` is told how far that is. Raises ``ConvertError`` for any damage.
    """
    d, sums = read_desc(stem), read_kept(stem.parent / SUMS)
    if whole or sums is None:
        verify(stem, d, progress and (lambda done: progress(done, d.bin_size)))
    elif sha256_file(file_of(stem, ".param")) != d.param_sha256:
        raise ConvertError(f"{file_of(stem, '.param')}: is damaged", AGAIN)
    if sums is None:
        with suppress(OSError):  # a cache that can't be written
            write_sums(stem)
        return d
    now = _sums_of(stem)
    if changed := [name for name in {**sums, **now} if sums.get(name) != now.get(name)]:
        raise ConvertError(f"{stem.parent / changed[0]}: is damaged", AGAIN)
    return d


def sound_or_none(
    stem: Path, *, whole: bool = False, progress: OnBytes | None = None
) -> ModelDesc | None:
    """Do what ``read_sound`` does; None for one that is damaged, or isn't there."""
    with suppress(ConvertError):
        return read_sound(stem, whole=whole, progress=progress)
    return None


def _sums_of(stem: Path) -> dict[str, list[object]]:
    paths = (file_of(stem, suffix) for suffix in SUMMED)
    return {path.name: _sum_of(path) for path in paths if is_file(path)}


def _sum_of(path: Path) -> list[object]:
    """Return a file's size and the SHA-256 of pieces all over it; of a small file they are all."""
    file, digest = InputFile(path), hashlib.sha256()
    try:
        n = min(MAX_PIECES, -(-file.size // PIECE))
        last = max(0, file.size - PIECE)
        for i in range(n):
            at = last * i // max(1, n - 1)
            digest.update(file.read(at, min(PIECE, file.size), "a piece").data)
        return [file.size, digest.hexdigest()]
    finally:
        file.close()
