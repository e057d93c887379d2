"""Evaluates `demo.bin` as people get it: converted to ncnn, through the product's own engine
and template. `python -m training.product` reports 8-bit weights (two kinds) and float32."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from convert.pipeline import convert
from llama2ncnn_chat.conversation.renderer import Renderer
from llama2ncnn_chat.conversation.session import Session
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine
from llama2ncnn_chat.text.templates.marked import template_of
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from llama2ncnn_chat.text.vocabulary import Vocabulary
from training.blind import blind_cases
from training.cases import all_cases
from training.evaluate import judge, table, write_report
from training.recipe import Recipe
from training.speakers import LIMIT, Reply

WEIGHTS = ("q8", "int8", "fp32")


class ProductSpeaker:
    """A conversation in the product's own session: its template, its cache, greedily."""

    def __init__(self, engine: NcnnEngine, tokenizer: Vocabulary) -> None:
        self.engine = engine
        self.tokenizer = tokenizer
        self.settings = Settings(sampling=GREEDY, max_tokens=LIMIT, on_full="stop")
        self.session = self._session("")

    def begin(self, system: str | None) -> None:
        """Begin a new session with a system prompt, or with none."""
        self.session = self._session(system or "")

    def say(self, user: str) -> Reply:
        """Send a message; returns the greedy reply."""
        for _ in self.session.send(user, self.settings):
            pass
        reply = self.session.ledger.path()[-1]
        return Reply(reply.text, closed=reply.finish == "stop")

    def _session(self, system: str) -> Session:
        renderer = Renderer(template_of("llama2"), self.tokenizer, system)
        return Session(LocalCompleter(self.engine, self.tokenizer), renderer)


def main() -> None:
    """Convert `demo.bin` to each weight format, judge it, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m training.product", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/demo"))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--weights", nargs="+", default=WEIGHTS, choices=WEIGHTS)
    parser.add_argument("--blind", action="store_true", help="the wordings of blind.py")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    recipe = Recipe(options.out)
    make = blind_cases if options.blind else all_cases
    outcomes = {}
    with tempfile.TemporaryDirectory() as folder:
        for weights in options.weights:
            stem = Path(folder) / f"demo-{weights}.ncnn"
            convert(recipe.model, stem, weights=weights)
            tokenizer = open_tokenizer(recipe.tokenizer, recipe.shape.vocab_size)
            speaker = ProductSpeaker(NcnnEngine(stem), tokenizer)
            outcomes[f"ncnn {weights}"] = judge(speaker, make(recipe.seed, options.scale))
    write_report(
        outcomes, options.report or recipe.out / ("blind.json" if options.blind else "product.json")
    )
    print(table(outcomes))


if __name__ == "__main__":
    main()
