"""Presets: settings that go together, by a name in ``config.toml`` or in an ollama Modelfile.

Knows which settings they may have; what only a start can do with them, ``launch`` does.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..conversation.settings import Settings
from ..errors import UsageError
from ..paths import config_file, is_there, path_of
from ..text.templates.marked import TEMPLATES
from .modelfile import read_modelfile
from .option import find_option, read_value
from .options import SETTINGS, SYSTEM, values_of
from .settings_file import read_settings

AT_A_START = ("model", "ctx_size")
"""Settings that a preset may have and a chat can't change."""

IN_A_CHAT = {SYSTEM.name: SYSTEM, **SETTINGS}
NOT_SAVED = ("threads",)
"""What belongs to the machine."""

VERBS = ("save",)
"""Words that stand where the name of a preset could."""


@dataclass(frozen=True)
class Preset:
    """``values`` by the names of settings, as they are written at the place that errors name;
    ``left_out`` is what its file has besides."""

    name: str
    place: str
    values: Mapping[str, Any]
    left_out: tuple[str, ...] = ()

    @property
    def for_a_chat(self) -> dict[str, Any]:
        """The values that a chat can set. Raises ``UsageError``, with the place."""
        return {
            name: read_value(IN_A_CHAT[name], value, f"{self.place}: {name}: ")
            for name, value in self.values.items()
            if name in IN_A_CHAT
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be told of it."""
        if not self.left_out:
            return ()
        return (f"{self.place}: not taken over: {'; '.join(self.left_out)}",)


NO_PRESET = Preset("", "", {})


def find_preset(named: str, path: Path | None = None) -> Preset:
    """Find the preset of that name in the settings file, else the Modelfile at that path.

    ``path`` is that of the settings file, the person's own if None. Raises ``UsageError``.
    """
    path = path or config_file()
    tables = read_settings(path).presets
    if named in tables:
        place = f"{path}: preset {named}"
        return Preset(named, place, _by_option(tables[named], place))
    file = path_of(named)
    if is_there(file) or file.name != named:
        values, left_out = read_modelfile(file)
        return Preset(named, str(file), values, left_out)
    near = difflib.get_close_matches(named, tables, 1)
    there_are = (
        f"there are {', '.join(tables)}" if tables else f"[preset.NAME] in {path} begins one"
    )
    raise UsageError(f"no preset {named!r}", f"did you mean {near[0]}?" if near else there_are)


def refuse_name(name: str) -> None:
    """Raise ``UsageError`` for what can't be the name of a preset, as it would be a file's."""
    if not name:
        raise UsageError("which name?", "/preset save NAME")
    if not name.isprintable() or name in VERBS or path_of(name).name != name:
        raise UsageError(f"{name!r} can't be the name of a preset", "take a word")


def to_save(settings: Settings, model: str) -> dict[str, Any]:
    """Return what a preset of these settings and that model is written with.

    A template that the model brings along is no value of the setting: it comes with the model.
    """
    values = {"model": model, **values_of(settings)}
    if settings.schema:
        values["schema"] = str(Path(settings.schema.path).absolute())
    template = values.pop("template")
    if template == TEMPLATES.get(template.name):
        values["template"] = template.name
    return {
        name: IN_A_CHAT[name].off if value is None else value
        for name, value in values.items()
        if name not in NOT_SAVED
    }


def _by_option(table: Mapping[str, Any], place: str) -> dict[str, Any]:
    values = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        try:
            found = name if name in AT_A_START else find_option(key, tuple(IN_A_CHAT.values())).name
        except UsageError as e:
            raise UsageError(f"{place}: {e.message}", e.hint) from None
        values[found] = value
    return values
