"""Twenty questions to a GGUF chat model, here and in llama.cpp's server, greedily.

    pip install xllamacpp gguf    # or: pip install --group oracles
    python -m benchmarks.questions MODEL.gguf [--as-stored] [-n 64]

Each question begins a conversation: here a session at `--weights fp32`, there the server's own
rendering of the template. llama.cpp rounds the activations for weights of few bits; so it gets a
copy in float32 of the same weights, unless they are to be multiplied `--as-stored`. Where the
replies part, the table says how far apart the two tokens were, in nats: below 0.001 it is a tie.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.gguf_copies import copy_gguf
from benchmarks.llama_server import LlamaServer, log_probabilities
from convert.pipeline import convert
from llama2ncnn_chat.catalogue.find import find_model
from llama2ncnn_chat.conversation.renderer import renderer_of
from llama2ncnn_chat.conversation.session import Session
from llama2ncnn_chat.conversation.settings import Settings
from llama2ncnn_chat.generation.local import LocalCompleter
from llama2ncnn_chat.generation.settings import GREEDY
from llama2ncnn_chat.launch.open_model import load_tokenizer
from llama2ncnn_chat.launch.prepare import with_template
from llama2ncnn_chat.model.ncnn_engine import NcnnEngine

TIE = 1e-3
QUESTIONS = """Name three fruits.
What is 2+2?
What is the capital of France?
Write a haiku about the sea.
Who wrote Hamlet?
How many days are in a week?
What colour is the sky?
Translate "good morning" into Spanish.
Name a planet that has rings.
What is the opposite of hot?
Tell me a short story about a fox.
How do I boil an egg?
What is a prime number?
Give me a synonym for happy.
Which animal says "meow"?
What do bees make?
List the first five letters of the alphabet.
Why is the grass green?
What is the largest ocean?
Say hello in a friendly way.""".splitlines()


@dataclass(frozen=True)
class Reply:
    """The ids of a prompt and of what was made of it; without the one that ends it."""

    prompt: list[int]
    ids: list[int]
    text: str


class Ours:
    """A model converted to fp32, and sessions of one message with it."""

    def __init__(self, path: Path, folder: Path, max_tokens: int) -> None:
        """Convert and load."""
        convert(path, folder / "ours", weights="fp32")
        model = find_model(str(folder / "ours"))
        self.engine = NcnnEngine(model.stem)
        self._vocabulary = load_tokenizer(model)
        settings = Settings(sampling=GREEDY, max_tokens=max_tokens, on_full="stop")
        self._settings, _ = with_template(settings, model.desc, model.facts, self._vocabulary)

    def answer(self, question: str) -> Reply:
        """Send the question as the first message of a session."""
        renderer = renderer_of(self._settings, self._vocabulary)
        session = Session(LocalCompleter(self.engine, self._vocabulary), renderer)
        for _ in session.send(question, self._settings):
            pass
        turn = session.ledger.head
        assert turn
        ids = session.window(session.ledger.path())
        return Reply(ids[: len(ids) - len(turn.ids)], turn.ids, turn.text)

    def lead(self, prompt: Sequence[int], first: int, second: int) -> float:
        """Compute by how much the logit of one token is above another's after a prompt."""
        self.engine.rewind(0)
        logits = self.engine.forward(prompt).astype(np.float64)
        return float(logits[first] - logits[second])


def ask(server: LlamaServer, question: str, max_tokens: int) -> tuple[Reply, dict[str, Any]]:
    """Ask the server; returns its reply, and its answer as it is."""
    messages = [{"role": "user", "content": question}]
    prompt = server.encode(
        server.ask("apply-template", messages=messages)["prompt"], add_special=True, controls=True
    )
    answer = server.complete(prompt, max_tokens, n_probs=20)
    ids = answer["tokens"]
    if answer["stop_type"] == "eos":
        ids = ids[: len(answer["completion_probabilities"]) - 1]
    return Reply(prompt, ids, answer["content"]), answer


def compare(ours: Ours, mine: Reply, other: Reply, answer: dict[str, Any]) -> tuple[str, bool]:
    """Say whether the replies are equal, or where and by how much they part; and if that's fair."""
    if mine.prompt != other.prompt:
        return "the prompts differ", False
    if mine.ids == other.ids:
        return f"equal, {len(mine.ids)} tokens", True
    pairs = zip(mine.ids, other.ids, strict=False)
    at = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
    if at is None:
        return f"one ends after {min(len(mine.ids), len(other.ids))} tokens", False
    a, b = mine.ids[at], other.ids[at]
    here = ours.lead([*mine.prompt, *mine.ids[:at]], a, b)
    chances = log_probabilities(answer)[at]
    there = chances[b] - chances.get(a, -np.inf)
    tie = here < TIE and there < TIE
    what = f"part at token {at + 1}: {here:.4f} here, {there:.4f} there"
    return what + (" (a tie)" if tie else ""), tie


def main() -> int:
    """Ask both every question and print the replies; returns 1 if any differ but for a tie."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model", type=Path, metavar="MODEL.gguf")
    parser.add_argument("--as-stored", action="store_true", help="let llama.cpp have the file")
    parser.add_argument("-n", type=int, default=64, metavar="N", help="tokens of a reply at most")
    args = parser.parse_args()
    table = Table("question", "here", "llama.cpp", "", title=args.model.name, show_lines=True)
    equal = fair = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = args.model
        if not args.as_stored:
            path = copy_gguf(path, folder / "theirs.gguf", "F32")
        ours = Ours(args.model, folder, args.n)
        with LlamaServer(path, threads=2, context=2048, exact=not args.as_stored) as server:
            for question in QUESTIONS:
                mine = ours.answer(question)
                other, answer = ask(server, question, args.n)
                what, is_fair = compare(ours, mine, other, answer)
                same = mine.text == other.text
                table.add_row(question, mine.text, "the same" if same else other.text, what)
                equal += mine == other
                fair += is_fair
        ours.engine.close()
    console = Console()
    console.print(table)
    console.print(f"{equal} of {len(QUESTIONS)} equal, {fair} but for ties")
    return 0 if fair == len(QUESTIONS) else 1


if __name__ == "__main__":
    sys.exit(main())
