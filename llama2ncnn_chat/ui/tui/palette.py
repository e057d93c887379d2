"""The command palette's own entries: every command of the table, every action of the chat screen.

Knows how to run a line and an action; themes and the rest are Textual's.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.app import SystemCommand
from textual.binding import Binding

from ...chat.commands.table import COMMANDS
from ...chat.line import Command
from .chat_screen import ChatScreen

SHOWN_ELSEWHERE = ("help", "exit")
NEEDS_ARGUMENT = ("read", "load", "rename", "edit", "set", "system")


def entries(screen: ChatScreen, bindings: Iterable[Binding]) -> Iterable[SystemCommand]:
    """Yield an entry for each of these bindings and for each command of the table."""
    for binding in bindings:
        action = binding.action
        yield SystemCommand(
            binding.description, binding.tooltip or "", partial(screen.app.run_action, action)
        )
    for command in COMMANDS:
        if command.name in SHOWN_ELSEWHERE:
            continue
        if command.name in NEEDS_ARGUMENT:
            run = partial(screen.composer.set_draft, f"/{command.name} ")
            yield SystemCommand(command.usage, command.help, run)
        else:
            line = Command(command.name)
            yield SystemCommand(str(line), command.help, partial(screen.run_command, line))
