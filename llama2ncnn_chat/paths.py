"""Where the program keeps things: the XDG folders, private to the person. Knows no file formats."""

from __future__ import annotations

from pathlib import Path

import platformdirs

APP = "llama2ncnn"


def cache_dir() -> Path:
    """Converted models and KV snapshots: may be deleted at any time."""
    return platformdirs.user_cache_path(APP, appauthor=False)


def data_dir() -> Path:
    """Sessions: what a person would miss."""
    return platformdirs.user_data_path(APP, appauthor=False)


def state_dir() -> Path:
    """The prompt's history, the theme that was chosen, and logs."""
    return platformdirs.user_state_path(APP, appauthor=False)


def config_file() -> Path:
    """The person's settings."""
    return platformdirs.user_config_path(APP, appauthor=False) / "config.toml"


def history_file() -> Path:
    """What was typed at the prompts of all faces."""
    return state_dir() / "history"


def theme_file() -> Path:
    """The name of the theme that was chosen last: what a person chose, but didn't write."""
    return state_dir() / "theme"


def make_private(folder: Path) -> Path:
    """Create a folder, and its parents, that only its owner may enter. Raises ``OSError``."""
    for missing in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
    return folder
