"""Flags to a found model, its tokenizer and a running engine, with bars for the slow steps.

ncnn is imported here, late: what is refused before doesn't wait for it.
"""

from __future__ import annotations

import argparse
import sys

from convert.pipeline import Progress

from .model.engine import Engine
from .models import Conversion, FoundModel, Watcher, find_model
from .text.tokenizer import Tokenizer
from .ui.progress import Steps


def find(args: argparse.Namespace) -> FoundModel:
    """The model that the flags name, converted if it has to be."""
    conversion = Conversion(args.weights, args.block, args.keep_model)
    with Steps() as steps:
        hashing = steps.step(f"reading {args.model}")
        converting = steps.step(f"converting {args.model}")

        def converted(progress: Progress) -> None:
            converting(progress.bytes, progress.n_bytes)

        model = find_model(args.model, conversion, args.tokenizer, Watcher(hashing, converted))
    for note in model.notes:
        sys.stderr.write(f"llama2ncnn-chat: {note}\n")
    return model


def load_tokenizer(model: FoundModel) -> Tokenizer:
    """Its tokenizer, held against the size of the model's vocabulary."""
    return Tokenizer.open(model.tokenizer, model.desc.vocab_size)


def load(model: FoundModel, args: argparse.Namespace) -> Engine:
    """Load the weights."""
    from .model.ncnn_engine import NcnnEngine

    with Steps() as steps:
        return NcnnEngine(
            model.stem,
            threads=args.threads,
            context_length=getattr(args, "ctx_size", None),
            check=getattr(args, "check", False),
            progress=steps.step(f"loading {model.name}"),
        )
