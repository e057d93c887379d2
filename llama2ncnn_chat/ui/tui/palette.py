"""The command palette's own entries: every command of the table, every action of the chat screen.

Knows how to run a line and an action; themes and the rest are Textual's.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding
from textual.command import CommandPalette
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from ...chat.commands.table import COMMANDS
from ...chat.line import Command
from .chat_screen import ChatScreen

SHOWN_ELSEWHERE = ("help", "exit", "theme")
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


class Palette(CommandPalette):
    """Textual's, but Enter waits for what the words find, and never takes what others found."""

    def __init__(self) -> None:
        super().__init__(id="--command-palette")
        self._entered = False

    def on_mount(self) -> None:
        self.query_one("#--input").border_title = "Palette"

    @on(Input.Submitted)
    def _enter(self, event: Input.Submitted) -> None:
        event.prevent_default()
        event.stop()
        if any(not worker.is_finished for worker in self._searches()):
            self._entered = True
        else:
            self._select_or_command()

    @on(Worker.StateChanged)
    def _searched(self, event: Worker.StateChanged) -> None:
        if self._entered and event.worker in self._searches() and event.worker.is_finished:
            self._entered = event.state is not WorkerState.SUCCESS
            if not self._entered:
                self._select_or_command()

    def _searches(self) -> list[Worker[object]]:
        return [w for w in self.workers if w.group == self._GATHER_COMMANDS_GROUP]
