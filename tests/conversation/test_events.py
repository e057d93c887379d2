"""What a face hears of a conversation: enough to draw it without ever looking into the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import pytest

from llama2ncnn_chat.conversation.session import BusyError
from llama2ncnn_chat.events import (
    ContextShifted,
    Event,
    Row,
    TextDelta,
    TurnAdded,
    TurnFinished,
    TurnRemoved,
)
from tests.conversation.scripted import Talk, muddled, run, saying, session
from tests.fakes import ScriptedEngine


class Picture:
    """A face that draws from events alone."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = list(rows)

    def draw(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case TurnAdded(row):
                    self.rows[row.index :] = [row]
                case TurnRemoved(id):
                    assert self.rows.pop().id == id
                case TextDelta(text):
                    self.rows[-1] = replace(self.rows[-1], text=self.rows[-1].text + text)
                case TurnFinished():
                    self.rows[-1] = event.row
                case ContextShifted():
                    start = event.first_visible
                    self.rows = [
                        replace(row, hidden=row.index < start, begins=0 < row.index == start)
                        for row in self.rows
                    ]


def test_the_picture_that_events_draw_is_the_session() -> None:
    s, picture = session(saying("one", "two", "three")), Picture()
    for operation in (partial(s.send, "a"), partial(s.send, "b"), s.regenerate):
        picture.draw(operation())
        assert picture.rows == s.rows()
    picture.draw(s.edit("c", s.ledger.path()[0]))
    assert picture.rows == s.rows()
    assert [row.text for row in picture.rows] == ["c", "one"]
    assert (picture.rows[0].position, picture.rows[0].of) == (2, 2)


def test_the_picture_is_right_where_turns_go_out_of_sight() -> None:
    s = session(ScriptedEngine(muddled, context_length=160), system="S")
    picture = Picture()
    for i in range(12):
        picture.draw(s.send(f"message {i}"))
        assert picture.rows == s.rows()
    assert picture.rows[0].hidden
    assert sum(row.begins for row in picture.rows) == 1


def test_what_came_to_nothing_is_taken_back_on_the_picture_too() -> None:
    s, picture = session(saying("one", "two")), Picture()
    picture.draw(s.send("a"))
    events = run(s.send("b", cancelled=lambda: True))
    assert [type(each) for each in events[:2]] == [TurnAdded, TurnAdded]
    assert [type(each) for each in events[-3:]] == [TurnRemoved, TurnRemoved, TurnFinished]
    picture.draw(events[:-1])
    assert picture.rows == s.rows()


def test_events_closed_before_the_first_or_between_two_turns_leave_no_trace() -> None:
    s = session(saying("one"))
    for n_taken in range(4):
        events = s.send("a")
        for _ in range(n_taken):
            next(events)
        events.close()
        assert not s.busy
        assert s.ledger.path() == [] or n_taken == 3


@pytest.mark.parametrize("letting_go", ["closed", "dropped", "ended"])
def test_an_operation_has_the_session_until_its_events_are_over(letting_go: str) -> None:
    s: Talk = session(saying("one"))
    events = s.send("a")
    assert s.busy  # from the call on
    with pytest.raises(BusyError):
        s.send("b")
    with pytest.raises(BusyError):
        s.rows()
    if letting_go == "closed":
        events.close()
    elif letting_go == "ended":
        run(events)
    else:
        del events
    assert not s.busy
    run(s.send("b"))


def test_rows_are_values_of_one_moment() -> None:
    s = session(saying("one", "two"))
    run(s.send("a"))
    before = s.rows()
    texts = [row.text for row in before]
    run(s.send("b"))
    assert [row.text for row in before] == texts
