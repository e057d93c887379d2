"""Which template a model has: out of what its files say, compiled where that can be.

Gets the templates' texts and knows no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from ..vocabulary import Vocabulary
from .compiled import CompiledTemplate
from .jinja import JinjaTemplate
from .marked import TEMPLATES, MarkedTemplate, template_of
from .probing import around_reply, compile_template
from .template import Template
from .whole import WholeTemplate

OWN = "the model's own"
DEFAULT = "default"


class OwnTemplate(NamedTuple):
    """A model's template, and what a person should know of it, if anything."""

    template: Template
    note: str = ""


def own_template(
    texts: Mapping[str, str], tokens: Mapping[str, str], vocabulary: Vocabulary, now: datetime
) -> OwnTemplate:
    """Return the template to chat with a model.

    ``texts`` are its Jinja templates by name, ``tokens`` the texts of special tokens by name
    ("bos_token"); ``now`` is the date that templates may tell. One that is built in is that one,
    and a model without any gets plain. Raises ``TemplateError`` for one that can't be rendered.
    """
    name = DEFAULT if DEFAULT in texts or len(texts) != 1 else next(iter(texts))
    source = texts.get(name, "")
    if not source:
        others = f" but for {', '.join(sorted(texts))}" if texts else ""
        return OwnTemplate(
            template_of("plain"),
            f"no chat template comes with this model{others}: it goes on with your text, as base "
            "models do",
        )
    jinja = JinjaTemplate(source, tuple(sorted(tokens.items())), now.isoformat())
    found = compile_template(jinja.render, vocabulary, source)
    if found is None:
        return _rendered_whole(jinja, vocabulary)
    if same := next((t for t in _built_in() if _says_the_same(found, t, vocabulary)), None):
        return OwnTemplate(same)
    like = next((f"{OWN}, like {t.name}" for t in _built_in() if _is_like(found, t)), OWN)
    note = "this model's template leaves out a system prompt" if found.ignores_system else ""
    return OwnTemplate(replace(found, name=like), note)


def _rendered_whole(jinja: JinjaTemplate, vocabulary: Vocabulary) -> OwnTemplate:
    gap, ends, stops = around_reply(jinja.render, vocabulary, jinja.source)
    return OwnTemplate(
        WholeTemplate(OWN, jinja.source, jinja.tokens, jinja.now, gap, ends, stops),
        "this model's template may say a turn otherwise once others follow: then the model reads "
        "some of the conversation again",
    )


def _built_in() -> list[MarkedTemplate]:
    return [each for each in TEMPLATES.values() if isinstance(each, MarkedTemplate)]


def _says_the_same(found: CompiledTemplate, other: MarkedTemplate, vocabulary: Vocabulary) -> bool:
    """Whether both give the same ids, by their texts and on an example."""
    if found.refusal or "system" in found.trims:
        return False
    texts = (found.first_form, found.with_system, found.later)
    others = (other.begin + other.turn, other.with_system, other.after_reply + other.turn)
    return texts == others and all(
        found.first(vocabulary, "x", system) == other.first(vocabulary, "x", system)
        and found.next(vocabulary, "x") == other.close(vocabulary) + other.next(vocabulary, "x")
        for system in ("", "y")
    )


def _is_like(found: CompiledTemplate, other: MarkedTemplate) -> bool:
    """Whether later turns are the same, but for white space after a reply."""
    return found.later.lstrip() == other.after_reply + other.turn
