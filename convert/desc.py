"""What a converted model says of itself: ``STEM.desc``, and the names of its blobs and files.

The only module that the chat program shares with the converter. Knows nothing of checkpoints,
graphs or weights.

The text keeps the first four lines of the original C++ port (context length, layers, dim, heads)
and goes on with ``key=value`` lines. Unknown keys are kept and ignored.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path

from .errors import ConvertError
from .files import open_regular

FORMAT = "2"
OWN_CHECKSUM = "desc_sha256"
AGAIN = "convert the checkpoint again"

X, COS, SIN, MASK = "x", "cos", "sin", "mask"
HIDDEN, HEAD_IN, LOGITS = "hidden", "head_in", "logits"


def cache_in(layer: int) -> tuple[str, str]:
    """Blob names of a layer's key and value cache as it goes in."""
    return f"l{layer}.k_in", f"l{layer}.v_in"


def cache_out(layer: int) -> tuple[str, str]:
    """Blob names of a layer's key and value cache as it comes out."""
    return f"l{layer}.k_out", f"l{layer}.v_out"


@dataclass(frozen=True)
class ModelDesc:
    """Shape, weights and files of a converted model; sizes in bytes.

    The token embedding is ``(vocab_size, dim)`` of ``embedding_dtype`` (float16 or float32) at
    ``embedding_offset`` of the ``.bin``; ncnn reads the first ``weights_size`` bytes.
    """

    context_length: int
    n_layers: int
    dim: int
    n_heads: int
    n_kv_heads: int
    hidden_dim: int
    vocab_size: int
    rope_theta: float
    norm_eps: float
    tied: bool
    weights: str
    block: int
    embedding_dtype: str
    embedding_offset: int
    weights_size: int
    param_size: int
    bin_size: int
    param_sha256: str
    bin_sha256: str
    source: str
    converter: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def head_dim(self) -> int:
        return self.dim // self.n_heads

    @property
    def kv_dim(self) -> int:
        return self.n_kv_heads * self.head_dim

    def cache_bytes(self, n_tokens: int) -> int:
        """Bytes of a float32 KV cache of that many tokens."""
        return 8 * self.n_layers * self.kv_dim * n_tokens


HEAD_LINES = ("context_length", "n_layers", "dim", "n_heads")
SUFFIXES = (".param", ".bin", ".desc")
TOKENIZER_SUFFIX = ".tokenizer.bin"
MAX_TEXT = 1 << 16


def stem_of(path: str | os.PathLike[str]) -> Path:
    """The stem that a person means by a stem or by one of its files."""
    text = os.fspath(path)
    for suffix in (TOKENIZER_SUFFIX, *SUFFIXES):
        if text.endswith(suffix) and len(Path(text).name) > len(suffix):
            return Path(text[: -len(suffix)])
    return Path(text)


def file_of(stem: Path, suffix: str) -> Path:
    """``7b.ncnn`` and ``.bin`` give ``7b.ncnn.bin``."""
    return stem.with_name(stem.name + suffix)


def format_desc(desc: ModelDesc) -> str:
    """The text of a ``.desc``: what is known, its own checksum, what isn't known."""
    lines = _known_lines(desc)
    lines.append(f"{OWN_CHECKSUM}={_checksum(desc)}")
    lines += [f"{key}={value}" for key, value in desc.extra.items()]
    return "\n".join(lines) + "\n"


def _known_lines(desc: ModelDesc) -> list[str]:
    lines = [str(getattr(desc, name)) for name in HEAD_LINES]
    lines.append(f"format={FORMAT}")
    for f in fields(desc):
        if f.name not in (*HEAD_LINES, "extra"):
            value = getattr(desc, f.name)
            lines.append(f"{f.name}={int(value) if isinstance(value, bool) else value}")
    return lines


def _checksum(desc: ModelDesc) -> str:
    return sha256("\n".join(_known_lines(desc)).encode())


def parse_desc(text: str, where: str) -> ModelDesc:
    """The inverse of ``format_desc``; ``where`` names the file in errors (``ConvertError``)."""
    lines = text.splitlines()
    if len(lines) <= len(HEAD_LINES):
        if len(lines) == len(HEAD_LINES) and all(re.fullmatch(r"\s*\d+\s*", x) for x in lines):
            raise ConvertError(
                f"{where}: a model made by the original C++ llama2.c-to-ncnn, whose layers no "
                "released ncnn can load",
                "convert the checkpoint again: llama2ncnn-convert CHECKPOINT.bin STEM",
            )
        raise ConvertError(f"{where}: {len(lines)} lines, too few for a model description")
    values = dict(zip(HEAD_LINES, lines[: len(HEAD_LINES)], strict=True))
    for number, line in enumerate(lines[len(HEAD_LINES) :], len(HEAD_LINES) + 1):
        key, sep, value = line.partition("=")
        if not sep:
            raise ConvertError(f"{where}: line {number} is not key=value: {line[:60]!r}")
        values[key.strip()] = value.strip()
    found = values.pop("format", None)
    if found != FORMAT:
        raise ConvertError(
            f"{where}: format is {found!r}, this program reads {FORMAT!r}",
            AGAIN,
        )
    known = {f.name: f for f in fields(ModelDesc) if f.name != "extra"}
    parsed = {name: _value(name, str(f.type), values, where) for name, f in known.items()}
    checksum = _value(OWN_CHECKSUM, "str", values, where)
    extra = {k: v for k, v in values.items() if k not in (*known, OWN_CHECKSUM)}
    d = _checked(ModelDesc(**parsed, extra=extra), where)  # type: ignore[arg-type]
    if checksum != _checksum(d):
        # A wrong number of heads, say, would have ncnn read past its memory.
        raise ConvertError(f"{where}: was changed after it was written", AGAIN)
    return d


def _value(name: str, type: str, values: dict[str, str], where: str) -> int | float | bool | str:
    if name not in values:
        raise ConvertError(f"{where}: {name} is missing", AGAIN)
    text = values[name]
    try:
        if type == "str":
            return text
        if type == "float":
            return float(text)
        if len(text) > 20:
            raise ValueError
        number = int(text)
        if type == "bool":
            return bool((0, 1).index(number))
        return number
    except ValueError:
        raise ConvertError(f"{where}: {name} is {text[:60]!r}, not a {type}") from None


def _checked(d: ModelDesc, where: str) -> ModelDesc:
    positive = ("context_length", "n_layers", "dim", "n_heads", "n_kv_heads", "hidden_dim")
    problems = [
        f"{name} is {getattr(d, name)}"
        for name in (*positive, "vocab_size", "weights_size", "param_size", "bin_size")
        if not 0 < getattr(d, name) < 1 << 62
    ]
    problems += [f"{n} is {getattr(d, n)}" for n in positive if getattr(d, n) >= 1 << 30]
    if not problems:
        itemsize = {"float16": 2, "float32": 4}.get(d.embedding_dtype, 0)
        rules = (
            (d.dim % d.n_heads == 0, "dim isn't a multiple of n_heads"),
            (d.n_heads % d.n_kv_heads == 0, "n_heads isn't a multiple of n_kv_heads"),
            (d.dim // d.n_heads % 2 == 0, "head_dim is odd"),
            (itemsize > 0, f"embedding_dtype is {d.embedding_dtype!r}"),
            (1 < d.rope_theta < 1e15, f"rope_theta is {d.rope_theta}"),
            (0 < d.norm_eps < 1, f"norm_eps is {d.norm_eps}"),
            (
                0 <= d.embedding_offset <= d.bin_size - itemsize * d.vocab_size * d.dim,
                f"the embedding at {d.embedding_offset:,} ends beyond the file's "
                f"{d.bin_size:,} bytes",
            ),
            (d.embedding_offset % 4 == 0, f"embedding_offset {d.embedding_offset} is unaligned"),
            (d.weights_size <= d.bin_size, "weights_size is larger than bin_size"),
        )
        problems = [what for ok, what in rules if not ok]
    if problems:
        raise ConvertError(f"{where}: {problems[0]}", AGAIN)
    return d


def read_desc(stem: Path) -> ModelDesc:
    """The description of the model at ``stem``, held against the sizes of its files."""
    path = file_of(stem, ".desc")
    with open_regular(path) as f:
        raw = f.read(MAX_TEXT + 1)
    if len(raw) > MAX_TEXT:
        raise ConvertError(f"{path}: over {MAX_TEXT:,} bytes, not a model description")
    d = parse_desc(raw.decode("utf-8", "replace"), str(path))
    for suffix, want in ((".param", d.param_size), (".bin", d.bin_size)):
        other = file_of(stem, suffix)
        try:
            got = os.stat(other).st_size
        except OSError as e:
            raise ConvertError(f"{other}: {e.strerror}", AGAIN) from e
        if got != want:
            raise ConvertError(
                f"{other}: {got:,} bytes, but {path.name} says {want:,}: they don't belong "
                "together",
                AGAIN,
            )
    return d


def sha256(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path, progress: Callable[[int], None] | None = None) -> str:
    """Hex SHA-256 of a file, read in slices; ``progress`` is told the bytes done so far."""
    digest, done = hashlib.sha256(), 0
    buffer = memoryview(bytearray(1 << 20))
    with open_regular(path) as f:
        while n := f.readinto(buffer):  # type: ignore[attr-defined]
            digest.update(buffer[:n])
            done += n
            if progress:
                progress(done)
    return digest.hexdigest()


def verify(stem: Path, d: ModelDesc, progress: Callable[[int], None] | None = None) -> None:
    """Hold both files against their checksums; ``ConvertError`` at the first that differs."""
    for suffix, want in ((".param", d.param_sha256), (".bin", d.bin_sha256)):
        path = file_of(stem, suffix)
        got = sha256_file(path, progress)
        if got != want:
            raise ConvertError(
                f"{path}: SHA-256 is {got[:16]}..., the .desc says {want[:16]}...: it is damaged",
                AGAIN,
            )
