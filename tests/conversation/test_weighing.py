"""What a stored reply's tokens were worth: the numbers of when it was written, found by reading."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.rows import tokens_of
from llama2ncnn_chat.events import PrefillProgress
from tests.conversation.scripted import Talk, in_cache, run, session
from tests.fakes import Float32, ScriptedEngine


class Doubtful(ScriptedEngine):
    """Gives every token another probability, which depends on all ids before it."""

    def forward_all(self, ids: Sequence[int]) -> Float32:
        before = len(self.ids)
        rows = super().forward_all(ids)
        for row, end in zip(rows, range(before + 1, len(self.ids) + 1), strict=True):
            row += np.random.default_rng(self.ids[:end]).normal(size=row.size).astype(np.float32)
        return rows


def talk() -> Talk:
    s = session(
        Doubtful(lambda ids: 100 + len(ids) % 20, context_length=2000), records_choices=True
    )
    for text in ("one", "two", "three"):
        run(s.send(text))
    return s


def replies(s: Talk) -> list[Turn]:
    return [turn for turn in s.ledger.path() if turn.role == "assistant"]


def test_the_numbers_are_those_of_when_it_was_written() -> None:
    s = talk()
    written = [dict(reply.choices) for reply in replies(s)]
    for reply in replies(s):
        reply.choices.clear()  # as the store gives it back
    events = run(s.weigh(replies(s)[1]))
    first, *others = replies(s)
    assert first.choices == {}
    for reply, before in zip(others, written[1:], strict=True):
        assert tokens_of(reply).are_known
        assert all(reply.choices[i] == before[i] for i in range(len(reply.ids)))
    assert all(isinstance(event, PrefillProgress) for event in events)
    path = s.window(s.ledger.path())
    assert in_cache(s) == path[: len(in_cache(s))]
    assert s.session.busy is False


def test_nothing_is_read_that_the_cache_has_already() -> None:
    s = talk()
    last = replies(s)[-1]
    last.choices.clear()
    before = len(s.engine.fed)
    run(s.weigh(last))
    assert len(s.engine.fed) - before == len(last.ids)  # what follows the message, to the last


def test_a_stop_keeps_what_is_known_and_the_cache_true() -> None:
    s = talk()
    for reply in replies(s):
        reply.choices.clear()
    polled = iter([False] * 3)
    run(s.weigh(replies(s)[0], cancelled=lambda: next(polled, True)))
    assert not tokens_of(replies(s)[-1]).are_known
    path = s.window(s.ledger.path())
    assert in_cache(s) == path[: len(in_cache(s))]
    run(s.weigh(replies(s)[0]))
    assert all(tokens_of(reply).are_known for reply in replies(s))


def test_left_half_way_it_releases_the_session() -> None:
    s = talk()
    last = replies(s)[-1]
    last.choices.clear()
    events = s.weigh(last)
    next(events)
    with pytest.raises(Exception, match="reply is being written"):
        s.undo()
    events.close()
    s.undo()
