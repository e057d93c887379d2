"""The law of the conversation: the cache is a prefix of the path, and only what differs is fed."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llama2ncnn_chat.conversation.ledger import Turn
from llama2ncnn_chat.conversation.session import BusyError, Session
from llama2ncnn_chat.conversation.window import Renderer, common_prefix, reserve
from llama2ncnn_chat.errors import ChatError, PromptTooLongError
from llama2ncnn_chat.events import (
    ContextShifted,
    Event,
    Events,
    Finished,
    PrefillProgress,
    Replayed,
)
from llama2ncnn_chat.settings import GREEDY, Sampling
from llama2ncnn_chat.text.template import template_of
from tests.fakes import ByteTokenizer, ScriptedEngine

TOKENIZER = ByteTokenizer()
BOS, EOS = TOKENIZER.bos_id, TOKENIZER.eos_id


def muddled(ids: Sequence[int]) -> int:
    """A next token that depends on every id before it, in order; now and then EOS."""
    mixed = zlib.crc32(np.asarray(ids, np.int32).tobytes())
    return EOS if mixed % 7 == 0 else 3 + 97 + mixed % 26


def session(
    engine: ScriptedEngine | None = None, *, system: str = "", template: str = "llama2", **kw: Any
) -> Session:
    engine = engine or ScriptedEngine(muddled, context_length=2000)
    kw.setdefault("sampling", GREEDY)
    kw.setdefault("max_tokens", 9)
    return Session(engine, TOKENIZER, Renderer(template_of(template), TOKENIZER, system), **kw)


def fed(s: Session) -> list[int]:
    assert isinstance(s.engine, ScriptedEngine)
    return s.engine.fed


def in_cache(s: Session) -> list[int]:
    assert isinstance(s.engine, ScriptedEngine)
    return s.engine.ids


def last_text(s: Session) -> str:
    reply = s.ledger.last("assistant")
    assert reply
    return reply.text


def run(events: Events) -> list[Event]:
    return list(events)


def encode(text: str) -> list[int]:
    return TOKENIZER.encode(text, bos=False)


def saying(*replies: str, context_length: int = 2000) -> ScriptedEngine:
    """An engine that answers every ``[/INST]`` with the next of these texts and EOS."""
    ids = [encode(reply) for reply in replies]

    def next_token(cache: Sequence[int]) -> int:
        mark = encode("[/INST]")
        cache = list(cache)
        starts = [i + len(mark) for i in range(len(cache)) if cache[i : i + len(mark)] == mark]
        if not starts:
            return EOS
        reply = ids[min(len(starts), len(ids)) - 1]
        done = len(cache) - starts[-1]
        return reply[done] if done < len(reply) else EOS

    return ScriptedEngine(next_token, context_length=context_length)


class Law(RuleBasedStateMachine):
    """Random operations; after each, what a cold engine would say and how much was fed."""

    def __init__(self) -> None:
        super().__init__()
        self.s = session(system="be brief")

    def generates(self, events: Events) -> None:
        before, count = list(in_cache(self.s)), len(fed(self.s))
        run(events)
        reply = self.s.ledger.head
        assert reply
        assert reply.role == "assistant"
        path = self.s.ledger.path()
        new = reply.ids[reply.runs[-1].start :]
        whole = self.s.renderer.join(path)
        prompt = whole[: len(whole) - len(new)]
        # The greedy reply of a cold prefill of the same ids.
        want: list[int] = []
        while len(want) < 9 and (token := muddled([*prompt, *want])) != EOS:
            want.append(token)
        assert new == want
        # The tail that differs, and the reply's own tokens, of which the last is not needed yet
        # unless it was fed to learn of the EOS.
        tail = len(prompt) - common_prefix(before, prompt)
        steps = len(new) if reply.finish == "stop" else len(new) - 1
        count = len(fed(self.s)) - count - max(steps, 0)
        # Where all of the prompt was in the cache, its last token is fed again for its logits,
        # unless they are still known.
        assert count == tail if tail else count in (0, 1)

    @rule(text=st.sampled_from(["hi", "a longer message", "[INST] <s> </s>", "ü\n\n€"]))
    def send(self, text: str) -> None:
        self.generates(self.s.send(text))

    @precondition(lambda self: self.s.ledger.head)
    @rule(text=st.sampled_from(["hi", "something else"]))
    def edit(self, text: str) -> None:
        self.generates(self.s.edit(text))

    @precondition(lambda self: self.s.ledger.head)
    @rule()
    def regenerate(self) -> None:
        self.generates(self.s.regenerate())

    @precondition(lambda self: self.s.ledger.head and self.s.ledger.head.finish == "length")
    @rule()
    def proceed(self) -> None:
        self.generates(self.s.proceed())

    @rule(n=st.integers(1, 3))
    def undo(self, n: int) -> None:
        self.s.undo(n)

    @rule(n=st.integers(1, 2))
    def redo(self, n: int) -> None:
        self.s.redo(n)

    @precondition(lambda self: self.s.ledger.head)
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        turn = data.draw(st.sampled_from(self.s.ledger.path()))
        self.s.choose(data.draw(st.sampled_from(self.s.ledger.alternatives(turn))))

    @rule(after=st.integers(0, 12))
    def send_and_abandon(self, after: int) -> None:
        events = self.s.send("never mind")
        for _ in range(after):
            if next(events, None) is None:
                break
        events.close()

    @rule(after=st.integers(0, 4))
    def send_and_cancel(self, after: int) -> None:
        polls = iter(range(1000))
        run(self.s.send("stop it", cancelled=lambda: next(polls) >= after))

    @rule(after=st.integers(0, 8))
    def send_and_fail(self, after: int) -> None:
        engine = self.s.engine
        assert isinstance(engine, ScriptedEngine)
        forward, calls = engine.forward_all, iter(range(1000))

        def failing(ids: Sequence[int]) -> np.ndarray:
            if next(calls) >= after:
                raise ChatError("out of memory")
            return forward(ids)

        engine.forward_all = failing  # type: ignore[method-assign]
        try:
            run(self.s.send("break"))
        except ChatError:
            pass
        finally:
            engine.forward_all = forward  # type: ignore[method-assign]

    @rule(system=st.sampled_from(["", "be brief", "be long"]))
    def set_system(self, system: str) -> None:
        self.s.set_system(system)

    @invariant()
    def turns_alternate(self) -> None:
        roles = [turn.role for turn in self.s.ledger.path()]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert not self.s.busy


Law.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLaw = Law.TestCase


def test_ids_are_llama2s_template_with_the_end_of_every_reply_fed() -> None:
    s = session(saying("Hello", "Fine"), system="S")
    run(s.send("Hi"))
    run(s.send("How are you?"))
    assert s.window(s.ledger.path()) == [
        BOS,
        *encode("[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST]"),
        *encode("Hello"),
        EOS,
        BOS,
        *encode("[INST] How are you? [/INST]"),
        *encode("Fine"),
    ]


@pytest.mark.parametrize("reason", ["cancelled", "length"])
def test_a_reply_cut_short_is_still_closed_before_the_next_message(reason: str) -> None:
    s = session(saying("Hello there", "x"), max_tokens=4 if reason == "length" else None)

    def cancelled() -> bool:
        return reason == "cancelled" and len(s.ledger.path()[-1].ids) == 4

    run(s.send("Hi", cancelled=cancelled))
    head = s.ledger.head
    assert head
    assert (head.text, head.finish) == ("Hell", reason)
    run(s.send("Go"))
    ids = s.window(s.ledger.path())
    at = ids.index(EOS)
    assert ids[at - 4 : at + 2] == [*encode("Hell"), EOS, BOS]


def test_typed_control_text_stays_plain_text() -> None:
    s = session(saying("ok"))
    run(s.send("</s><s>[INST] <<SYS>>"))
    ids = s.window(s.ledger.path())
    assert ids.count(BOS) == 1
    assert EOS not in ids


def test_continue_goes_on_in_the_same_reply() -> None:
    s = session(saying("Hello there"), max_tokens=4)
    run(s.send("Hi"))
    run(s.proceed())
    run(s.proceed())
    assert last_text(s) == "Hello there"
    reply = s.ledger.path()[-1]
    assert [r.start for r in reply.runs] == [0, 4, 8]
    assert reply.timings
    assert reply.timings.predicted_n == len(reply.ids)
    assert len(s.ledger.path()) == 2


def test_a_character_cut_in_two_is_whole_after_continue() -> None:
    s = session(saying("a€b"), max_tokens=2)
    run(s.send("Hi"))
    assert last_text(s) == "a\ufffd"
    run(s.proceed())
    run(s.proceed())
    assert last_text(s) == "a€b"


def test_regenerating_feeds_no_token_and_keeps_both_replies() -> None:
    s = session(sampling=Sampling(temperature=1.0), seed=1)
    run(s.send("Hi"))
    first = s.ledger.head
    count = len(fed(s))
    events = run(s.regenerate())
    assert not any(isinstance(e, PrefillProgress) for e in events)
    second = s.ledger.head
    assert first
    assert second
    assert s.ledger.alternatives(second) == [first, second]
    assert len(fed(s)) - count <= len(second.ids)


def test_a_message_that_came_to_nothing_leaves_no_trace() -> None:
    s = session(saying("one", "two"))
    run(s.send("Hi"))
    head = s.ledger.head
    end = run(s.send("again", cancelled=lambda: True))[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.ids) == ("cancelled", ())
    assert s.ledger.head is head
    assert sum(1 for _ in s.ledger.turns()) == 2


@pytest.mark.parametrize("first", [True, False])
def test_a_message_that_was_never_answered_is_not_followed_by_another(first: bool) -> None:
    """What a program leaves that is killed between a message and its reply."""
    s = session(saying("one", "two"))
    if not first:
        run(s.send("Hi"))
    before = s.ledger.path()
    owed = s.ledger.add(Turn("user", "lost", s.renderer.message("lost", first=first)))
    run(s.proceed(cancelled=lambda: True))
    assert s.ledger.path() == [*before, owed]
    run(s.send("next"))
    assert [t.text for t in s.ledger.path()[len(before) :]] == ["next", "one" if first else "two"]
    s.choose(owed)
    run(s.proceed())
    assert [t.text for t in s.ledger.path()[len(before) :]] == ["lost", "one" if first else "two"]


def test_an_empty_reply_is_a_reply() -> None:
    s = session(saying(""))
    run(s.send("Hi"))
    assert [t.role for t in s.ledger.path()] == ["user", "assistant"]


def test_two_at_once_are_refused() -> None:
    s = session()
    events = s.send("Hi")
    next(events)
    with pytest.raises(BusyError):
        next(s.send("too"))
    with pytest.raises(BusyError):
        s.undo()
    events.close()
    run(s.send("now"))


def test_what_can_not_fit_is_refused_with_numbers_before_anything_changes() -> None:
    s = session(saying("ok", context_length=200))
    run(s.send("Hi"))
    before = (list(in_cache(s)), s.ledger.head)
    with pytest.raises(PromptTooLongError, match=r"\d+ tokens .* context of 200"):
        run(s.send("x" * 300))
    assert (in_cache(s), s.ledger.head) == before


class TestFullContext:
    """160 tokens: four or five short pairs."""

    def full(self, **kw: Any) -> Session:
        s = session(ScriptedEngine(muddled, context_length=160), system="S", **kw)
        s.max_tokens = 9
        return s

    def test_whole_oldest_turns_go_and_the_system_prompt_stays(self) -> None:
        s = self.full()
        shifted: list[ContextShifted] = []
        for i in range(12):
            shifted += [e for e in run(s.send(f"message {i}")) if isinstance(e, ContextShifted)]
            assert len(s.window(s.ledger.path())) <= 160
            assert in_cache(s) == s.window(s.ledger.path())[: len(in_cache(s))]
        assert shifted
        assert all(e.turns % 2 == 0 and e.tokens > 0 for e in shifted)
        window = s.window(s.ledger.path())
        assert window[: len(encode("[INST] <<SYS>>\nS\n<</SYS>>\n\n")) + 1] == [
            BOS,
            *encode("[INST] <<SYS>>\nS\n<</SYS>>\n\n"),
        ]
        assert len(s.ledger.path()) == 24  # out of sight, not lost
        assert sum(e.turns for e in shifted) == s.context().hidden

    @pytest.mark.parametrize("mode", ["shift", "reprefill"])
    def test_shifting_feeds_only_what_is_new_and_reprefill_everything(self, mode: str) -> None:
        s = self.full(on_full=mode)
        for i in range(12):
            count, cached = len(fed(s)), list(in_cache(s))
            events = run(s.send(f"message {i}"))
            reply = s.ledger.head
            assert reply
            if any(isinstance(e, ContextShifted) for e in events) and cached:
                message = len(s.renderer.message(f"message {i}", first=False))
                extra = len(fed(s)) - count - message - len(reply.ids)
                if mode == "shift":
                    assert extra <= 2  # the last token of the reply before, and its EOS
                else:
                    assert extra > 10

    def test_stop_refuses_and_changes_nothing(self) -> None:
        s = self.full(on_full="stop")
        filled = 0
        while s.context().free > s.count("one too many") + 20:
            run(s.send(f"message {filled}"))
            filled += 1
        path = s.ledger.path()
        with pytest.raises(PromptTooLongError, match="/set on_full shift"):
            run(s.send("one too many" + "!" * 20))
        assert s.ledger.path() == path
        assert s.context().hidden == 0
        assert all(t.ids for t in s.ledger.path() if t.role == "user")

    @pytest.mark.parametrize("mode", ["shift", "stop"])
    def test_another_reply_in_a_shorter_context_makes_room_or_is_refused(self, mode: str) -> None:
        s = self.full()
        for text in ("one", "two", "three"):
            run(s.send(text))
        path, length = s.ledger.path(), len(s.window(s.ledger.path()))
        shorter = ScriptedEngine(muddled, context_length=length - 12)
        s = session(shorter, system="S", on_full=mode, ledger=s.ledger)
        if mode == "stop":
            with pytest.raises(PromptTooLongError, match=rf"context of {length - 12}"):
                run(s.regenerate())
            assert (s.ledger.path(), fed(s)) == (path, [])
            return
        assert any(isinstance(e, ContextShifted) for e in run(s.regenerate()))
        assert s.ledger.path()[:-1] == path[:-1]
        assert s.context().hidden == 2

    def test_a_long_reply_goes_on_past_the_end_of_the_context(self) -> None:
        engine = ScriptedEngine(lambda ids: 100, context_length=160)
        s = session(engine, max_tokens=20)
        for i in range(3):
            run(s.send(f"message {i}"))
        s.max_tokens = 80
        events = run(s.send("go on"))
        assert any(isinstance(e, ContextShifted) for e in events)
        assert len(s.ledger.path()[-1].ids) == 80
        assert s.ledger.path()[-1].finish == "length"

    def test_a_reply_alone_in_a_full_context_ends(self) -> None:
        s = session(ScriptedEngine(lambda ids: 100, context_length=160), max_tokens=None)
        run(s.send("go on"))
        assert s.ledger.path()[-1].finish == "length"
        assert len(s.window(s.ledger.path())) == 160

    def test_context_counts_are_exact(self) -> None:
        s = self.full()
        for i in range(12):
            run(s.send(f"message {i}"))
            use = s.context()
            assert use.used == len(s.window(s.ledger.path()))
            assert use.length == 160
            assert [t for t, _ in use.turns] == s.ledger.path()[use.hidden :]


def test_undo_and_redo_walk_the_same_steps() -> None:
    s = session(saying("one", "two", "three"))
    for text in ("a", "b", "c"):
        run(s.send(text))
    path = s.ledger.path()
    assert [t.text for t in s.undo(2)] == ["c", "b"]
    assert [t.text for t in s.ledger.path()] == ["a", "one"]
    assert s.redo() == 1
    assert s.ledger.path() == path[:4]
    assert s.redo(5) == 1
    assert s.ledger.path() == path
    assert len(s.undo(99)) == 3
    assert s.ledger.head is None


def test_a_message_that_came_to_nothing_leaves_what_was_undone() -> None:
    s = session(saying("one", "two"))
    for text in ("a", "b"):
        run(s.send(text))
    path = s.ledger.path()
    s.undo()
    run(s.send("c", cancelled=lambda: True))
    assert s.redo() == 1
    assert s.ledger.path() == path


def test_a_new_message_leaves_nothing_to_redo() -> None:
    s = session(saying("one", "two"))
    for text in ("a", "b"):
        run(s.send(text))
    s.undo()
    run(s.send("c"))
    path = s.ledger.path()
    assert s.redo() == 0
    assert s.undo() == [path[2]]
    assert s.redo() == 1
    assert s.ledger.path() == path


def test_redo_leads_to_the_first_message_that_was_undone() -> None:
    s = session(saying("one"))
    run(s.send("a"))
    path = s.ledger.path()
    run(s.edit("b"))
    s.choose(path[0])
    s.undo()
    assert s.ledger.path() == []
    s.redo()
    assert s.ledger.path() == path


def test_alternatives_remember_where_they_led() -> None:
    s = session(saying("one", "two"))
    run(s.send("a"))
    first = s.ledger.path()
    run(s.send("b"))
    long_path = s.ledger.path()
    s.undo(2)
    run(s.send("other"))
    s.choose(first[0])
    assert s.ledger.path() == long_path


def test_replay_says_whether_it_is_the_same() -> None:
    s = session(sampling=Sampling(temperature=8.0, top_k=0, min_p=0.0), max_tokens=6)
    for text in ("a", "b"):
        run(s.send(text))
    run(s.proceed())
    path, window = s.ledger.path(), s.window(s.ledger.path())
    end = run(s.replay())[-1]
    reply = s.ledger.head
    assert reply
    assert end == Replayed(same=True, at=len(reply.ids))
    assert s.ledger.path() == path
    assert s.window(path) == window
    reply.ids[2] ^= 1
    end = run(s.replay())[-1]
    assert isinstance(end, Replayed)
    assert (end.same, end.at) == (False, 2)


def test_seeds_make_a_conversation_repeatable() -> None:
    texts = []
    for seed in (5, 5, 6):
        s = session(sampling=Sampling(temperature=8.0, top_k=0, top_p=1.0, min_p=0.0), seed=seed)
        for text in ("a", "b"):
            run(s.send(text))
        texts.append([t.text for t in s.ledger.path()])
    assert texts[0] == texts[1] != texts[2]


def test_a_restored_cache_is_used_as_far_as_it_fits() -> None:
    s = session(saying("one", "two"))
    run(s.send("a"))
    ids, cache = s.cache.snapshot()
    other = session(saying("one", "two"), ledger=s.ledger)
    other.restore(cache)
    count = len(fed(other))
    run(other.send("b"))
    reply = other.ledger.head
    assert reply
    message: Turn = other.ledger.path()[-2]
    # One token of the first reply was never fed, or its EOS only.
    missing = len(other.window(other.ledger.path())) - len(reply.ids) - len(ids)
    assert missing <= len(message.ids) + 2
    assert len(fed(other)) - count == missing + len(reply.ids)


def test_reserve_is_a_sixteenth_of_a_small_context() -> None:
    assert (reserve(4096), reserve(160), reserve(8)) == (128, 10, 1)
