"""Finds out what a template writes around messages, by rendering a few and looking.

Renders through a function alone; knows no Jinja, no turns and no cache.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, NoReturn

from ..vocabulary import Vocabulary
from .compiled import CompiledTemplate
from .forms import fill, split_at_controls
from .jinja import Message, TemplateError
from .template import RefusedError

Render = Callable[[Sequence[Message]], str]
"""Renders messages, and what a reply to them begins with."""

MIN_STOP = 3
"""Characters that a text must have to end a reply: a lone "#" would end what it shouldn't."""

PATIENCE = 20.0
"""Seconds that all renderings together may take: a hundred times what they do."""

PROBED_TEXTS = (
    "x",
    "  spaces at both ends  ",
    "two\n\n\nlines\n",
    "{user} {system} {{ messages }} {% if x %} {",
    "Probe0user1 Probe1user0 Probe",
    "<s>[INST]</s><|im_end|><|user|> %s \\1",
    "größe 🦙 ▁",
)
PROBED_REPLIES = (
    "Yes.",
    "\n\none\n\ntwo  ",
    "<think>\nhm\n</think>\n\n42",
    "a </think> b",
    "{user} {system}",
    "Probe0reply0",
    "</s>!",
)
"""What may be typed and answered; a compiled template is held against all of it."""


class _OtherwiseError(Exception):
    """The template doesn't write a conversation turn by turn."""


def compile_template(
    render: Render, vocabulary: Vocabulary, source: str
) -> CompiledTemplate | None:
    """Return what a template writes around messages; None if that depends on other turns.

    ``source`` is its text, whose words the probes avoid. Raises ``TemplateError`` where it can't
    be rendered at all.
    """
    with suppress(RefusedError):
        render(_said("x"))
        with suppress(_OtherwiseError, TemplateError):
            return _Probing(render, vocabulary, source).compiled()
    return None


class AroundReply(NamedTuple):
    """What a template has around replies of old.

    ``gap`` is white space before one, which the model itself begins it with; ``ends`` (names of
    control tokens) and ``stops`` (texts) follow one, and show that it is over.
    """

    gap: str = ""
    ends: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()


def around_reply(render: Render, vocabulary: Vocabulary, source: str) -> AroundReply:
    """Find what stands around replies; nothing, where that can't be seen."""
    with suppress(_OtherwiseError, RefusedError, TemplateError):
        return _Probing(render, vocabulary, source).around_reply()
    return AroundReply()


class _Probing:
    """Renders words that the template doesn't say, and cuts what it writes at them."""

    def __init__(self, render: Render, vocabulary: Vocabulary, source: str) -> None:
        self._render, self._vocabulary = _in_time(render), vocabulary
        n = next(n for n in itertools.count() if f"Probe{n}" not in source)
        self._user, self._reply, self._later = f"Probe{n}user0", f"Probe{n}reply0", f"Probe{n}user1"
        self._system = f"Probe{n}system"

    def compiled(self) -> CompiledTemplate:
        """Return what it writes. Raises ``_OtherwiseError``."""
        opening, ask = self._one_turn()
        before, answer, between, after = self._two_turns()
        gap, ends, stops = self.around_reply()
        if (before, answer, after) != (opening, ask + gap, ask):
            _otherwise()
        with_system, refusal = self._with_system(ask)
        _refuse_marks(opening, between, ask)
        found = CompiledTemplate(
            "",
            first_form=f"{opening}{{user}}{ask}",
            with_system=with_system,
            later=f"{between}{{user}}{ask}",
            ends=ends,
            stops=stops,
            refusal=refusal,
        )
        found = replace(found, trims=tuple(self._trimmed(found)))
        self._hold(found, gap)
        return found

    def around_reply(self) -> AroundReply:
        """Return what stands around replies of old. Raises ``_OtherwiseError``."""
        (_, ask), (_, answer, between, _) = self._one_turn(), self._two_turns()
        gap = answer.removeprefix(ask)
        if gap.strip() or answer != ask + gap:
            gap = ""
        for part, token in split_at_controls(self._vocabulary, between):
            if token is not None:
                return AroundReply(gap, ends=(part,))
            if line := part.strip().partition("\n")[0].strip():
                return AroundReply(gap, stops=(line,) if len(line) >= MIN_STOP else ())
        return AroundReply(gap)

    def _one_turn(self) -> list[str]:
        """Return what stands before and after a first message."""
        return _cut(self._render(_said(self._user)), self._user)

    def _two_turns(self) -> list[str]:
        """Return what stands before, between and after a message, a reply and a message."""
        words = self._user, self._reply, self._later
        return _cut(self._render(_said(*words)), *words)

    def _with_system(self, ask: str) -> tuple[str, str]:
        """Return the first message's form where there is a system prompt, or why there is none."""
        try:
            text = self._render([*_system(self._system), *_said(self._user)])
        except RefusedError as error:
            return "", error.reason
        except TemplateError as error:
            return "", error.message
        if self._system in text:
            head, middle, after = _cut(text, self._system, self._user)
            form = f"{head}{{system}}{middle}{{user}}{after}"
            _refuse_marks(head, middle)
        else:
            head, after = _cut(text, self._user)
            form = f"{head}{{user}}{after}"
            _refuse_marks(head)
        if after != ask:
            _otherwise()
        return form, ""

    def _trimmed(self, found: CompiledTemplate) -> Iterator[str]:
        """Find out which texts lose the white space at their ends."""
        user, system = f" \n{self._user}\n ", f" \n{self._system}\n "
        if user not in self._render(_said(user)):
            yield "user"
        if "{system}" in found.with_system:
            messages = [*_system(system), *_said(self._user)]
            if system not in self._render(messages):
                yield "system"

    def _hold(self, found: CompiledTemplate, gap: str) -> None:
        """Render conversations that nothing was learnt from: they must be the sums of parts."""
        for n_turns, system in itertools.product((1, 2, 4), ("", *PROBED_TEXTS)):
            if system and found.refusal:
                continue
            for start in range(len(PROBED_TEXTS)):
                users = [_around(PROBED_TEXTS, start + i) for i in range(n_turns)]
                replies = [_around(PROBED_REPLIES, start + i) for i in range(n_turns - 1)]
                turns = itertools.chain(*zip(users, [*replies, ""], strict=True))
                messages = [*_system(system), *_said(*turns)][:-1]
                text = self._render(messages)
                if text not in _sums(found, gap, system, users, replies):
                    _otherwise()


def _in_time(render: Render) -> Render:
    """Give up where renderings, each of which ends in time, take too long together."""
    until = time.monotonic() + PATIENCE

    def rendered(messages: Sequence[Message]) -> str:
        if time.monotonic() > until:
            _otherwise()
        return render(messages)

    return rendered


def _sums(
    found: CompiledTemplate, gap: str, system: str, users: list[str], replies: list[str]
) -> Iterator[str]:
    """Put together what the parts make; white space at a reply's ends may stay or go."""
    first, *rest = users
    for kept in (str, str.strip, str.lstrip, str.rstrip):
        text = fill(found.form(system), found.values(first, system))
        for reply, user in zip(replies, rest, strict=True):
            text += gap + kept(reply) + fill(found.later, found.values(user, ""))
        yield text


def _said(*contents: str) -> list[Message]:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]


def _system(text: str) -> list[Message]:
    return [{"role": "system", "content": text}] if text else []


def _around(texts: tuple[str, ...], i: int) -> str:
    return texts[i % len(texts)]


def _cut(text: str, *words: str) -> list[str]:
    """Split at the words, each of which must be there once, in this order."""
    pieces = []
    for word in words:
        if text.count(word) != 1:
            _otherwise()
        piece, _, text = text.partition(word)
        pieces.append(piece)
    return [*pieces, text]


def _refuse_marks(*texts: str) -> None:
    """Give up where the template itself writes what marks a place in a form."""
    if any(mark in text for mark in ("{user}", "{system}") for text in texts):
        _otherwise()


def _otherwise() -> NoReturn:
    raise _OtherwiseError
