"""Another model in mid-conversation: what stays, what is encoded anew, what a failure leaves."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.chat.chat_model import ChatModel
from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.chat.outcomes import Generate, PickModel, Say
from llama2ncnn_chat.chat.switching import open_model
from llama2ncnn_chat.conversation.session import BusyError
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ChatError, ModelError
from llama2ncnn_chat.events import ModelProgress, Report, Step
from llama2ncnn_chat.generation.completer import common_prefix
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.storage.snapshots import SnapshotStore
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.templates.template import Template
from tests.chatting import (
    LLAMA2,
    LONG,
    TOKENIZER,
    answering,
    carry_out,
    do,
    echo,
    make_chat,
    stored_chat,
    transcript,
)
from tests.fakes import BOS, ByteTokenizer, ScriptedEngine, ShiftedTokenizer
from tests.inside import script_of
from tests.switching import NamedModels, model_of, saying

SHIFTED = ShiftedTokenizer()
X = 40 + ord("x")


class SwappedTokenizer(ByteTokenizer):
    """Two letters, which no message here has, change places."""

    PLACES = bytes.maketrans(b"YQ", b"QY")

    def piece(self, token: int) -> bytes:
        return super().piece(token).translate(self.PLACES)

    def encode(self, text: str, *, bos: bool = True, prefix: bool = True) -> list[int]:
        return [BOS] * bos + [byte + 3 for byte in text.encode().translate(self.PLACES)]


def loud(message: str) -> str:
    return f"{message.upper()}!"


def with_model(model: ChatModel, chat: Chat | None = None, *, saved: bool = False) -> Chat:
    """A chat that has said hello, and can go on with the model "other" or be back at "tiny"."""
    chat = chat or (stored_chat() if saved else make_chat())
    chat.models = NamedModels({"other": model, "tiny": chat.chat_model})
    do(chat, LONG)
    return chat


def ids_of(chat: Chat) -> list[list[int]]:
    return [turn.ids for turn in chat.session.ledger.turns()]


def window_of(chat: Chat) -> list[int]:
    return chat.session.window(chat.session.sight(chat.session.ledger.head))


def fail(_step: Step) -> Engine:
    raise ModelError("other.bin: damaged", "convert the model again")


@pytest.mark.parametrize("saved", [True, False])
def test_the_same_tokens_stay_and_are_read_once(saved: bool) -> None:
    engine = answering(loud)
    chat = with_model(model_of(engine), saved=saved)
    do(chat, "/regen")
    old, before, number = script_of(chat), ids_of(chat), chat.session_id
    do(chat, "/model other")
    assert ids_of(chat) == before
    assert chat.session_id == number
    assert not chat.read_only
    assert old.ids == []  # closed
    assert engine.fed == []
    do(chat, "two")
    assert transcript(chat)[2:] == ["two", "TWO!"]
    assert engine.fed == engine.ids == window_of(chat)[: len(engine.ids)]
    assert len(window_of(chat)) - len(engine.ids) <= 1  # but for the last, which isn't fed
    do(chat, "/undo")
    do(chat, "/prev")
    assert ids_of(chat)[:3] == before
    do(chat, "three")
    assert transcript(chat)[2:] == ["three", "THREE!"]
    chat.close()


def test_a_stored_session_says_with_which_model_it_goes_on() -> None:
    chat = with_model(model_of(answering(loud)), saved=True)
    do(chat, "/model other")
    assert [info.model for info in chat.stored().list()] == ["/models/other"]
    assert chat.pop_notes()[0] == "other answers from now on"
    chat.close()


def test_nothing_that_one_model_has_read_is_used_by_another() -> None:
    engine = answering(loud)
    chat = with_model(model_of(engine), saved=True)
    assert SnapshotStore().total_bytes() == 0
    do(chat, "/model other")
    assert SnapshotStore().total_bytes() > 0
    assert engine.position == 0
    assert "(the model or the CPU differs)" in chat.pop_notes()[1]
    do(chat, "/model tiny")
    assert script_of(chat).position == len(window_of(chat))  # it is its own again
    assert chat.pop_notes() == ["tiny answers from now on"]
    chat.close()


@pytest.mark.parametrize("saved", [True, False])
def test_other_tokens_are_those_of_the_texts(saved: bool) -> None:
    engine = saying(X)
    chat = with_model(model_of(engine, vocabulary=SHIFTED), saved=saved)
    texts, stored = transcript(chat), ids_of(chat)
    do(chat, "/model other")
    (note,) = chat.pop_notes()
    assert "other answers from now on; it reads text as other tokens" in note
    assert transcript(chat) == texts
    message, reply = ids_of(chat)
    assert message == chat.session.renderer.message(LONG, first=True)
    assert reply == SHIFTED.encode(texts[1], bos=False)
    assert bytes(i - 40 for i in reply).decode() == texts[1]
    do(chat, "two")
    assert transcript(chat) == [*texts, "two", "x"]
    assert engine.fed == window_of(chat)[: len(engine.fed)]
    do(chat, "/undo")
    do(chat, "/redo")
    do(chat, "/regen")
    assert transcript(chat) == [*texts, "two", "x"]
    if saved:
        assert chat.session_id == 2
        chat.resume(1)
        assert transcript(chat) == texts  # as it was
        chat.close()
        chat = stored_chat()
        chat.resume(1)
        assert ids_of(chat) == stored
        assert [info.model for info in chat.stored().list()] == ["/models/other", "/models/tiny"]
    chat.close()


def test_another_template_is_another_encoding() -> None:
    chat = with_model(model_of(answering(loud), template=template_of("chatml")))
    do(chat, "/model other")
    assert chat.setting("template") == "chatml"
    text = bytes(i - 3 for i in ids_of(chat)[0] if i > 2)
    assert text == f"<|im_start|>user\n{LONG}<|im_end|>\n<|im_start|>assistant\n".encode()


def test_back_at_the_first_model_the_session_itself_goes_on() -> None:
    chat = with_model(model_of(saying(X), vocabulary=SHIFTED), saved=True)
    do(chat, "second")
    do(chat, "/undo")
    before = ids_of(chat)
    do(chat, "/model other")
    assert chat.read_only
    do(chat, "/model tiny")
    assert not chat.read_only
    assert chat.session_id == 1
    assert ids_of(chat) == before
    assert transcript(chat) == [LONG, f"You said {LONG}."]
    do(chat, "/redo")
    assert transcript(chat)[2:] == ["second", "You said second."]
    chat.close()


def test_back_at_the_first_model_the_reader_stands_where_they_stood() -> None:
    chat = with_model(model_of(saying(X), vocabulary=SHIFTED), saved=True)
    do(chat, "second")
    do(chat, "/model other")
    do(chat, "/undo")
    do(chat, "/model tiny")
    assert transcript(chat) == [LONG, f"You said {LONG}."]
    do(chat, "/redo")
    assert transcript(chat)[2:] == ["second", "You said second."]
    chat.close()


def test_other_tokens_are_told_by_replies_too() -> None:
    chat = with_model(model_of(answering(loud), vocabulary=SwappedTokenizer()))
    texts = transcript(chat)
    message, reply = ids_of(chat)
    do(chat, "/model other")
    assert ids_of(chat) == [message, SwappedTokenizer().encode(texts[1], bos=False)]
    assert ids_of(chat)[1] != reply


def test_a_copy_of_a_copy_is_encoded_anew_once_more() -> None:
    chat = with_model(model_of(saying(X), vocabulary=SHIFTED), saved=True)
    third = model_of(answering(loud), ModelFacts("/models/third", "f3", "q8", 1))
    chat.models = NamedModels({"third": third, "other": chat.models.find("other", None, _step)})  # type: ignore[union-attr]
    do(chat, "/model other")
    do(chat, "/model third")
    assert chat.read_only
    do(chat, "two")
    assert transcript(chat)[2:] == ["two", "TWO!"]
    assert ids_of(chat)[1] == chat.vocabulary.encode(transcript(chat)[1], bos=False)
    assert chat.session_id == 2
    chat.close()


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


def test_a_session_that_another_program_has_goes_on_in_a_copy_with_the_new_model() -> None:
    theirs = with_model(model_of(answering(loud)), saved=True)
    mine = stored_chat(models=NamedModels({"other": model_of(answering(loud))}))
    mine.resume(1)
    before = ids_of(mine)
    do(mine, "/model other")
    assert mine.read_only
    do(mine, "two")
    assert mine.session_id == 2
    assert ids_of(mine)[:2] == before
    assert transcript(mine)[2:] == ["two", "TWO!"]
    assert [info.model for info in mine.stored().list()] == ["/models/other", "/models/tiny"]
    mine.close()
    theirs.close()


@pytest.mark.parametrize(
    ("engine", "vocabulary"), [(answering(loud), TOKENIZER), (saying(X), SHIFTED)]
)
def test_a_reply_that_was_cut_can_be_gone_on_with(
    engine: ScriptedEngine, vocabulary: ByteTokenizer
) -> None:
    chat = make_chat()
    do(chat, "/set n 3")
    with_model(model_of(engine, vocabulary=vocabulary), chat)
    cut = transcript(chat)[1]
    do(chat, "/set n off")
    do(chat, "/model other")
    do(chat, "/continue")
    assert transcript(chat)[1].startswith(cut)
    assert len(transcript(chat)[1]) > len(cut)


def test_not_while_a_reply_is_written() -> None:
    chat = with_model(model_of(answering(loud)))
    reply = chat.send("two")
    next(reply)
    with pytest.raises(BusyError):
        do(chat, "/model other")
    reply.close()


def test_what_was_set_by_hand_stays_and_the_rest_is_the_models() -> None:
    own = {"temperature": 0.5, "top_k": 7, "top_p": 0.9}
    chat = make_chat(settings=Settings(sampling=Sampling(temperature=0.3, min_p=0.2)))
    chat.set_by_hand |= {"temperature"}
    chat.chat_model = replace(chat.chat_model, sampling={"min_p": 0.2})
    with_model(model_of(answering(loud), sampling=own), chat)
    do(chat, "/set top_p 0.95")
    do(chat, "/set threads 3")
    do(chat, "/model other")
    usual = Sampling()
    assert chat.settings.sampling == replace(usual, temperature=0.3, top_k=7, top_p=0.95)
    assert chat.setting("threads") == "3"
    do(chat, "/model tiny")
    assert chat.settings.sampling == replace(usual, temperature=0.3, min_p=0.2)


def test_a_template_that_was_asked_for_stays() -> None:
    chat = make_chat(settings=LLAMA2, set_by_hand=frozenset({"template"}))
    with_model(model_of(answering(loud), template=template_of("chatml")), chat)
    do(chat, "/model other")
    assert chat.setting("template") == "llama2"
    assert not chat.read_only


def test_the_context_is_the_new_models() -> None:
    chat = make_chat(answering(echo, context_length=400))
    with_model(model_of(answering(loud, context_length=150)), chat)
    do(chat, "another message that is long enough")
    assert chat.session.first_visible is None
    do(chat, "/model other")
    assert chat.view.context_length == 150
    assert any("longer than the context of 150 tokens" in note for note in chat.pop_notes())
    assert chat.session.first_visible
    do(chat, "/model tiny")
    assert chat.session.first_visible is None  # there is room for all of it again
    assert common_prefix(window_of(chat), ids_of(chat)[0]) == len(ids_of(chat)[0])


def test_an_empty_conversation_goes_on_as_it_is() -> None:
    chat = stored_chat()
    chat.models = NamedModels({"other": model_of(saying(X), vocabulary=SHIFTED)})
    do(chat, "/begin So")
    do(chat, "/model other")
    assert not chat.read_only
    do(chat, "hello")
    assert transcript(chat)[0] == "hello"
    assert transcript(chat)[1].strip().startswith("So")
    assert [info.model for info in chat.stored().list()] == ["/models/other"]
    chat.close()


def test_without_a_name_there_is_a_list() -> None:
    chat = with_model(model_of(answering(loud)))
    (outcome,) = do(chat, "/model")
    assert isinstance(outcome, PickModel)
    assert [each.name for each in outcome.models] == ["other", "tiny"]
    chat.models = None
    (outcome,) = do(chat, "/model")
    assert isinstance(outcome, Say)
    assert outcome.text == "tiny is open (fp32, 0.0 MB)"
    with pytest.raises(ChatError, match="no other model"):
        do(chat, "/model other")


def test_what_one_model_thought_of_tokens_is_nothing_to_another() -> None:
    chat = with_model(model_of(saying(X), vocabulary=SHIFTED))
    reply = chat.session.ledger.head
    assert reply
    carry_out([Generate(lambda cancelled: chat.session.weigh(reply, cancelled=cancelled), "weigh")])
    assert reply.choices
    do(chat, "/model other")
    assert not reply.choices
    assert Store.open().list() == []


def _step(_what: str) -> Report:
    return lambda _done, _total: None
