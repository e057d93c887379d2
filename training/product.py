"""Evaluates `demo.bin` as people get it: converted to ncnn, through the product's own engine
and template. `python -m training.product` reports 8-bit weights (two kinds) and float32."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from convert.pipeline import convert
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.text.template import template_of
from llama2ncnn_chat.text.tokenizer import Tokenizer
from training.evaluate import judge, table, write_report
from training.recipe import Recipe
from training.speakers import LIMIT, Reply

LLAMA2 = template_of("llama2")
WEIGHTS = ("q8", "int8", "fp32")


class NcnnSpeaker:
    """A conversation in the engine's KV cache: only what is new is fed at each turn."""

    def __init__(self, engine: NcnnEngine, tokenizer: Tokenizer) -> None:
        self.engine = engine
        self.tokenizer = tokenizer
        self.system: str | None = None

    def begin(self, system: str | None) -> None:
        self.engine.rewind(0)
        self.system = system

    def say(self, user: str) -> Reply:
        text = user.strip()
        if self.engine.position == 0:
            ids = LLAMA2.first(self.tokenizer, text, self.system or "")
        else:
            ids = LLAMA2.next(self.tokenizer, text)
        room = self.engine.context_length - self.engine.position - len(ids)
        spoken: list[int] = []
        while len(spoken) < min(LIMIT, room):
            token = int(self.engine.forward(ids).argmax())
            ids = [token]
            if token == self.tokenizer.eos_id:
                self.engine.forward(ids)
                return Reply(self.tokenizer.decode(spoken), closed=True)
            spoken.append(token)
        return Reply(self.tokenizer.decode(spoken), closed=False)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.product", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/demo"))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--weights", nargs="+", default=WEIGHTS, choices=WEIGHTS)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    recipe = Recipe(options.out)
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        for weights in options.weights:
            stem = Path(folder) / f"demo-{weights}.ncnn"
            convert(recipe.model, stem, weights=weights)
            tokenizer = Tokenizer.open(recipe.tokenizer, recipe.shape.vocab_size)
            speaker = NcnnSpeaker(NcnnEngine(stem), tokenizer)
            outcomes[f"ncnn {weights}"] = judge(speaker, recipe.seed, options.scale)
    write_report(outcomes, options.report or recipe.out / "product.json")
    print(table(outcomes))


if __name__ == "__main__":
    main()
