"""The figures of the recipe: seeds, sizes, schedule, and where each step writes its output.
Nothing here reads or writes a file; the steps take their numbers from a `Recipe`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Shape:
    """The sizes of a Llama-2-architecture model, under llama2.c's names."""

    dim: int = 192
    hidden_dim: int = 512
    n_layers: int = 5
    n_heads: int = 6
    n_kv_heads: int = 2
    vocab_size: int = 2048
    seq_len: int = 1024
    norm_eps: float = 1e-5
    rope_theta: float = 10000.0

    @property
    def head_dim(self) -> int:
        """Give the size of one head."""
        return self.dim // self.n_heads

    @property
    def kv_dim(self) -> int:
        """Give the size of all key (or value) heads together."""
        return self.n_kv_heads * self.head_dim


@dataclass(frozen=True)
class Recipe:
    """One run of the recipe; two runs with equal figures give the same model on one machine."""

    out: Path
    seed: int = 20230723
    threads: int = 2
    dialogues: int = 150_000
    stories: int = 8_000
    drills: float = 0.05
    acquaintances: float = 0.0
    tokenizer_sample: int = 12_000
    shape: Shape = Shape()
    steps: int = 6000
    batch_tokens: int = 2048
    batches: int = 3
    warmup: int = 40
    muon_lr: float = 0.02
    adam_lr: float = 0.004
    prompt_weight: float = 0.3
    checkpoint_seconds: float = 150.0

    def last_stretch(self) -> Recipe:
        """Give a short second training of the first weights; most of it drills skills and names."""
        return replace(
            self,
            out=self.out / "last",
            seed=self.seed + 1,
            dialogues=36_000,
            stories=1_000,
            drills=0.35,
            acquaintances=0.25,
            steps=min(650, self.steps),
            muon_lr=self.muon_lr * 0.4,
            adam_lr=self.adam_lr * 0.4,
        )

    @property
    def corpus(self) -> Path:
        """Give the path of the conversations and stories, a JSON object a line."""
        return self.out / "corpus.jsonl"

    @property
    def spm(self) -> Path:
        """Give the path of the SentencePiece model."""
        return self.out / "demo.spm.model"

    @property
    def tokens(self) -> Path:
        """Give the path of the tokenized corpus."""
        return self.out / "corpus.tokens.npz"

    @property
    def checkpoint(self) -> Path:
        """Give the path that an interrupted training goes on from."""
        return self.out / "checkpoint.pt"

    @property
    def weights(self) -> Path:
        """Give the path of the trained weights."""
        return self.out / "weights.pt"

    @property
    def model(self) -> Path:
        """Give the path of the exported model, a version 2 checkpoint."""
        return self.out / "demo.bin"

    @property
    def tokenizer(self) -> Path:
        """Give the path of the exported tokenizer, in llama2.c's format."""
        return self.out / "demo.tokenizer.bin"

    @property
    def report(self) -> Path:
        """Give the path of the evaluation's figures."""
        return self.out / "evaluation.json"
