"""The command about presets: list them, take one over, save what is set as one.

Knows the chat that is open; neither draws nor parses a command line.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ...paths import URI, as_text, config_file, path_of
from ..chat import Chat
from ..option import shown
from ..outcomes import Ask, Outcome, Say
from ..phrases import brief
from ..presets import IN_A_CHAT, Preset, find_preset, refuse_name, to_save
from ..settings_file import read_settings, save_preset


def preset(chat: Chat, argument: str) -> Iterator[Outcome]:
    """List the presets, set what one of them has, or save one."""
    verb, _, name = argument.partition(" ")
    if not argument:
        yield Say(_list())
    elif verb == "save":
        yield from _save(chat, name.strip())
    else:
        found = find_preset(argument)
        values = found.for_a_chat
        chat.set_values(values)
        said = ", ".join(f"{name} {_shown(name, value)}" for name, value in values.items())
        lines = [f"preset {found.name}: {said or 'nothing that a chat can set'}"]
        yield Say("\n".join([*lines, *found.notes, *_beyond_settings(chat, found)]))


def about(values: Mapping[str, Any]) -> str:
    """Say in a line what a preset of the settings file has, as it is written there."""
    return brief(", ".join(f"{name} {value}" for name, value in values.items()))


def _list() -> str:
    presets = read_settings(config_file()).presets
    if not presets:
        return "no preset yet (/preset save NAME keeps what is set as one)"
    width = max(map(len, presets))
    return "\n".join(f"{name:<{width}}  {about(values)}" for name, values in presets.items())


def _save(chat: Chat, name: str) -> Iterator[Outcome]:
    refuse_name(name)
    if name in read_settings(config_file()).presets:
        yield Ask(f"There is a preset {name}. Write over it?", _write(chat, name), (_NOT_SAVED,))
    else:
        yield from _write(chat, name)


_NOT_SAVED = Say("not saved")


def _write(chat: Chat, name: str) -> Iterator[Outcome]:
    values = to_save(chat.settings, chat.model.name)
    if values["model"].startswith(URI):  # of bytes that no text can have
        del values["model"]
    save_preset(config_file(), name, values)
    yield Say(f"saved in {config_file()}; --preset {shlex.quote(name)} begins with it")


def _shown(name: str, value: Any) -> str:
    return brief(value, 40) or "none" if name == "system" else shown(IN_A_CHAT[name], value)


def _beyond_settings(chat: Chat, found: Preset) -> Iterator[str]:
    """Say what of a preset isn't so here, and what makes it so."""
    model, length = found.values.get("model"), found.values.get("ctx_size")
    if model is not None and chat.model.name not in (model, as_text(str(path_of(model).resolve()))):
        yield f"it is for the model {model}: /model {model} goes on with that"
    here = chat.view.context_length  # None where an engine keeps that to itself
    if None not in (length, here) and str(length) != str(here):
        start = f"llama2ncnn-chat --preset {shlex.quote(found.name)}"
        yield f"it is for a context of {length} tokens: {start} opens that"
