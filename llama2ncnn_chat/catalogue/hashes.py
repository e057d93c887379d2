"""Files to the hash of their content, remembered for as long as a file stays as it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from convert.files import sha256_file

from ..atomic import replacing
from ..paths import make_private
from .cached import HASHES, hash_in, read_kept

OnBytes = Callable[[int, int], None]
"""Is told how many bytes were read, of how many."""


def content_hash(
    files: Sequence[Path], root: Path, hashing: OnBytes | None, notes: list[str]
) -> str:
    """Compute the SHA-256 of one file; of several, the SHA-256 of theirs in a row.

    What was computed is remembered under ``root``, the cache folder; a memo that turned out
    damaged is written anew, as ``notes`` then says. Raises ``OSError``.
    """
    total, before = sum(path.stat().st_size for path in files), 0
    digests = []
    for path in files:

        def report(done: int, before: int = before) -> None:
            if hashing:
                hashing(before + done, total)

        digests.append(_file_hash(path, root, report, notes))
        before += path.stat().st_size
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _file_hash(path: Path, root: Path, hashing: Callable[[int], None], notes: list[str]) -> str:
    """Compute a file's SHA-256, or look it up if its name, size and time are as they were."""
    stat = path.stat()
    stamp = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino]
    memo = root / HASHES / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:24]}.json"
    known = read_kept(memo) or {}
    if known.get("stamp") == stamp and (digest := hash_in(known)):
        return digest
    digest = sha256_file(path, hashing)
    damaged = os.path.lexists(memo) and not hash_in(known)
    with suppress(OSError):  # a memo is a convenience
        make_private(memo.parent)
        with replacing(memo) as beside:
            beside.write_text(json.dumps({"stamp": stamp, "sha256": digest}))
        if damaged:
            notes.append(f"{memo}: was damaged; {path.name} was read again for it")
    return digest
