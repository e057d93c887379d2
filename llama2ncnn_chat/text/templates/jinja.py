"""A model's own template, rendered as the library does for which it was written.

Rendering runs in a process of its own (``sandbox``), for a thread can't be stopped, and a single
``9**9**9`` asks nobody. It knows no vocabulary and no turns: messages in, text out.
"""

from __future__ import annotations

import atexit
import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TypedDict

from ...errors import ModelError
from .template import RefusedError

MAX_SECONDS = 5.0
"""How long one rendering may take: a thousand times what one takes."""

MAX_SOURCE = 1 << 20
"""Characters that a template may have; the longest known have a fiftieth of that."""

_HINT = "choose another template"
_BOOT = f"import sys; sys.path = sys.argv[1:]; from {__package__}.sandbox import main; main()"


class Message(TypedDict):
    """What a template gets of a turn; ``role`` is "system", "user" or "assistant"."""

    role: str
    content: str


class TemplateError(ModelError):
    """A template that can't be rendered: broken, or without end."""


class JinjaProcess:
    """Renders templates in another process, which is started when it is first needed."""

    def __init__(self, seconds: float = MAX_SECONDS) -> None:
        """Give each rendering so many seconds."""
        self._seconds = seconds
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def render(self, source: str, variables: Mapping[str, object], now: str) -> str:
        """Render a template with variables of JSON's types; ``now`` is an ISO date and time.

        Raises ``RefusedError`` with what the template says, and ``TemplateError``.
        """
        if len(source) > MAX_SOURCE:
            raise TemplateError(f"the template has more than {MAX_SOURCE:,} characters", _HINT)
        request = json.dumps({"source": source, "variables": variables, "now": now})
        with self._lock:
            line = self._ask(request)
        answer = json.loads(line)
        if "refused" in answer:
            raise RefusedError(answer["refused"])
        if "wrong" in answer:
            raise TemplateError(f"the model's template can't be used: {answer['wrong']}", _HINT)
        text: str = answer["text"]
        return text

    def close(self) -> None:
        """End the process; the next rendering starts another one."""
        if self._process:
            self._process.kill()
            self._process.wait()
            for pipe in _pipes(self._process):
                with suppress(OSError):  # what it didn't read any more is of no use
                    pipe.close()
            self._process = None

    def _ask(self, request: str) -> str:
        process = self._process = self._process or self._start()
        expired = threading.Event()

        def end() -> None:
            expired.set()
            process.kill()

        # From outside: what runs in there may hold every lock that its own watchdog needs.
        watchdog = threading.Timer(self._seconds, end)
        watchdog.daemon = True
        watchdog.start()
        try:
            line = _answer(process, request + "\n")
        except BaseException:
            self.close()  # an answer that nobody waits for mustn't be taken for the next one's
            raise
        finally:
            watchdog.cancel()
        if expired.is_set():
            self.close()
            raise TemplateError(
                f"the model's template takes longer than {self._seconds:g} s", _HINT
            )
        if not line:
            code = process.wait()
            self.close()
            raise TemplateError(f"the model's template fails ({code})", _HINT)
        return line

    def _start(self) -> subprocess.Popen[str]:
        # The path as it is here: with -m, a jinja2.py in the folder one stands in would be run.
        command = [sys.executable, "-c", _BOOT, *sys.path]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
                start_new_session=True,
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise TemplateError(f"can't render the model's template: {reason}", _HINT) from error
        _answer(process, "")  # it says that it has started, which isn't the template's time
        return process


def _answer(process: subprocess.Popen[str], request: str) -> str:
    """Write a line and read the one that comes; nothing if the process has ended."""
    to_it, from_it = _pipes(process)
    try:
        to_it.write(request)
        to_it.flush()
        line = from_it.readline()
    except OSError:
        return ""
    return line if line.endswith("\n") else ""


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin
    assert process.stdout
    return process.stdin, process.stdout


@dataclass(frozen=True)
class JinjaTemplate:
    """A template's text, the texts of special tokens that it is given by name, and its date.

    The date stays what it is, so that a conversation is rendered in the same way tomorrow.
    """

    source: str
    tokens: tuple[tuple[str, str], ...] = ()
    now: str = "2000-01-01T00:00:00"

    def render(self, messages: Sequence[Message]) -> str:
        """Render messages, and what a reply to them begins with.

        Raises ``RefusedError`` with what the template says, and ``TemplateError``.
        """
        variables = {
            **dict(self.tokens),
            "messages": list(messages),
            # None, not left out: templates ask whether it "is not none".
            "tools": None,
            "documents": None,
            "add_generation_prompt": True,
        }
        return _shared.render(self.source, variables, self.now)


_shared = JinjaProcess()
atexit.register(_shared.close)
