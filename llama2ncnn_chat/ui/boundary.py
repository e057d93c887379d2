"""The last boundary of the program: whatever ends it becomes one line and an exit code.

Knows kinds of errors, and nothing of what the program does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from convert.crash import EXIT_CODE, lack, unforeseen
from convert.streams import OutputError, json_of, put, say

from ..chat import phrases
from ..errors import ChatError
from ..paths import crash_log

INTERRUPTED = 130
BROKEN_PIPE = 141


def bounded(run: Callable[[], int], flags: Sequence[str]) -> int:
    """Run the program, or a part of it; returns its exit code.

    ``flags`` are those that were typed, of which nobody may have parsed any.
    """
    as_json = not {"--json", "--ndjson"}.isdisjoint(flags)
    try:
        return run()
    except ChatError as e:
        return _refuse(e.message, phrases.hint(e), e.exit_code, as_json=as_json)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except OutputError as e:
        hint = "send it to where it can be written"
        return _refuse(f"standard output: can't write: {e.strerror}", hint, 1)
    except Exception as e:  # noqa: BLE001 - nobody above could tell what it is
        if missing := lack(e):
            return _refuse(missing, "", 1, as_json=as_json)
        return _refuse(unforeseen(e, crash_log()), "", EXIT_CODE, as_json=as_json)


@contextmanager
def closed_after(close: Callable[[], None]) -> Iterator[None]:
    """Close something after the block; what goes wrong then hides nothing that did in the block."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            close()
        raise
    close()


def _refuse(message: str, hint: str, code: int, *, as_json: bool = False) -> int:
    """Say why the program ends, in one line and in JSON if asked; returns the code."""
    sentence = f"{message}; {hint}" if hint else message
    say(f"llama2ncnn-chat: error: {' '.join(sentence.split())}")
    if as_json:
        body = {"message": message, "hint": hint, "code": code}
        with suppress(OutputError, BrokenPipeError):  # what is wrong is said already
            put(json_of({"error": body}) + "\n")
    return code
