"""The law on real models: a whole conversation feeds no token too many, and says the same as cold.

The scenario is that of ``benchmarks/ledger.py``, which prints the counts.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.ledger import MAX_TOKENS, SCENARIO, CountingEngine, rows, session_of
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import FoundModel, find_model
from llama2ncnn_chat.model.engine import Engine
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

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
