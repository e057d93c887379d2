"""A folder of Meta's own as a source: params.json and consolidated.NN.pth, in parts of a model.

Source: Meta's ``llama`` repository, and for how the parts join and for what params.json leaves out
transformers' ``convert_llama_weights_to_hf.py``.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from ..errors import ConvertError
from ..rope import DEFAULT_THETA, Rope
from ..shape import LIMITS, ModelShape
from .folder import Fields, file_in, read_json
from .pickled import read_pickled
from .source import InputFile
from .stored import Joined, Stored, StoredModel, StoredTensor, same_values

PARAMS = "params.json"
UNKNOWN = ("moe", "moe_args", "quantization_args", "lora_args", "vision_chunk_size")
DOWNLOAD = "download the folder again"
MISTRALS = "consolidated.safetensors"
AS_HF = "get config.json and model*.safetensors of the same model into a folder, and name that"

WHOLE = {
    "embedding": "tok_embeddings.weight",
    "rms_final": "norm.weight",
    "classifier": "output.weight",
}
LAYERS = {
    "rms_att": "attention_norm.weight",
    "wq": "attention.wq.weight",
    "wk": "attention.wk.weight",
    "wv": "attention.wv.weight",
    "wo": "attention.wo.weight",
    "rms_ffn": "ffn_norm.weight",
    "w1": "feed_forward.w1.weight",
    "w2": "feed_forward.w2.weight",
    "w3": "feed_forward.w3.weight",
}
"""What stands behind ``layers.N.``, by the product's names."""

LARGEST_SENTENCEPIECE = 100_000
"""Llama 1, 2 and Code Llama have 32,000 tokens and a few; Llama 3 has 128,256."""

BY_COLUMNS = ("wo", "w2")
IN_EVERY_PART = ("rms_att", "rms_ffn", "rms_final")


def is_meta(folder: Path) -> bool:
    """Tell whether a folder is one of those."""
    return file_in(folder, PARAMS) is not None


def open_meta(folder: Path) -> StoredModel:
    """Open a folder. Raises ``ConvertError`` for what is missing, damaged or not known."""
    with contextlib.ExitStack() as closing:
        path = file_in(folder, PARAMS)
        if path is None:
            raise ConvertError(f"{folder / PARAMS}: is missing", DOWNLOAD)
        params = read_json(path)
        for name in UNKNOWN:
            if params.has(name):
                raise ConvertError(f"{path}: {name} belongs to a model that isn't known here")
        files = []
        for part in _parts(folder):
            files.append(InputFile(part))
            closing.callback(files[-1].close)
        parts = _Parts(folder, params.integer("dim"), [read_pickled(file) for file in files])
        shape = _shape(params, parts)
        parts.refuse_unknown(shape.n_layers)
        table = {
            name: [parts.get(name, layer) for layer in range(tensor.layers)]
            for name, tensor in shape.tensors.items()
        }
        kind = f"Meta's, {len(files)} part{'s' if len(files) > 1 else ''}"
        model = StoredModel(folder, kind, shape, table, files, [path], _template(shape))
        closing.pop_all()  # from here on the model closes them
        return model


def _parts(folder: Path) -> list[Path]:
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as e:
        raise ConvertError(f"{folder}: can't open: {e.strerror}") from e
    n = sum(bool(re.fullmatch(r"consolidated\.\d\d\.pth", name)) for name in names)
    paths = []
    for number in range(max(1, n)):
        name = f"consolidated.{number:02}.pth"
        path = file_in(folder, name)
        if path is None:
            if file_in(folder, MISTRALS):
                raise ConvertError(f"{folder / MISTRALS}: Mistral's own form isn't read", AS_HF)
            raise ConvertError(f"{folder / name}: is missing", DOWNLOAD)
        paths.append(path)
    return paths


class _Parts:
    """The tensors of all parts by the product's names."""

    def __init__(self, folder: Path, dim: int, parts: list[dict[str, StoredTensor]]) -> None:
        self._folder, self._dim, self._parts = folder, dim, parts

    def get(self, name: str, layer: int = 0) -> Stored:
        """Find a tensor of a layer, whole. Raises ``ConvertError`` if a part lacks it."""
        full = WHOLE.get(name) or f"layers.{layer}.{LAYERS[name]}"
        if any(full not in part for part in self._parts):
            raise ConvertError(f"{self._folder}: {full} isn't in all of its files", DOWNLOAD)
        stored = tuple(part[full] for part in self._parts)
        if name in IN_EVERY_PART or len(stored) == 1:
            return stored[0]
        return Joined(stored, self._axis(name, stored[0]))

    def _axis(self, name: str, part: StoredTensor) -> int:
        if name == "embedding":  # by columns in Llama 1 and 2, by rows since
            return int(part.matrix_shape[1] != self._dim)
        return int(name in BY_COLUMNS)

    @property
    def tied(self) -> bool:
        """Whether there is no classifier but the embedding."""
        if not any(WHOLE["classifier"] in part for part in self._parts):
            return True
        pairs = [
            (part.get(WHOLE["classifier"]), part.get(WHOLE["embedding"])) for part in self._parts
        ]
        return all(a and b and same_values(a, b) for a, b in pairs)

    def refuse_unknown(self, n_layers: int) -> None:
        """Raise ``ConvertError`` for a tensor that would be left out."""
        known = {f"layers.{i}.{name}" for name in LAYERS.values() for i in range(n_layers)}
        known |= {*WHOLE.values(), "rope.freqs"}
        for name in {name for part in self._parts for name in part} - known:
            raise ConvertError(
                f"{self._folder}: {name[:80]!r} isn't known in such a model",
                "without it another model would come out",
            )


def _shape(params: Fields, parts: _Parts) -> ModelShape:
    dim, n_heads = params.integer("dim"), params.integer("n_heads")
    n_layers = params.integer("n_layers")
    if not (0 < n_heads <= LIMITS["n_heads"] and 0 < n_layers <= LIMITS["n_layers"]):
        what = f"n_heads {n_heads}, n_layers {n_layers}"
        raise ConvertError(f"{params.where}: {what}", "is it the right file?")
    return ModelShape(
        dim=dim,
        hidden_dim=parts.get("w1").matrix_shape[0],  # params.json has what it was rounded from
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=params.integer("n_kv_heads", n_heads),
        head_dim=dim // n_heads,
        vocab_size=parts.get("embedding").matrix_shape[0],  # params.json may say -1
        context_length=_context_length(params),
        tied=parts.tied,
        norm_eps=params.number("norm_eps", 1e-5),
        rope=_rope(params),
    )


def _template(shape: ModelShape) -> str:
    """Name the chat template of the family, which no file says: Llama 3 has the large vocabulary.

    A base model's folder looks the same; it is chatted with as its sibling for chats is.
    """
    return "llama3" if shape.vocab_size > LARGEST_SENTENCEPIECE else "llama2"


def _rope(params: Fields) -> Rope:
    rope = Rope(theta=params.number("rope_theta", DEFAULT_THETA))
    if not params.flag("use_scaled_rope"):
        return rope
    # Llama 3.2's small ones were trained with 32, which their files don't say.
    factor = 32.0 if params.integer("dim") < 4096 else 8.0
    factor = params.number("rope_scaling_factor", factor)
    return Rope("llama3", rope.theta, factor=factor, original_context=8192)


def _context_length(params: Fields) -> int:
    """What the model was trained for. No file says it, but each family's numbers are its own."""
    theta = params.number("rope_theta", DEFAULT_THETA)
    if params.flag("use_scaled_rope"):
        trained = 131072  # Llama 3.1 and later
    elif theta == 500000:
        trained = 8192  # Llama 3
    elif theta == 1000000:
        trained = 16384  # Code Llama
    elif params.number("norm_eps", 1e-5) == 1e-6:
        trained = 2048  # Llama 1
    else:
        trained = 4096  # Llama 2
    return params.integer("max_seq_len", trained)
