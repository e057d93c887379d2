"""What a Hub repository says about its tokenizer beside it: begin and end, and added tokens.

It gets parsed JSON of which nothing is believed, and knows no files and no tokenizers.
Source: ``tokenizer_config.json`` and ``added_tokens.json`` as transformers reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_ID = 1 << 21
"""A bound on ids, which tables are as long as; the largest vocabularies have 262,144."""

_MARK = re.compile(r"<\|.*\|>", re.DOTALL)


class AddedToken(NamedTuple):
    """A token that was added to a vocabulary; ``control``: no text is ever encoded as it."""

    id: int
    content: str
    control: bool


def is_control(content: str, special: bool) -> bool:
    """Tell whether an added token is a control token: by its flag, or by a name like ``<|end|>``.

    Some repositories forget the flag, and their marks of turns could then be typed.
    """
    return special or bool(_MARK.fullmatch(content))


def added_token(id: Any, value: Any) -> AddedToken:
    """Read an entry of ``added_tokens``. ValueError for what isn't one."""
    content = value.get("content") if isinstance(value, Mapping) else None
    if not isinstance(content, str) or not content:
        raise ValueError(f"is broken: an added token is {value!r:.80}")
    if not isinstance(id, int) or isinstance(id, bool) or not 0 <= id < MAX_ID:
        raise ValueError(f"is broken: the added token {content!r:.40} has the id {id!r:.40}")
    return AddedToken(id, content, is_control(content, value.get("special") is True))


@dataclass(frozen=True)
class Beside:
    """What the files beside a tokenizer say of it; None where they say nothing."""

    bos: str | None = None
    eos: str | None = None
    add_bos: bool | None = None
    added: tuple[AddedToken, ...] = ()


def what_stands_beside(config: Any, added_tokens: Any) -> Beside:
    """Read ``tokenizer_config.json`` and ``added_tokens.json``. ValueError for what isn't one."""
    if not isinstance(config, Mapping) or not isinstance(added_tokens, Mapping):
        raise ValueError("has something beside it that is no JSON object")
    added = [added_token(token, {"content": text}) for text, token in added_tokens.items()]
    decoder = config.get("added_tokens_decoder")
    for name, value in (decoder if isinstance(decoder, Mapping) else {}).items():
        known = isinstance(name, str) and name.isascii() and name.isdigit() and len(name) < 10
        added.append(added_token(int(name) if known else name, value))
    add_bos = config.get("add_bos_token")
    return Beside(
        bos=_name(config.get("bos_token")),
        eos=_name(config.get("eos_token")),
        add_bos=add_bos if isinstance(add_bos, bool) else None,
        added=tuple({token.id: token for token in added}.values()),
    )


def _name(value: Any) -> str | None:
    content = value.get("content") if isinstance(value, Mapping) else value
    return content if isinstance(content, str) and content else None
