"""Writes a ``config.toml`` that says all there is to set, from the table of options.

What it writes changes nothing until a line is made to: a value that stands in the file would go
before those that a model's own files have.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ..chat.option import Option
from ..chat.settings_file import toml
from ..paths import config_file

WIDTH = 98

ABOUT = (
    "The settings of llama2ncnn-chat and their defaults. To change one, take the # away before it. "
    "A flag goes first, then a preset, then the environment (LLAMA2NCNN_TOP_K=20), then the "
    "session that is gone on with, then this file, then the sampling values in a model's own "
    "files, then the defaults. [preset.NAME] begins a table of settings that go together, for "
    "--preset NAME or /preset NAME: model, ctx_size, system, and all that /set lists."
)


def config_text(options: Iterable[Option]) -> str:
    """Write the file; of the options, those that it can set."""
    kept = [option for option in options if option.scope != "run"]
    parts = [f"# {toml(str(config_file()))}\n{_comment(ABOUT)}"]
    for group in dict.fromkeys(option.group for option in kept):
        parts += [f"# -- {group} --"] if group else []
        parts += [_row(option) for option in kept if option.group == group]
    return "\n\n".join(parts) + "\n"


def _row(option: Option) -> str:
    about = _about(option)
    if option.default is None and not option.off:  # no value says it
        return _comment(f"{option.name}: {about}; where it isn't set, {option.unset}")
    value = option.off if option.default is None else option.default
    return f"{_comment(about)}\n#{option.name} = {toml(value)}"


def _about(option: Option) -> str:
    """Say what its values mean; the help of a switch is that of its flag."""
    if option.is_switch:
        about = f"{'false' if option.default is True else 'true'}: {option.help}"
        return f"{about}; false: {option.contrary[1]}" if option.contrary else about
    about = option.help if option.many else option.about
    says_all = all(choice in about for choice in option.choices)
    return about if says_all else f"{about} ({', '.join(option.choices)})"


def _comment(text: str) -> str:
    return "\n".join(f"# {line}" for line in textwrap.wrap(text, WIDTH, break_on_hyphens=False))
