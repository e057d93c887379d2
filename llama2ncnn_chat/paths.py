"""Where the program keeps things: the XDG folders, private to the person; names of files as text.

Knows no file formats.
"""

from __future__ import annotations

import glob
import os
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

import platformdirs

APP = "llama2ncnn"
URI = "file://"


def cache_dir() -> Path:
    """Return the folder of converted models and KV snapshots, which may be deleted at any time."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def data_dir() -> Path:
    """Return the folder of the sessions: what a person would miss."""
    return platformdirs.user_data_path(APP, appauthor=False)


def state_dir() -> Path:
    """Return the folder of the prompt's history, the theme that was picked, logs and copies."""
    return platformdirs.user_state_path(APP, appauthor=False)


def config_file() -> Path:
    """Return the path of the settings that a person writes by hand."""
    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"


def history_file() -> Path:
    """Return the path of what was typed at the prompts of all faces."""
    return state_dir() / "history"


def crash_log() -> Path:
    """Return the path of the log of errors that nobody foresaw."""
    return state_dir() / "logs" / "crash.log"


def theme_file() -> Path:
    """Return the path of the file that has the name of the theme that was picked last."""
    return state_dir() / "theme"


def palette_file() -> Path:
    """Return the path of the file that names what was taken from the palette last."""
    return state_dir() / "palette"


def path_of(typed: str) -> Path:
    """Return the path that a person means; ``~`` and ``~name`` are as a shell has them."""
    return Path(os.path.expanduser(typed))  # noqa: PTH111 (pathlib's raises where nobody has that name)


def is_there(path: Path) -> bool:
    """Tell whether there is something; no for a name that can't be one, as one that is too long."""
    return os.path.exists(path)  # noqa: PTH110 (pathlib's raises for those)


def is_file(path: Path) -> bool:
    """Tell whether a file is there, or a link to one; no for a name that can't be one."""
    return os.path.isfile(path)  # noqa: PTH113 (as above)


def size_of(path: Path) -> int:
    """Return the bytes of a file; 0 where that can't be told."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def files_of(typed: str) -> list[Path]:
    """Return the files that a person means, in order: ``*``, ``?``, ``[]`` and ``**`` match names.

    What matches nothing, or is there as it is written, is one path.
    """
    path = path_of(typed)
    if is_there(path) or not glob.has_magic(typed):
        return [path]
    found = glob.glob(str(path), recursive=True)  # noqa: PTH207 (pathlib's knows no whole paths)
    return [p for p in map(Path, sorted(found)) if p.is_file()] or [path]


def as_text(name: str) -> str:
    """Write the name of a file, or another, as text that can be stored: a URI if it is no text."""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes of a name that aren't UTF-8
        return Path(name).absolute().as_uri()
    return name


def from_text(text: str) -> str:
    """Read what ``as_text`` has written."""
    if not text.startswith(URI):
        return text
    return os.fsdecode(unquote_to_bytes(text.removeprefix(URI)))


def make_private(folder: Path) -> Path:
    """Create a folder, and its parents, that only its owner may enter. Raises ``OSError``."""
    for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder


def keep_private(file: Path) -> None:
    """Let its owner alone read and write a file of the program's, if it is there and theirs."""
    with suppress(OSError):
        if stat.S_IMODE(file.stat().st_mode) != 0o600:
            file.chmod(0o600)
