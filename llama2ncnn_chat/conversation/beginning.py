"""Replies as they begin where that isn't left to the model: words, an edited reply, another token.

What is given is encoded once, as what goes on after the ids before it; control tokens never come of
it. Pure functions of turns; knows no engine and no session.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..text.detokenizer import Detokenizer
from ..text.vocabulary import Vocabulary
from .ledger import Turn
from .renderer import Renderer


def exchange(
    renderer: Renderer, before: Sequence[Turn], text: str, words: str | None = None
) -> list[Turn]:
    """Return a message that goes on from a path, and the reply to it, which begins with ``words``.

    Neither is a part of the path yet.
    """
    after = before[-1] if before else None
    message = Turn("user", text, renderer.message(text, first=after is None), after)
    return [message, begun(renderer, [*before, message], words)]


def begun(renderer: Renderer, path: Sequence[Turn], words: str | None) -> Turn:
    """Return a reply to the last message of a path that begins with ``words``, if any.

    What they say as ids is its text, which is ``words`` wherever the vocabulary can say that.
    """
    ids = _after(renderer.vocabulary, renderer.join(path), words) if words else []
    return _reply(renderer.vocabulary, ids, path[-1])


def begun_again(reply: Turn, vocabulary: Vocabulary) -> Turn:
    """Return the beginning of another reply: what this one was given to begin with."""
    return _reply(vocabulary, reply.ids[: reply.n_begun], reply.parent, reply)


def begun_words(reply: Turn, vocabulary: Vocabulary) -> str:
    """Return what a reply was given to begin with, as it says it."""
    return _text_of(vocabulary, reply.ids[: reply.n_begun])


def branched(reply: Turn, at: int, token: int, vocabulary: Vocabulary) -> Turn:
    """Return the beginning of another reply: the same up to its token ``at``, then ``token``."""
    other = _reply(vocabulary, [*reply.ids[:at], token], reply.parent, reply)
    if choice := reply.choices.get(at):
        other.choices[at] = choice.with_token(token)
    return other


def reworded(reply: Turn, text: str, renderer: Renderer, path: Sequence[Turn]) -> Turn:
    """Return the beginning of another reply: this one as it was edited, after the same path.

    As many of its ids stay as still say the same. So does white space before it, which no prompt
    keeps.
    """
    vocabulary = renderer.vocabulary
    text = reply.text[: len(reply.text) - len(reply.text.lstrip())] + text.lstrip()
    n, rest = _shared(vocabulary, reply.ids, text)
    ids = [*reply.ids[:n], *vocabulary.encode(rest, bos=False, prefix=False)]
    if n == 0 or _text_of(vocabulary, ids) != text:
        ids = _after(vocabulary, renderer.join(path), text)
    return _reply(vocabulary, ids, reply.parent, reply)


def _reply(
    vocabulary: Vocabulary, ids: list[int], message: Turn | None, like: Turn | None = None
) -> Turn:
    """Make a reply of its first ids; what is known of the same ids of another is known of them."""
    reply = Turn("assistant", _text_of(vocabulary, ids), ids, message)
    known = like.choices if like else {}
    for i, token in enumerate(ids):
        if i in known and known[i].token == token:
            reply.choices[i] = known[i]
        else:
            break
    return reply


def _after(vocabulary: Vocabulary, before: Sequence[int], text: str) -> list[int]:
    """Encode the beginning of a reply after the ids before it.

    Where the vocabulary has a space of its own before a text, a reply begins with it, but after
    white space or a control token, where the model writes none.
    """
    tail = vocabulary.piece(before[-1]) if before else b""
    spaced = tail == tail.rstrip() if tail else vocabulary.begins_after_controls
    ways = [vocabulary.encode(text, bos=False, prefix=way) for way in (spaced, not spaced)]
    return next((ids for ids in ways if _text_of(vocabulary, ids) == text), ways[0])


def _shared(vocabulary: Vocabulary, ids: Sequence[int], text: str) -> tuple[int, str]:
    """Count the first ids that say what a text begins with; returns what is left of it, too."""
    wanted, at = text.encode("utf-8", "replace"), 0
    n, end = 0, 0
    for i, piece in enumerate(_pieces(vocabulary, ids), 1):
        if not wanted.startswith(piece, at):
            break
        at += len(piece)
        # Neither a character's half nor a control token at their end, which says nothing.
        if piece and (at == len(wanted) or wanted[at] & 0xC0 != 0x80):
            n, end = i, at
    return n, wanted[end:].decode()


def _pieces(vocabulary: Vocabulary, ids: Iterable[int]) -> Iterable[bytes]:
    """Yield the bytes of each of a reply's ids, of which the first that says anything begins it."""
    begins = True
    for token in ids:
        piece = vocabulary.piece(token)
        yield vocabulary.first_piece(token) if begins else piece
        begins &= not piece


def _text_of(vocabulary: Vocabulary, ids: Iterable[int]) -> str:
    """Return what a reply says that begins with these ids; no half of a character."""
    return "".join(map(Detokenizer(vocabulary, begins=True).feed, ids))
