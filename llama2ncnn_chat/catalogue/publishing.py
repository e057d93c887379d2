"""Puts conversions into the cache: where one belongs, and whole or not at all.

Knows neither sources nor formats; what converts is the caller's.
"""

from __future__ import annotations

import atexit
import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from convert.desc import ModelDesc
from convert.errors import ConvertError
from convert.pipeline import CONVERTER
from convert.temporary import discard, name_folder, temporary_folder

from ..paths import cache_dir, make_private
from .cached import KEY_DIGITS, MODELS, ORIGIN, STEM, Origin, read_kept, read_origin, write_origin
from .hashes import OnBytes, content_hash
from .sound import SUMS, read_sound, sound_or_none, write_sums


def cache_stem(
    files: Sequence[Path], options: str, hashing: OnBytes | None, notes: list[str]
) -> Path:
    """Return the stem that a conversion of these files under these options has in the cache.

    Where that can't be written, it is one of this run alone, as ``notes`` then says.
    """
    try:
        root = make_private(cache_dir())
        digest = content_hash(files, root, hashing, notes)[:KEY_DIGITS]
        key = f"{digest}-{options}-{CONVERTER.split()[-1]}"
        folder = make_private(root / MODELS) / key
        if not os.access(folder.parent, os.W_OK) and not sound_or_none(folder / STEM):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder.parent))
    except OSError as e:
        around = name_folder()
        atexit.register(discard, around)
        make_private(around)
        folder = around / MODELS
        notes.append(f"{e.filename}: {e.strerror}; converting into {around} for this time")
    return folder / STEM


def take_sound(
    convert: Callable[[Path], ModelDesc],
    stem: Path,
    origin: Origin,
    *,
    check: bool,
    hashing: OnBytes | None,
    notes: list[str],
) -> ModelDesc:
    """Take the conversion that is in the cache, or make it; anew, with a note, if it is damaged.

    With ``check`` all of it is read to see that. So it is with what is kept beside it.
    """
    beside = [stem.with_name(name) for name in (SUMS, ORIGIN)]
    damaged = [path for path in beside if os.path.lexists(path) and not read_kept(path)]
    try:
        desc = read_sound(stem, whole=check, progress=hashing)
    except ConvertError as e:
        if stem.parent.exists():
            notes.append(f"{e.message}; it was converted anew")
        return publish(convert, stem, origin, check=check)
    if read_origin(stem.parent) is None:
        with suppress(OSError):  # a cache that can't be written
            write_origin(stem.parent, origin)
    notes += [f"{path}: was damaged; it was written anew" for path in damaged if read_kept(path)]
    return desc


def publish(
    convert: Callable[[Path], ModelDesc], stem: Path, origin: Origin, *, check: bool = False
) -> ModelDesc:
    """Convert beside the folder of ``stem`` and rename it into place at once.

    Two processes that convert the same checkpoint never see each other's half: the second to end
    uses what the first has left there, if it is sound; with ``check`` all of it is read to see.
    """
    folder = stem.parent
    with temporary_folder(folder.parent) as around:
        new = make_private(around / "new")
        desc = convert(new / stem.name)
        write_origin(new, origin)
        write_sums(new / stem.name)
        try:
            with suppress(FileNotFoundError):
                folder.rmdir()
            new.rename(folder)
        except OSError:
            if there := sound_or_none(stem, whole=check):
                return there
            # What lies there is no whole model; the cache is the program's own.
            folder.rename(around / "broken")
            new.rename(folder)
    return desc
