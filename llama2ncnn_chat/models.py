"""From what a person calls a model to a converted model on disk with its tokenizer beside.

A raw checkpoint is converted into the cache once, under a key of its content and the conversion's
options. Loads nothing and draws nothing; progress goes to callbacks.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from convert import pipeline
from convert.checkpoint import Checkpoint
from convert.desc import TOKENIZER_SUFFIX, ModelDesc, file_of, read_desc, sha256_file, stem_of
from convert.errors import ConvertError
from convert.pipeline import CONVERTER, OnProgress

from .errors import ModelError
from .paths import cache_dir, make_private

DEMO = "demo"
DEMO_CHECKPOINT = Path(__file__).parent / "demo" / "demo.bin"
REINSTALL = "install the program again"

OnBytes = Callable[[int, int], None]


@dataclass(frozen=True)
class Conversion:
    """How a raw checkpoint is converted on the fly. ``keep`` is a stem of the person's choosing."""

    weights: str | None = None
    block: int | None = None
    keep: Path | None = None


@dataclass(frozen=True)
class FoundModel:
    """A converted model and its tokenizer; ``name`` is what to call it, ``notes`` what to tell."""

    name: str
    stem: Path
    desc: ModelDesc
    tokenizer: Path
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watcher:
    """Callbacks of the slow steps: bytes of a checkpoint hashed, tensors converted."""

    hashing: OnBytes | None = None
    converting: OnProgress | None = None


def find_model(
    model: str,
    conversion: Conversion = Conversion(),
    tokenizer: Path | None = None,
    watcher: Watcher = Watcher(),
) -> FoundModel:
    """The model that ``model`` names: a stem, one of its files, or a raw checkpoint.

    Raises ``ModelError`` for what isn't there, isn't a model, or has no tokenizer.
    """
    try:
        stem = stem_of(model)
        if file_of(stem, ".desc").exists() or file_of(stem, ".param").exists():
            return _converted(stem, tokenizer)
        path = Path(model)
        if model == DEMO and not path.exists():
            return _demo(conversion, watcher)
        if not path.exists():
            raise ModelError(
                f"{model}: no such checkpoint or model",
                "name a .bin checkpoint or a converted stem",
            )
        return _raw(path, conversion, tokenizer, watcher)
    except ConvertError as e:
        raise ModelError(e.message, e.hint) from e


def _demo(conversion: Conversion, watcher: Watcher) -> FoundModel:
    """The model that ships inside the package, by the same way as anybody's checkpoint."""
    try:
        digest = sha256_file(DEMO_CHECKPOINT)
        want = DEMO_CHECKPOINT.with_suffix(".sha256").read_text().split()[0]
    except (OSError, IndexError) as e:
        raise ModelError(
            f"{DEMO_CHECKPOINT}: the bundled model can't be read: {e}", REINSTALL
        ) from e
    if digest != want:
        raise ModelError(f"{DEMO_CHECKPOINT}: the bundled model is damaged", REINSTALL)
    return replace(_raw(DEMO_CHECKPOINT, conversion, None, watcher), name=DEMO)


def _converted(stem: Path, tokenizer: Path | None) -> FoundModel:
    desc = read_desc(stem)
    candidates = [file_of(stem, TOKENIZER_SUFFIX), stem.with_name("tokenizer.bin")]
    found = tokenizer or next((p for p in candidates if p.is_file()), None)
    if found is None:
        raise _no_tokenizer(f"{stem}", candidates)
    return FoundModel(stem.name, stem, desc, found)


def _raw(
    path: Path, conversion: Conversion, tokenizer: Path | None, watcher: Watcher
) -> FoundModel:
    with Checkpoint(path) as ck:
        fmt = pipeline.choose_format(ck, conversion.weights, conversion.block)
    own = tokenizer or pipeline.beside_source(path)
    if own is None:  # said now, not after a minute of converting
        raise _no_tokenizer(f"{path}", [path.with_name("tokenizer.bin")])
    notes: list[str] = []
    options = f"{fmt.name}-{fmt.block}"
    stem = conversion.keep or _cache_stem(path, options, watcher.hashing, notes)
    if conversion.keep or not file_of(stem, ".desc").exists():
        pipeline.convert(
            path,
            stem,
            weights=fmt.name,
            block=fmt.block or None,
            tokenizer=own,
            progress=watcher.converting,
        )
    return FoundModel(path.name, stem, read_desc(stem), own, tuple(notes))


def _no_tokenizer(what: str, looked: list[Path]) -> ModelError:
    places = " and ".join(str(p) for p in looked)
    return ModelError(f"{what}: no tokenizer (looked for {places})", "name it with --tokenizer")


def _cache_stem(path: Path, options: str, hashing: OnBytes | None, notes: list[str]) -> Path:
    try:
        root = make_private(cache_dir())
        key = f"{_content_hash(path, root, hashing)[:24]}-{options}-{CONVERTER.split()[-1]}"
        folder = make_private(root / "models" / key)
        if not os.access(folder, os.W_OK):
            raise PermissionError(13, "not writable", str(folder))
    except OSError as e:
        folder = Path(tempfile.mkdtemp(prefix="llama2ncnn-"))
        notes.append(f"{e.filename}: {e.strerror}; converting into {folder} for this time")
    return folder / "model"


def _content_hash(path: Path, root: Path, hashing: OnBytes | None) -> str:
    """SHA-256 of the file, remembered for as long as its name, size and time stay the same."""
    stat = path.stat()
    stamp = [str(path.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ino]
    memo = root / "hashes" / f"{hashlib.sha256(str(stamp[0]).encode()).hexdigest()[:24]}.json"
    with suppress(OSError, ValueError):
        known = json.loads(memo.read_text())
        if known["stamp"] == stamp:
            return str(known["sha256"])
    digest = sha256_file(path, hashing and (lambda done: hashing(done, stat.st_size)))
    make_private(memo.parent)
    beside = memo.with_suffix(f".{os.getpid()}")
    beside.write_text(json.dumps({"stamp": stamp, "sha256": digest}))
    beside.replace(memo)
    return digest
