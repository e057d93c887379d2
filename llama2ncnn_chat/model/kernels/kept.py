"""The kernels' machine code, kept for the next start: to compile it takes a quarter of a second.

A file a kind, in the cache folder, under a name that says what it was compiled for and of which
source. Whatever is wrong with it, it is compiled anew, and said.
"""

from __future__ import annotations

import contextlib
import hashlib
from functools import cache
from pathlib import Path

from ...atomic import replacing
from ...errors import UsageError
from ...paths import cache_dir, make_private
from ...reading import NoSuchFileError, read_bytes
from .build import Kernels, compile_object, load, machine_name

DIGEST_BYTES = 32
MAX_BYTES = 1 << 24


def kept_kernels(kind: str, *, alone: bool) -> Kernels:
    """Load the kernels of a kind as they were kept; where they weren't, compile and keep them."""
    about = f"{_source()} {machine_name(kind)} {alone}"
    name = hashlib.sha256(about.encode()).hexdigest()[:16]
    path = cache_dir() / "kernels" / f"{kind}-{name}.o"
    notes = []
    try:
        code = _read(path)
    except UsageError as error:
        if not isinstance(error, NoSuchFileError):
            notes.append(f"{error.message}; the kernels were compiled anew")
        code = compile_object(kind, alone=alone)
        _write(path, code)
    loaded = load(kind, code)
    loaded.notes.extend(notes)
    return loaded


def _read(path: Path) -> bytes:
    raw = read_bytes(path, MAX_BYTES, "machine code")
    # Machine code that a bad disk has changed would crash the program.
    digest, code = raw[:DIGEST_BYTES], raw[DIGEST_BYTES:]
    if hashlib.sha256(code).digest() != digest:
        raise UsageError(f"{path}: is damaged")
    return code


def _write(path: Path, code: bytes) -> None:
    with contextlib.suppress(OSError):  # the next start compiles again
        make_private(path.parent)
        with replacing(path) as beside:
            beside.write_bytes(hashlib.sha256(code).digest() + code)


@cache
def _source() -> str:
    """Hash the modules that write the kernels."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
