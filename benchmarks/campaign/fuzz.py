"""Fuzzed inputs: what is whole but for a few bytes, for everything that reads.

Right is an answer, or a refusal that says why. Wrong are other errors, an end of the process, a
hang, and memory without end.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from benchmarks.campaign.part import Effort, Outcome
from benchmarks.campaign.readers import READERS, REFUSALS, Reader

EACH, EACH_SHORT = 5000, 40
"""Inputs of every reader; of all 21 together more than 100,000."""

PATIENCE = 30
"""Seconds after which a reader hangs."""

MEMORY = 8 << 30
"""Bytes of addresses that a process of readers may take."""

NUMBERS = (0, 1, 127, 128, 255)
TOKENS = (b"\xff" * 4, b"\xff\xff\xff\x7f", b"\0" * 8, b"9" * 40, b"{", b"]", b'"', b"\x1b[", b"\n")


def fuzz(folder: Path, effort: Effort) -> Iterator[Outcome]:
    """Fuzz every reader, in processes of their own."""
    folder.mkdir(parents=True)
    n = effort.of(EACH, EACH_SHORT)
    for name in READERS:
        outcome, begun = Outcome(f"fuzzed: {name}", n), time.monotonic()
        with ProcessPoolExecutor(1, initializer=_limit) as pool:
            try:
                outcome.losses = pool.submit(_losses, name, effort.seed, n, folder).result()
            except BrokenProcessPool:
                number = (folder / "number").read_text()
                outcome.losses = [f"{name}: the process ended at input {number}"]
        outcome.seconds = time.monotonic() - begun
        yield outcome


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGALRM, _hang)
    warnings.simplefilter("ignore")


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError("it hangs")


def _losses(name: str, seed: int, n: int, folder: Path) -> list[str]:
    """Feed a reader ``n`` inputs; a line on each that it didn't answer or refuse, of a few."""
    reader, losses = READERS[name], dict[str, str]()
    with tempfile.TemporaryDirectory(dir=folder) as whole:
        reader.write(Path(whole))
        with _copy(Path(whole)) as copy:
            reader.read(copy)  # what is whole is read without a word
        for number in range(seed, seed + n):
            (folder / "number").write_text(str(number))  # for one that ends the process
            if loss := _loss(reader, Path(whole), number):
                losses.setdefault(loss, f"{name} {number}: {loss}")
    return list(losses.values())


def _loss(reader: Reader, whole: Path, number: int) -> str:
    rng = random.Random(number)
    with _copy(whole) as folder:
        path = folder / reader.mutated
        path.write_bytes(mutated(path.read_bytes(), rng))
        signal.alarm(PATIENCE)
        try:
            reader.read(folder)
        except REFUSALS:
            pass
        except Exception as e:  # noqa: BLE001 (whatever it is, it is a loss)
            frame = traceback.extract_tb(e.__traceback__)[-1]
            return f"{type(e).__name__}: {e} ({os.path.basename(frame.filename)}:{frame.lineno})"  # noqa: PTH119
        finally:
            signal.alarm(0)
    return ""


@contextmanager
def _copy(whole: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=whole.parent) as made:
        yield shutil.copytree(whole, Path(made) / "copy")


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """Change some bytes: others, fewer, more, or some twice."""
    data = bytearray(raw)
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        at, size = rng.randrange(len(data) + 1), rng.choice((1, 1, 4, 8, 64))
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.choice(NUMBERS)
        elif kind == 2:
            data[at : at + size] = rng.choice(TOKENS)
        elif kind == 3:
            del data[at : at + size]
        elif kind == 4:
            data[at:at] = data[max(0, at - size) : at]
        else:
            del data[at:]
    return bytes(data)
