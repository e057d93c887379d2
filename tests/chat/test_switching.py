"""Another model in mid-conversation: what stays, what is encoded anew, what a failure leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llama2ncnn_chat.chat.model_facts import ModelFacts
from llama2ncnn_chat.chat.outcomes import Generate, PickModel, Say
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.generation.completer import common_prefix
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.storage.snapshots import SnapshotStore
from llama2ncnn_chat.storage.store import Store
from llama2ncnn_chat.text.templates.marked import template_of
from tests.chat.switched import ids_of, loud, no_step, window_of, with_model
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
    chat.models = NamedModels({"third": third, "other": chat.models.find("other", None, no_step)})  # type: ignore[union-attr]
    do(chat, "/model other")
    do(chat, "/model third")
    assert chat.read_only
    do(chat, "two")
    assert transcript(chat)[2:] == ["two", "TWO!"]
    assert ids_of(chat)[1] == chat.vocabulary.encode(transcript(chat)[1], bos=False)
    assert chat.session_id == 2
    chat.close()


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
    chat = make_chat(settings=LLAMA2, template=LLAMA2.template)
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
