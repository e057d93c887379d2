"""A context that fills up: what goes, what stays, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llama2ncnn_chat.chat import phrases
from llama2ncnn_chat.conversation.renderer import reserve
from llama2ncnn_chat.errors import PromptTooLongError
from llama2ncnn_chat.events import ContextShifted
from tests.conversation.scripted import Talk, encode, fed, in_cache, muddled, run, saying, session
from tests.fakes import BOS, ScriptedEngine


def test_what_can_not_fit_is_refused_with_numbers_before_anything_changes() -> None:
    s = session(saying("ok", context_length=200))
    run(s.send("Hi"))
    before = (list(in_cache(s)), s.ledger.head)
    with pytest.raises(PromptTooLongError, match=r"\d+ tokens .* context of 200"):
        run(s.send("x" * 300))
    assert (in_cache(s), s.ledger.head) == before


class TestFullContext:
    """160 tokens: four or five short pairs."""

    def full(self, **kw: Any) -> Talk:
        return session(ScriptedEngine(muddled, context_length=160), system="S", **kw)

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
        with pytest.raises(PromptTooLongError, match=r"tokens of a context of 160") as refused:
            run(s.send("one too many" + "!" * 20))
        assert "/set on_full shift" in phrases.sentence(refused.value)
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
        s.settings = replace(s.settings, max_tokens=80)
        events = run(s.send("go on"))
        assert any(isinstance(e, ContextShifted) for e in events)
        assert len(s.ledger.path()[-1].ids) == 80
        assert s.ledger.path()[-1].finish == "length"

    def test_a_reply_alone_in_a_full_context_ends(self) -> None:
        s = session(ScriptedEngine(lambda ids: 100, context_length=160), max_tokens=None)
        run(s.send("go on"))
        assert s.ledger.path()[-1].finish == "length"
        assert len(s.window(s.ledger.path())) == 160

    def test_what_went_is_out_of_sight_again_after_an_undo_and_a_redo(self) -> None:
        s = self.full()
        for i in range(12):
            run(s.send(f"message {i}"))
        assert s.context().hidden > 4
        s.undo(11)
        assert s.context().hidden == 0
        s.redo(11)
        use = s.context()
        assert len(s.ledger.path()) == 24
        assert 0 <= use.free < 60  # no more than has to is hidden
        run(s.replay())
        assert in_cache(s) == s.window(s.ledger.path())[: len(in_cache(s))]

    def test_context_counts_are_exact(self) -> None:
        s = self.full()
        for i in range(12):
            run(s.send(f"message {i}"))
            use = s.context()
            assert use.used == len(s.window(s.ledger.path()))
            assert use.length == 160
            assert [t for t, _ in use.turns] == s.ledger.path()[use.hidden :]


def test_reserve_is_a_sixteenth_of_a_small_context() -> None:
    assert (reserve(4096), reserve(160), reserve(8)) == (128, 10, 1)
