"""Which parts of a reply are reasoning: what stands between ``<think>`` and ``</think>``.

Works on pieces of text as they come; knows no ids, no templates, and not how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

BEGIN, END = "<think>", "</think>"


class Part(NamedTuple):
    """A piece of a reply's text, without the tags."""

    text: str
    is_reasoning: bool


class ReasoningFilter:
    """One reply. The law: all parts of a kind joined are the same wherever the text was cut.

    Reasoning stands at a reply's beginning, after white space at most: a tag further on is text,
    such as of a reply that tells of tags. ``begun`` says that the template itself has written the
    first tag. ``found`` says whether there has been one.
    """

    def __init__(self, *, begun: bool = False) -> None:
        self.found = begun
        self._held = ""
        self._tag = END if begun else BEGIN  # the one that is waited for; none in what is said

    def feed(self, text: str) -> list[Part]:
        """Return what has become certain with more of the text."""
        self._held += text
        return list(self._certain())

    def flush(self) -> list[Part]:
        """Return what is left when no more text comes."""
        held, self._held = self._held, ""
        return [Part(held, self._tag == END)] if held else []

    def _certain(self) -> Iterator[Part]:
        if self._tag == BEGIN:
            begins = self._held.lstrip()
            if BEGIN.startswith(begins) and begins != BEGIN:
                return
            if begins.startswith(BEGIN):
                yield from _part(self._held[: -len(begins)], is_reasoning=False)
                self._held, self._tag, self.found = begins.removeprefix(BEGIN), END, True
            else:
                self._tag = ""
        if self._tag == END:
            thought, end, rest = self._held.partition(END)
            if not end:
                thought = thought[: len(thought) - _begun_at_end(thought, END)]
            yield from _part(thought, is_reasoning=True)
            self._held, self._tag = (rest, "") if end else (self._held[len(thought) :], END)
        if not self._tag:
            yield from _part(self._held, is_reasoning=False)
            self._held = ""


def reasoning_and_answer(text: str, *, begun: bool = False) -> tuple[str, str]:
    """Split a whole reply into its reasoning and what it says."""
    found = ReasoningFilter(begun=begun)
    parts = found.feed(text) + found.flush()
    reasoning, answer = (
        "".join(part.text for part in parts if part.is_reasoning == kind) for kind in (True, False)
    )
    return reasoning, answer


def _begun_at_end(text: str, tag: str) -> int:
    """Count the characters at the text's end that may be the tag's beginning."""
    return next(n for n in range(len(tag) - 1, -1, -1) if text.endswith(tag[:n]))


def _part(text: str, *, is_reasoning: bool) -> Iterator[Part]:
    if text:
        yield Part(text, is_reasoning)
