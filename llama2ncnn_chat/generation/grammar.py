"""JSON schemas as the library that holds texts to them reads them.

The library is an optional part, imported late. Sees no vocabulary and no logits.
"""

from __future__ import annotations

import json
from types import ModuleType

from ..errors import UsageError
from ..text.reasoning import END

SPACE = r"\r?\n[ \t]{0,20}|[ \t]{1,20}"
"""White space inside of a value; without bounds, a small model writes nothing but empty lines."""

_SPACE_BEFORE = r"SPACE: /[ \t\r\n]{1,4}/"
_ANSWER = f"start: SPACE? @json\n{_SPACE_BEFORE}"
_AFTER_REASONING = (
    f'start: reasoning SPACE? @json\n{_SPACE_BEFORE}\nreasoning[suffix="{END}"]: /(.|\\n)*/'
)


def refuse_unusable(schema: str) -> None:
    """Raise ``UsageError`` for what is no JSON schema, or has what can't be held to."""
    if reason := library().LLMatcher.validate_grammar(grammar_of(schema, thinks=False)):
        raise UsageError(f"can't be used as a JSON schema: {in_a_line(reason)}")


def grammar_of(schema: str, *, thinks: bool) -> str:
    """Write what the library reads: white space, or reasoning, and then what fits."""
    lark = _AFTER_REASONING if thinks else _ANSWER
    try:
        parsed = json.loads(schema)
        if isinstance(parsed, dict):
            parsed["x-guidance"] = {"whitespace_pattern": SPACE}
            return json.dumps(
                {"grammars": [{"lark_grammar": lark}, {"name": "json", "json_schema": parsed}]}
            )
    except (ValueError, RecursionError) as e:
        raise UsageError(f"is no JSON: {e}") from None
    raise UsageError("is no JSON schema", 'it has to be an object, such as {"type": "object"}')


def is_json(text: str | bytes) -> bool:
    """Tell whether a text is JSON, whatever schema it fits."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def library() -> ModuleType:
    """Import the library. Raises ``UsageError`` where it isn't installed."""
    try:
        import llguidance
    except ImportError:
        raise UsageError(
            "JSON that fits a schema takes the package llguidance", "pip install llguidance"
        ) from None
    return llguidance


def in_a_line(reason: str) -> str:
    """Make a line of a reason of the library's, of a bounded length."""
    return " ".join(reason.split())[:300]
