"""Another model that can't be opened, or is no longer wanted: what is there was there before."""

from __future__ import annotations

import threading

import pytest

from llama2ncnn_chat.chat.chat_model import ChatModel
from llama2ncnn_chat.chat.switching import open_model
from llama2ncnn_chat.conversation.session import BusyError
from llama2ncnn_chat.errors import ChatError, ModelError
from llama2ncnn_chat.events import ModelProgress, Step
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.templates.template import Template
from tests.chat.switched import ids_of, loud, with_model
from tests.chatting import answering, do, transcript
from tests.inside import script_of
from tests.switching import NamedModels, model_of


def fail(_step: Step) -> Engine:
    raise ModelError("other.bin: damaged", "convert the model again")


def test_a_failure_leaves_all_as_it_was() -> None:
    engine = answering(loud)
    model = model_of(engine, load=fail, sampling={"top_k": 7}, template=template_of("chatml"))
    chat = with_model(model, saved=True)
    settings, before, facts = chat.settings, ids_of(chat), chat.model
    with pytest.raises(ModelError, match=r"other\.bin: damaged"):
        do(chat, "/model other")
    assert (chat.settings, ids_of(chat), chat.model) == (settings, before, facts)
    assert script_of(chat).position > 0  # from its snapshot
    assert chat.pop_notes() == []
    do(chat, "two")
    assert transcript(chat)[2:] == ["two", "You said two."]
    assert chat.session_id == 1
    assert [info.model for info in chat.stored().list()] == ["/models/tiny"]
    chat.close()


def test_too_little_memory_is_a_failure_like_others() -> None:
    def no_memory(_step: Step) -> Engine:
        raise MemoryError

    chat = with_model(model_of(answering(loud), load=no_memory))
    with pytest.raises(ModelError, match="too little memory"):
        do(chat, "/model other")
    do(chat, "two")
    assert transcript(chat)[3] == "You said two."


def test_what_cannot_be_is_refused_before_anything_is_freed() -> None:
    tight = model_of(answering(loud, context_length=40))
    chat = with_model(tight)
    chat.set_values({"system": "a system prompt that takes more than forty tokens"})
    do(chat, "more")
    position = script_of(chat).position
    for name, why in (("none", "none: no such model"), ("other", "this system prompt takes")):
        with pytest.raises(ChatError, match=why):
            do(chat, f"/model {name}")
        assert script_of(chat).position == position > 0


def test_where_the_old_one_is_gone_too_another_can_be_opened() -> None:
    chat = with_model(model_of(answering(loud), load=fail), saved=True)
    chat.chat_model = model_of(answering(loud), chat.model, load=fail)
    assert isinstance(chat.models, NamedModels)
    chat.models.named["third"] = model_of(answering(loud))
    with pytest.raises(ModelError, match="damaged"):
        do(chat, "/model other")
    assert "tiny can't be opened again, either" in chat.pop_notes()
    before = transcript(chat)
    with pytest.raises(ModelError, match="no model is open"):
        do(chat, "two")
    assert transcript(chat) == before
    do(chat, "/model third")
    do(chat, "two")
    assert transcript(chat) == [*before, "two", "TWO!"]
    chat.close()


def test_it_can_be_stopped_and_tells_how_far_it_is() -> None:
    stop, seen = threading.Event(), []

    def slow(step: Step) -> Engine:
        report = step("loading other")
        for done in range(10**6):
            report(done, 10**6)
            stop.wait(0.01)
        raise AssertionError("nobody stopped it")

    chat = with_model(model_of(answering(loud), load=slow))

    def watch() -> None:
        for event in open_model(chat, "other", cancelled=stop.is_set):
            assert isinstance(event, ModelProgress)
            with pytest.raises(BusyError):
                chat.session.undo()
            seen.append(event)
            if event.what == "loading other":
                stop.set()

    with pytest.raises(ChatError, match="stopped"):
        watch()
    assert seen[-1].total == 10**6
    do(chat, "two")
    assert transcript(chat)[3] == "You said two."


def test_events_that_are_dropped_leave_the_model_before() -> None:
    def slow(step: Step) -> Engine:
        while True:
            step("loading")(1, 2)

    chat = with_model(model_of(answering(loud), load=slow))
    events = open_model(chat, "other")
    while next(events).what != "loading":  # type: ignore[union-attr]
        pass
    events.close()
    do(chat, "two")
    assert transcript(chat)[3] == "You said two."


def test_stopped_while_it_is_looked_for_nothing_has_been_freed() -> None:
    class Endless(NamedModels):
        def find(self, name: str, template: Template | None, step: Step) -> ChatModel:
            report = step(f"converting {name}")
            while True:
                report(1, 2)

    chat = with_model(model_of(answering(loud)))
    chat.models, position = Endless({}), script_of(chat).position
    with pytest.raises(ChatError, match="stopped"):
        list(open_model(chat, "other", cancelled=lambda: True))
    assert script_of(chat).position == position > 0


def test_the_memory_of_the_model_before_is_given_back_first() -> None:
    at_load = []

    def load(_step: Step) -> Engine:
        at_load.append(old.position)
        return answering(loud)

    chat = with_model(model_of(answering(loud), load=load))
    old = script_of(chat)
    assert old.position
    do(chat, "/model other")
    assert at_load == [0]


def test_not_while_a_reply_is_written() -> None:
    chat = with_model(model_of(answering(loud)))
    reply = chat.send("two")
    next(reply)
    with pytest.raises(BusyError):
        do(chat, "/model other")
    reply.close()
