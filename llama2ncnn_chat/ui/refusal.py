"""Says why the program ends without doing anything: a line on standard error, and JSON if asked."""

from __future__ import annotations

import json
import sys

from .terminal import printable


def say_refusal(message: str, hint: str, code: int, *, as_json: bool) -> None:
    """Write an error in one line, whatever a model's files have put into it."""
    sentence = f"{message}; {hint}" if hint else message
    line = printable(" ".join(sentence.split()))
    sys.stderr.write(f"llama2ncnn-chat: error: {line}\n")
    if as_json and sys.stdout is not None:
        body = {"message": message, "hint": hint, "code": code}
        sys.stdout.write(json.dumps({"error": body}) + "\n")


def wants_json(flags: list[str]) -> bool:
    """Tell whether errors are to be JSON as well, by flags that nobody has parsed yet."""
    return not {"--json", "--ndjson"}.isdisjoint(flags)
