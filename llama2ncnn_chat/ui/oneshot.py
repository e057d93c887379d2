"""One prompt in, one text out, no terminal needed: completion, as text or as JSON.

Writes the generated text to stdout and everything else to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import stat
import sys
import threading
from pathlib import Path
from types import FrameType

import numpy as np

from ..errors import UsageError
from ..events import Finished, TextDelta
from ..generation.generate import Limits, generate, refuse_too_long
from ..generation.sampling import make_sampler
from ..opening import find, load, load_tokenizer
from ..settings import Sampling

MAX_PROMPT = 64 << 20


def complete(args: argparse.Namespace, sampling: Sampling, seed: int) -> int:
    """``llama2ncnn-chat complete``: returns the exit code."""
    prompt = read_prompt(args)
    model = find(args)
    tokenizer = load_tokenizer(model)
    ids = tokenizer.encode(prompt)
    # Before the weights are loaded: a refusal shouldn't take a minute.
    refuse_too_long(len(ids), 0, args.ctx_size or model.desc.context_length)
    max_tokens = args.max_tokens if getattr(args, "n", None) is None else args.n
    limits = Limits(max_tokens, tuple(args.stop), before=None if prompt else ())
    engine = load(model, args)
    sampler = make_sampler(sampling, np.random.default_rng(seed))
    cancelled = _cancel_on_interrupt()
    text, end = [], None
    for event in generate(engine, tokenizer, ids, sampler, limits, cancelled=cancelled.is_set):
        if isinstance(event, TextDelta):
            text.append(event.text)
            if not args.json:
                _write(event.text)
        elif isinstance(event, Finished):
            end = event
    assert end is not None
    if args.json:
        body = {
            "text": "".join(text),
            "finish_reason": end.reason,
            "seed": seed,
            "model": model.name,
            "timings": end.timings.as_dict(),
        }
        _write(json.dumps(body, ensure_ascii=False) + "\n")
    else:
        _write("\n")
    if args.stats:
        sys.stderr.write(_stats(end))
    return 130 if end.reason == "cancelled" else 0


def read_prompt(args: argparse.Namespace) -> str:
    """The prompt of flags, arguments, a file and standard input together.

    Standard input comes first, then one newline, then the rest. A pipe is read unasked; a terminal
    only for ``-``.
    """
    given = [t for t in (args.prompt, args.prompt_words) if t is not None]
    if len(given) + (args.file is not None) > 1:
        raise UsageError("two prompts given", "use one of PROMPT, --prompt and --file")
    text = given[0] if given else None
    if args.file is not None:
        text = _read_text(args.file)
    if text == "-":
        return _read_stdin()
    if not _stdin_has_text():
        return text or ""
    before = _read_stdin()
    return before if text is None else f"{before.removesuffix(chr(10))}\n{text}"


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_PROMPT:
            raise UsageError(f"{path}: {path.stat().st_size:,} bytes is no prompt")
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as e:
        raise UsageError(f"{path}: can't read: {e.strerror}") from e


def _stdin_has_text() -> bool:
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # none, closed, or not a real file
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _read_stdin() -> str:
    raw = sys.stdin.buffer.read(MAX_PROMPT + 1)
    if len(raw) > MAX_PROMPT:
        raise UsageError(f"standard input is over {MAX_PROMPT:,} bytes: no prompt")
    return raw.decode("utf-8", "replace")


def _cancel_on_interrupt() -> threading.Event:
    """Set by the first Ctrl-C, so that what is written so far ends well; a second one kills."""
    cancelled = threading.Event()

    def handle(_signal: int, _frame: FrameType | None) -> None:
        cancelled.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, handle)
    return cancelled


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _stats(end: Finished) -> str:
    t = end.timings
    return (
        f"prompt {t.prompt_n} tokens, {t.prompt_per_second:.1f} tok/s; "
        f"generated {t.predicted_n} tokens, {t.predicted_per_second:.1f} tok/s; {end.reason}\n"
    )
