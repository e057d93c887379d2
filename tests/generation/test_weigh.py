"""Probabilities of ids that are there already, against the float64 forward pass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from llama2ncnn_chat.errors import PromptTooLongError
from llama2ncnn_chat.events import PrefillProgress, Weighed
from llama2ncnn_chat.generation.completer import never
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from tests.fakes import ByteTokenizer, ScriptedEngine
from tests.model.tiny_engine import ids_of, log_softmax, make
from tests.tiny_model import forward, random_weights, tiny_config

CONFIG = tiny_config()


class Tokenizer(ByteTokenizer):
    vocab_size = CONFIG.vocab_size


@pytest.mark.parametrize("start", [1, 5, 17, 30])
@pytest.mark.parametrize("cached", [0, 3, 29])
def test_probabilities_are_those_of_the_float64_forward_pass(
    tmp_path: Path, start: int, cached: int
) -> None:
    ids = ids_of(CONFIG)
    engine = NcnnEngine(make(tmp_path, CONFIG))
    completer = LocalCompleter(engine, Tokenizer())
    if cached:
        list(completer.weigh(ids[: cached + 1], 1))
    events = list(completer.weigh(ids, start))
    want = log_softmax(forward(CONFIG, random_weights(CONFIG, 1), ids))
    at = start
    for event in (e for e in events if isinstance(e, Weighed)):
        assert event.at == at
        for choice in event.choices:
            row = want[at - 1]
            assert choice.token == ids[at]
            assert np.log(choice.probability) == pytest.approx(row[ids[at]], abs=1e-4)
            for token, probability in choice.top:
                assert np.log(probability) == pytest.approx(row[token], abs=1e-4)
            at += 1
    assert at == len(ids)
    assert completer.ids == ids[:-1]
    assert engine.position == len(ids) - 1
    last = events[-1]
    assert isinstance(last, PrefillProgress)
    assert last.done == last.total == len(ids) - 1


def test_more_than_the_context_is_refused_before_anything_is_read() -> None:
    engine = ScriptedEngine(lambda ids: 5, context_length=8)
    with pytest.raises(PromptTooLongError):
        LocalCompleter(engine, ByteTokenizer()).weigh([5] * 10, 1, cancelled=never)
    assert engine.fed == []
