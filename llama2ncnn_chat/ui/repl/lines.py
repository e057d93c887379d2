"""Reads plain lines, from dumb terminals, screen readers and pipes. Draws nothing twice.

A line is a command or a message; lines between two rows of three quotes are one message. Knows
neither the chat nor what commands do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TextIO

from convert.streams import is_terminal, note, printable, put

from ...chat.line import Line, Message, parse
from ...chat.outcomes import Attach
from ...errors import Terminated, UsageError
from ...reading import MAX_TEXT, read_line
from ..history import History
from .half_line import take_half_line
from .prompts import YES, Watch
from .watch import SignalWatch

NO = ("n", "no")

QUOTES = '"""'

Complete = Callable[[str], list[str]]


class LinePrompt:
    """``label`` stands before every line; without one (a pipe) nothing is written at all.

    ``editing`` uses the system's line editor, if Python has it; ``complete`` tells it what a line
    may become when Tab is pressed.
    """

    prefills, stops = False, "^c stops"
    in_front = False

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
        self._attached: list[str] = []
        self.unsent = ""
        self._quoted: list[str] = []  # rows of a message that isn't ended yet
        self._held: str | None = None  # a line that was read and comes next
        self._editing, self._history = editing, history or History()
        if editing:
            with suppress(ImportError):
                _set_up_editor(self._history.entries, complete)

    def read(self, _draft: str = "", /, *, edits: bool = False) -> Line:
        """Read the next line; see ``Prompt``. A draft can't be shown."""
        self._quoted = []
        try:
            text = self._read_line("edit> " if edits and self._label else self._label)
            if text.startswith(QUOTES):
                text = str(Message(self._read_quoted(text.removeprefix(QUOTES))))
        except (EOFError, UsageError):
            self._history.add("\n".join(self._quoted))
            raise
        except BaseException:
            half = take_half_line(editing=self._edits_here()) if self._label else ""
            self.unsent = "\n".join([*self._quoted, half])
            raise
        if self._editing:
            self._history.add(text)
        line = parse(text)
        if isinstance(line, Message) and line.text:
            texts, self._attached = self._attached, []
            line = Message("\n\n".join([*texts, line.text]), tuple(texts))
        return line

    def confirm(self, question: str) -> bool:
        """Ask yes or no; no at the end of input.

        In a pipe the next line is the answer if it is one; any other comes next, as if nobody had
        asked, and the answer is no.
        """
        if not self._label:
            return self._confirm_in_a_pipe(question)
        try:
            return self._read_line(f"{question} [y/N] ").strip().lower() in YES
        except EOFError:
            return False

    def _confirm_in_a_pipe(self, question: str) -> bool:
        note(f"{question} [y/N] ")
        answer = ""
        with suppress(EOFError):
            line = self._read_line("")
            answer = line.strip().lower()
            if answer not in (*YES, *NO):
                self._held = line
        note(f"{'yes' if answer in YES else 'no'}\n")
        return answer in YES

    def attach(self, file: Attach) -> str:
        """Have a file go with the next message; returns what to say about it."""
        self._attached.append(file.text)
        return f"{file.about}: goes with your next message"

    def watch(self) -> Watch:
        """Watch for Ctrl+C, for the time of a reply."""
        return SignalWatch()

    def _read_quoted(self, first: str) -> str:
        lines, length = self._quoted, len(first)
        lines.append(first)
        while QUOTES not in lines[-1]:
            lines.append(self._read_line("... " if self._label else ""))
            length += len(lines[-1]) + 1
            if length > MAX_TEXT:
                raise UsageError(
                    f"a message of over {MAX_TEXT:,} characters", f"end it by {QUOTES}"
                )
        lines[-1] = lines[-1].partition(QUOTES)[0]
        return "\n".join(lines).strip("\n")

    def _read_line(self, label: str) -> str:
        """Read a line. Raises ``EOFError`` at the end, or when Ctrl+C is pressed twice in a row."""
        armed = False
        while True:
            try:
                return self._read_once(label)
            except KeyboardInterrupt as e:
                if not label or isinstance(e, Terminated):
                    raise
                self._aside("\n" if armed else "\n(^c again quits)\n")
            if armed:
                raise EOFError
            armed = True

    def _read_once(self, label: str) -> str:
        if self._edits_here():
            return input(printable(label))
        if self._held is not None:
            held, self._held = self._held, None
            return held
        self._aside(label)
        line = read_line(self._stdin)
        if not line:
            if label:
                self._aside("\n")
            raise EOFError
        return line.removesuffix("\n").removeprefix("\ufeff")

    def _edits_here(self) -> bool:
        return self._editing and is_terminal(sys.stdout)

    def _aside(self, text: str) -> None:
        """Write what isn't a reply: not into a file that these go to."""
        apart = is_terminal(sys.stderr) and not is_terminal(sys.stdout)
        write = note if apart else put
        write(text)


def _set_up_editor(texts: Iterable[str], complete: Complete) -> None:
    import readline  # input() edits lines from now on

    for text in texts:
        if "\n" not in text:
            readline.add_history(text)
    readline.set_completer(lambda line, i: dict(enumerate(complete(line))).get(i))
    readline.set_completer_delims("")  # the line is one word
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
