"""What a model's files say of chats, for a person to read: tokenizer, template, ends, sampling.

Reads the tokenizer whole; renders no template and encodes nothing, for that is the chat's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .chat_facts import ChatFacts, read_chat_facts
from .desc import read_desc
from .files import is_file, open_regular
from .seal import model_stem
from .sources import open_source
from .stem import CHAT_SUFFIX, TOKENIZER_SUFFIX, file_of
from .tokenizer_files import MAX_FILE_BYTES
from .tokenizer_kinds import TokenizerFacts, facts_of_file, facts_of_gguf
from .vocabulary import companions_of

OWN = "own"
FIRST_LINES = 3
GGUF_ENDS = tuple(f"tokenizer.ggml.{kind}_token_id" for kind in ("eos", "eot", "eom"))


@dataclass(frozen=True)
class ChatReport:
    """A tokenizer's kind and size; ``template`` by name, or ``templates`` if it brings its own.

    ``ends`` are the ids that end a reply, each with its token as far as that is known.
    """

    tokenizer: str
    n_tokens: int
    template: str
    templates: dict[str, str] = field(default_factory=dict)
    ends: dict[int, str] = field(default_factory=dict)
    sampling: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Give plain values by name."""
        return asdict(self)


def inspect_chat(path: str | os.PathLike[str]) -> ChatReport:
    """Report on a source of any kind, or on a converted model. Raises ``ConvertError``."""
    stem = model_stem(Path(path))
    if stem is not None:
        carried = file_of(stem, TOKENIZER_SUFFIX)
        tokenizer = _of_file(carried) if is_file(carried) else None
        facts = read_chat_facts(file_of(stem, CHAT_SUFFIX))
        return _report(read_desc(stem).template, tokenizer, facts, {})
    with open_source(path) as source:
        companions = companions_of(source)
        tokenizer = None
        if companions.metadata:
            tokenizer = facts_of_gguf(companions.metadata)
        elif companions.tokenizer:
            tokenizer = _of_file(companions.tokenizer)
        return _report(source.template, tokenizer, companions.facts, source.metadata)


def _of_file(path: Path) -> TokenizerFacts:
    with open_regular(path) as file:
        return facts_of_file(file.read(MAX_FILE_BYTES))


def _report(
    template: str, tokenizer: TokenizerFacts | None, facts: ChatFacts, metadata: Mapping[str, Any]
) -> ChatReport:
    known = tokenizer or TokenizerFacts("none")
    said = [i for key in GGUF_ENDS if type(i := metadata.get(key)) is int]
    named = [
        i for i, text in known.tokens.items() if text == facts.templates.tokens.get("eos_token")
    ]
    ends = {i: known.tokens.get(i, "") for i in sorted({*facts.ends, *said, *named})}
    own = facts.templates.templates if template == OWN else {}
    name = template if template != OWN else ("its own" if own else "none")
    return ChatReport(known.kind, known.size, name, own, ends, facts.sampling)


def format_chat_report(r: ChatReport) -> str:
    """Write the report as lines for a person; of the model's own templates, the first lines."""
    size = f", {r.n_tokens:,} tokens" if r.n_tokens else ""
    ends = ", ".join(f"{i} {text}".rstrip() for i, text in r.ends.items())
    sampling = ", ".join(f"{name} {value:g}" for name, value in r.sampling.items())
    template = {"none": "none: what is typed is gone on with"}.get(r.template, r.template)
    facts = [
        ("its kind", r.tokenizer + size),
        ("template", template),
        *(line for name, text in r.templates.items() for line in _first_lines(name, text)),
        ("ends", ends or "the tokenizer's"),
        ("sampling", sampling or "says nothing of it"),
    ]
    return "\n".join(f"  {name:<12}{value}" for name, value in facts) + "\n"


def _first_lines(name: str, text: str) -> list[tuple[str, str]]:
    lines = text.splitlines()[:FIRST_LINES]
    shown = ["".join(c if c.isprintable() else "?" for c in line)[:80] for line in lines]
    return [("", f"{name} ({len(text):,} characters):"), *(("", f"  {line}") for line in shown)]
