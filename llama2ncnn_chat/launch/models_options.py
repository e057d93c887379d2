"""The table of what ``models`` can be told, and the frozen value that a run makes of it.

Knows no argparse, no streams and no model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..chat.option import Option, one_of, switch, text
from ..errors import UsageError
from .config import flags_alone
from .options import JSON

ACTIONS = ("list", "show", "rm", "prune")

MODELS_OPTIONS: tuple[Option, ...] = (
    Option(
        "action",
        one_of(ACTIONS),
        ACTIONS[0],
        "list them (as without a word), show what one is and how a chat with it reads, rm one that "
        "was converted, or prune those whose source is gone",
        "run",
        metavar="ACTION",
        positional=True,
    ),
    Option(
        "name", text, None, "which one to show or to remove", "run", metavar="NAME", positional=True
    ),
    Option("yes", switch, False, "remove without asking", "run"),
    JSON,
)
"""The options of ``models``, which reads neither the environment nor the settings file."""


@dataclass(frozen=True)
class ModelsOptions:
    """What a run of ``models`` was told, a field for every row of ``MODELS_OPTIONS``."""

    action: Literal["list", "show", "rm", "prune"]
    name: str | None
    yes: bool
    json: bool


def models_options_of(flags: Mapping[str, Any]) -> ModelsOptions:
    """Settle the options of ``models``, from flags alone. Raises ``UsageError``."""
    options = ModelsOptions(**flags_alone(MODELS_OPTIONS, flags))
    if (options.action in ("show", "rm")) != (options.name is not None):
        if options.name is None:
            raise UsageError("which model?", "llama2ncnn-chat models lists them")
        raise UsageError(
            f"{options.action} takes no name", "models show NAME and models rm NAME do"
        )
    return options
