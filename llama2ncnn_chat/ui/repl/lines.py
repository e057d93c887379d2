"""Messages as plain lines: dumb terminals, screen readers, pipes. Nothing is ever drawn again.

A line is a message; lines between two rows of three quotes are one. What a text means is none of
its business.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TextIO

from ...chat.line import Line, Message, parse
from ...errors import Terminated
from ..history import History
from .prompts import YES, Watch
from .watch import SignalWatch

QUOTES = '"""'

Complete = Callable[[str], list[str]]


class LinePrompt:
    """``label`` stands before every line; without one (a pipe) nothing is written at all.

    ``editing`` takes the system's line editor, if Python has it; ``complete`` tells it what a line
    may become when Tab is pressed.
    """

    prefills = False

    def __init__(
        self,
        label: str = "",
        *,
        editing: bool = False,
        complete: Complete = lambda _: [],
        history: History | None = None,
        stdin: TextIO | None = None,
    ) -> None:
        self._label, self._stdin = label, stdin or sys.stdin
        self._attached = ""
        self._editing, self._history = editing, history or History()
        if editing:
            with suppress(ImportError):
                _set_up_editor(self._history.entries, complete)

    def read(self, _draft: str = "", /, *, edits: bool = False) -> Line:
        text = self._line("edit> " if edits and self._label else self._label)
        if text.startswith(QUOTES):
            text = str(Message(self._quoted(text.removeprefix(QUOTES))))
        if self._editing:
            self._history.add(text)
        line = parse(text)
        if isinstance(line, Message) and line.text:
            line, self._attached = Message(self._attached + line.text), ""
        return line

    def confirm(self, question: str) -> bool:
        if not self._label:  # what comes next in a pipe isn't an answer
            return False
        try:
            return self._line(f"{question} [y/N] ").strip().lower() in YES
        except EOFError:
            return False

    def attach(self, name: str, text: str, tokens: int) -> str:
        self._attached += f"{text}\n\n"
        return f"{name} ({tokens:,} tokens) goes with your next message"

    def watch(self) -> Watch:
        return SignalWatch()

    def _quoted(self, first: str) -> str:
        lines = [first]
        while QUOTES not in lines[-1]:
            lines.append(self._line("... " if self._label else ""))
        lines[-1] = lines[-1].partition(QUOTES)[0]
        return "\n".join(lines).strip("\n")

    def _line(self, label: str) -> str:
        """Raises ``EOFError`` at the end of input, or when Ctrl+C is pressed twice in a row."""
        armed = False
        while True:
            try:
                return self._one_line(label)
            except KeyboardInterrupt as e:
                if not label or isinstance(e, Terminated):
                    raise
                sys.stdout.write("\n" if armed else "\n(Ctrl+C again quits)\n")
            if armed:
                raise EOFError
            armed = True

    def _one_line(self, label: str) -> str:
        if self._editing:
            return input(label)
        sys.stdout.write(label)
        sys.stdout.flush()
        line = self._stdin.readline()
        if not line:
            if label:
                sys.stdout.write("\n")
            raise EOFError
        return line.removesuffix("\n")


def _set_up_editor(texts: Iterable[str], complete: Complete) -> None:
    import readline  # input() edits lines from now on

    for text in texts:
        if "\n" not in text:
            readline.add_history(text)
    readline.set_completer(lambda line, i: dict(enumerate(complete(line))).get(i))
    readline.set_completer_delims("")  # the line is one word
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
