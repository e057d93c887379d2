"""The law of the conversation: the cache is a prefix of the path, and only what differs is fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from llama2ncnn_chat.errors import ChatError
from llama2ncnn_chat.events import Events
from llama2ncnn_chat.generation.completer import common_prefix
from llama2ncnn_chat.text.templates.own import own_template
from llama2ncnn_chat.text.templates.template import Template
from tests.conversation.scripted import TOKENIZER, fed, in_cache, muddled, pause, run, session
from tests.fakes import EOS
from tests.text.templates.shapes import COMPOSED, TOKENS, WHOLE


def own(shape: str) -> Template:
    """Return a template as a model has it."""
    source = {**COMPOSED, **WHOLE}[shape]
    return own_template({"default": source}, TOKENS, TOKENIZER, datetime(2024, 2, 29)).template


class Law(RuleBasedStateMachine):
    """Random operations; after each, what a cold engine would say and how much was fed."""

    template: str | Template = "llama2"

    def __init__(self) -> None:
        super().__init__()
        self.s = session(system="be brief", template=self.template)

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
    @rule(text=st.sampled_from(["hi", "something else"]), data=st.data())
    def edit(self, text: str, data: st.DataObject) -> None:
        messages = [turn for turn in self.s.ledger.path() if turn.role == "user"]
        self.generates(self.s.edit(text, data.draw(st.sampled_from(messages))))

    @rule(text=st.sampled_from(["hi", "so?"]), words=st.sampled_from(["ok", "<s> </s>", "ü\n€"]))
    def send_with_words(self, text: str, words: str) -> None:
        self.generates(self.s.session.send(text, replace(self.s.settings, beginning=words)))
        reply = self.s.ledger.head
        assert reply
        assert reply.ids[: reply.n_begun] == TOKENIZER.encode(words, bos=False)

    @precondition(lambda self: self.s.ledger.head)
    @rule(more=st.sampled_from(["", "!", " and </s>"]), data=st.data())
    def reword(self, more: str, data: st.DataObject) -> None:
        replies = [turn for turn in self.s.ledger.path() if turn.role == "assistant"]
        reply = data.draw(st.sampled_from(replies))
        text = reply.text[: data.draw(st.integers(0, len(reply.text)))] + more
        self.generates(self.s.edit(text, reply))
        new = self.s.ledger.head
        assert new
        assert new.parent is reply.parent
        assert new.text.lstrip().startswith(text.strip().rstrip("\ufffd"))

    @precondition(lambda self: self.s.ledger.head)
    @rule()
    def regenerate(self) -> None:
        before = self.s.ledger.head
        self.generates(self.s.regenerate())
        reply = self.s.ledger.head
        assert before
        assert reply
        assert reply.ids[: reply.n_begun] == before.ids[: before.n_begun]

    @precondition(lambda self: self.s.ledger.head and self.s.ledger.head.finish == "length")
    @rule()
    def proceed(self) -> None:
        self.generates(self.s.proceed())

    @rule(
        text=st.sampled_from(["hi", "a longer message", "so? no\n\nand now"]), n=st.integers(0, 12)
    )
    def type(self, text: str, n: int) -> None:
        """Whatever is read ahead, what is sent then is what it would be."""
        pause(self.s, text[:n])

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
        self.s.walk_to(data.draw(st.sampled_from(self.s.ledger.alternatives(turn))))

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


class LawOfTurns(Law):
    """The same, of a template that was compiled."""

    template = own("a system prompt inside the first message")


class LawOfTheWhole(Law):
    """The same, of a template that puts the system prompt into the last message."""

    template = own("the system prompt in the last message")


Law.TestCase.settings = LawOfTurns.TestCase.settings = LawOfTheWhole.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25
)
TestLaw = Law.TestCase
TestLawOfTurns = LawOfTurns.TestCase
TestLawOfTheWhole = LawOfTheWhole.TestCase
