"""How a text with marks in it becomes ids: where control tokens stand, and where what was typed.

Only what the text itself names becomes a control token; it knows no templates and no turns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..vocabulary import Vocabulary

MAX_NAME = 64
"""Characters of a control token's name; "<|start_header_id|>" has 19."""

Part = tuple[str, int | None]
"""A piece of a text, and its id if it is the name of a control token."""

_OPENS, _CLOSES = "<[", ">]"


def split_at(names: Iterable[str], vocabulary: Vocabulary, text: str) -> list[Part]:
    """Split a text at those of the names that the vocabulary has as control tokens."""
    known = {name: i for name in names if (i := vocabulary.special(name)) is not None}
    marks = "|".join(map(re.escape, known))
    parts = re.split(f"({marks})", text) if marks else [text]
    return [(part, known.get(part)) for part in parts if part]


def split_at_controls(vocabulary: Vocabulary, text: str) -> list[Part]:
    """Split a text at every name in brackets that the vocabulary has as a control token."""
    parts: list[Part] = []
    done = at = 0
    while at < len(text):
        name = _control_at(vocabulary, text, at)
        if name:
            parts += [(text[done:at], None)] if done < at else []
            parts.append((name, vocabulary.special(name)))
            at = done = at + len(name)
        else:
            at += 1
    return [*parts, (text[done:], None)] if done < len(text) else parts


def _control_at(vocabulary: Vocabulary, text: str, at: int) -> str:
    """Return the longest name of a control token that stands there, or nothing."""
    if text[at] in _OPENS:
        for end in range(min(at + MAX_NAME, len(text)), at + 1, -1):
            if text[end - 1] in _CLOSES and vocabulary.special(text[at:end]) is not None:
                return text[at:end]
    return ""


def fill(form: str, values: Mapping[str, str]) -> str:
    """Put texts in the place of marks, such as ``{user}``; braces in these texts mean nothing."""
    return re.sub(r"\{\w+\}", lambda mark: values.get(mark[0], mark[0]), form)


def encode_parts(
    vocabulary: Vocabulary,
    parts: Iterable[Part],
    values: Mapping[str, str],
    *,
    begins: bool = True,
    bos: str = "",
) -> list[int]:
    """Fill ``values`` into the parts' marks, such as ``{user}``, and return the ids.

    ``begins`` says that a text begins there, and it does after the control token ``bos``.
    """
    ids: list[int] = []
    for part, token in parts:
        if token is not None:
            ids.append(token)
            begins = part == bos or vocabulary.begins_after_controls
        else:
            ids += vocabulary.encode(fill(part, values), bos=False, prefix=begins)
            begins = False
    return ids


def before_user(form: str) -> str:
    """Return what stands before a message's text, without a space that its first token has."""
    return form.partition("{user}")[0].removesuffix(" ")
