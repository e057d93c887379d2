"""A chat with llama-server beside one with the same weights here: the same ids, turn by turn.

The weights are random, and so are the tokens: many of them end inside of a character, of which the
server's stream says nothing.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

import pytest

from llama2ncnn_chat.chat.chat import Chat
from llama2ncnn_chat.events import TextDelta
from llama2ncnn_chat.generation.completer import Draws, Limits, never
from llama2ncnn_chat.generation.settings import Sampling
from llama2ncnn_chat.launch.options import options_of
from llama2ncnn_chat.launch.remote import prepare_remote
from tests.chatting import do, transcript
from tests.llamacpp.miniature import opened, step
from tests.remote.messages_only import messages_only

pytest.importorskip("xllamacpp", reason="llama.cpp isn't installed: pip --group oracles")

WAIT = 20.0

LINES = (
    *("hello there", "and then?", "/regen", "a third message\nof two lines", "/undo"),
    *("something else 日本", "/edit another wording", "/continue", "/begin It was", "go on"),
    *("/set repeat_penalty 1.3", "/set presence_penalty 0.5", "once more", "/undo 2", "/redo"),
    *("/set repeat_penalty 1", "/set presence_penalty 0", "the eighth", "/regen", "the last one"),
)


def talk(chat: Chat) -> list[list[int]]:
    """The ids of the path after each line."""
    paths = []
    for line in LINES:
        do(chat, line)
        paths.append([i for turn in chat.session.ledger.path() for i in turn.ids])
    return paths


@pytest.mark.parametrize("named", [False, True], ids=["vocabulary asked for", "files at hand"])
def test_ten_turns_are_those_of_a_model_here(gguf: Path, server: str, named: bool) -> None:
    files = {"model": str(gguf)} if named else {}
    with closing(opened(model=str(gguf), weights="fp32")) as here:
        want = talk(here)
        known = [turn.choices for turn in here.session.ledger.path() if turn.role == "assistant"]
    with closing(opened(engine=server, **files)) as elsewhere:
        assert elsewhere.model.fingerprint != here.model.fingerprint
        got = talk(elsewhere)
        told = [t.choices for t in elsewhere.session.ledger.path() if t.role == "assistant"]
    assert [at for at, (a, b) in enumerate(zip(got, want, strict=True)) if a != b] == []
    assert len(want[-1]) > 200
    n_compared = 0
    for ours, theirs in zip(known, told, strict=True):
        for at, choice in theirs.items():
            assert choice.token == ours[at].token
            assert choice.probability == pytest.approx(ours[at].probability, abs=1e-3)
            likely, likely_here = dict(choice.top), dict(ours[at].top)
            assert len(likely) == len(likely_here)
            for token in likely.keys() & likely_here.keys():
                assert likely[token] == pytest.approx(likely_here[token], abs=1e-3)
            n_compared += 1
    assert n_compared > 50


def test_a_vocabulary_that_was_asked_for_is_the_files(gguf: Path, server: str) -> None:
    asked = prepare_remote(options_of({"engine": server}, {}, Path("/none")))
    named = prepare_remote(options_of({"engine": server, "model": str(gguf)}, {}, Path("/none")))
    assert asked.facts.fingerprint == named.facts.fingerprint
    ours, files = asked.vocabulary, named.vocabulary
    assert ours.vocab_size == files.vocab_size
    assert ours.ends == files.ends
    for token in range(files.vocab_size):
        assert ours.piece(token) == files.piece(token)
        assert ours.first_piece(token) == files.first_piece(token)
    with closing(asked.load(step)):
        for text in ("", "a", " a", "a  b\n", "</s>[INST]", "日本 é", "\x01"):
            for prefix in (True, False):
                assert ours.encode(text, prefix=prefix) == files.encode(text, prefix=prefix), text
    assert [ours.special(name) for name in ("<s>", "</s>", "a")] == [1, 2, None]
    assert asked.template == named.template


def test_hanging_up_stops_it(gguf: Path, server: str) -> None:
    model = prepare_remote(options_of({"engine": server, "model": str(gguf)}, {}, Path("/none")))
    with closing(model.load(step)) as completer:
        everything = Sampling(temperature=1, top_k=0, top_p=1, min_p=0)
        with closing(
            completer.complete([1, 300], everything, Draws(1), Limits(), cancelled=never)
        ) as events:
            next(event for event in events if isinstance(event, TextDelta))
        deadline = time.monotonic() + WAIT
        while any(slot["is_processing"] for slot in completer._connection.get("/slots")):  # type: ignore[attr-defined]
            assert time.monotonic() < deadline, "it goes on"


def test_a_session_goes_on_with_a_model_here_and_back(gguf: Path, server: str) -> None:
    with closing(opened(engine=server, save="1")) as chat:
        do(chat, "hello there")
        do(chat, f"/model {gguf}")
        do(chat, "and then?")
        do(chat, f"/model {server}")
        do(chat, "and now?")
        path = [turn.ids for turn in chat.session.ledger.path()]
        assert chat.session_id == 1  # the tokens are the same: it needs no copy
    with closing(opened(resume="1", save="1")) as chat:
        assert chat.model.name.startswith(f"{server}#")
        assert (chat.model.short, chat.model.weights) == ("m.gguf", f"llama-server at {server[7:]}")
        assert [turn.ids for turn in chat.session.ledger.path()] == path


def test_messages_come_to_the_same_text_as_ids(server: str) -> None:
    def texts(url: str) -> list[list[str]]:
        with closing(opened(engine=url)) as chat:
            told = []
            for line in ("hello there", "/regen", "/undo", "something else 日本", "/edit another"):
                do(chat, line)
                # A character that isn't whole at the end, it doesn't tell as text.
                told.append([text.rstrip("\ufffd") for text in transcript(chat)])
            return told

    with messages_only(server) as by_messages:
        assert texts(by_messages) == texts(server)
