"""The law on real models: a whole conversation feeds no token too many, and says the same as cold.

The scenario is that of ``benchmarks/ledger.py``, which prints the counts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.ledger import MAX_TOKENS, SCENARIO, SETTINGS, CountingEngine, rows, session_of
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import FoundModel, find_model
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.conversation.scripted import finish

EOS = 2
FP32 = Conversion("fp32")
"""8-bit weights round otherwise in another chunking, so that a cold prefill may tip a near tie."""


def reply_of(engine: Engine, path: list[int]) -> list[int]:
    """What is said to these ids if nothing was fed before, greedily."""
    engine.rewind(0)
    logits, reply = engine.forward(path), list[int]()
    while len(reply) < MAX_TOKENS and (token := int(logits.argmax())) != EOS:
        reply.append(token)
        logits = engine.forward([token])
    return reply


def check(model: FoundModel) -> None:
    engine, cold = CountingEngine(model.stem), NcnnEngine(model.stem)
    seen = list(rows(engine, session_of(engine, model)))
    assert [row.operation.split()[0] for row in seen] == [name for name, _ in SCENARIO]
    assert [row.fed for row in seen] == [row.law for row in seen]
    assert sum(row.common for row in seen) > engine.fed  # most of it was never fed twice
    for row in seen:
        if row.operation.split()[0] in ("send", "edit", "regenerate", "continue"):
            assert row.reply == reply_of(cold, row.path), row.operation


def test_the_demo_model() -> None:
    check(find_model("demo", FP32))


def test_stories(shared_data: Path) -> None:
    check(find_model(str(shared_data / "stories260K.bin"), FP32, shared_data / "tok512.bin"))


@pytest.mark.parametrize("weights", ["fp32", "q8", "int8"])
def test_a_message_that_was_read_while_it_was_typed(weights: str) -> None:
    """To the last bit of its logits, in every format."""
    model = find_model("demo", Conversion(weights))
    engines = NcnnEngine(model.stem), NcnnEngine(model.stem)
    talks = []
    for engine in engines:
        engine.prefill_chunk = 8  # of a bigger model
        session = session_of(engine, model)
        assert isinstance(session._completer, LocalCompleter)
        talks.append((session, session._completer))
    (typed, reader), (untyped, other) = talks
    for text in (
        "Tell me a story about a fox, please.",
        "And then?",
        "What is five plus two? Think.",
    ):
        for n in range(0, len(text) + 1, 2):
            typed.ahead.prefill(typed.sight(typed.ledger.end()), text[:n])
            finish(reader)
        for session in (typed, untyped):
            for _ in session.send(text, SETTINGS):
                pass
        assert reader._ready
        assert other._ready
        assert reader._ready[1].tobytes() == other._ready[1].tobytes()
    replies = [[turn.ids for turn in session.ledger.path()] for session in (typed, untyped)]
    assert replies[0] == replies[1]
    read = [sum(t.timings.prompt_n for t in s.ledger.path() if t.timings) for s in (typed, untyped)]
    assert read[0] < read[1] / 2
