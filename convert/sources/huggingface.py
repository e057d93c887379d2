"""A folder from the Hugging Face Hub as a source: config.json and the weights' files beside it.

Finds the files and gives their tensors the product's names; what a configuration means is
``hf_config``'s matter, what is in a file ``safetensors``' and ``pickled``'s.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from ..errors import ConvertError
from ..shape import LIMITS, ModelShape
from .folder import file_in, read_json
from .hf_config import HfConfig
from .pickled import read_pickled
from .safetensors import read_safetensors
from .source import InputFile
from .stored import Stored, StoredModel, StoredTensor, same_values

CONFIG = "config.json"
DOWNLOAD = "download the folder again"

Reader = Callable[[InputFile], dict[str, StoredTensor]]
Tensors = dict[str, StoredTensor]

WEIGHTS: tuple[tuple[str, Reader], ...] = (
    ("model.safetensors", read_safetensors),
    ("pytorch_model.bin", read_pickled),
)
"""The names of weights in one file; in many, an index of that name stands beside them."""

PREFIXES = ("model.", "", "model.language_model.", "language_model.model.", "language_model.")
CLASSIFIERS = ("lm_head.weight", "language_model.lm_head.weight")

LAYERS = {
    "rms_att": "input_layernorm.weight",
    "wq": "self_attn.q_proj.weight",
    "wk": "self_attn.k_proj.weight",
    "wv": "self_attn.v_proj.weight",
    "wo": "self_attn.o_proj.weight",
    "rms_ffn": "post_attention_layernorm.weight",
    "w1": "mlp.gate_proj.weight",
    "w2": "mlp.down_proj.weight",
    "w3": "mlp.up_proj.weight",
    "bq": "self_attn.q_proj.bias",
    "bk": "self_attn.k_proj.bias",
    "bv": "self_attn.v_proj.bias",
    "bo": "self_attn.o_proj.bias",
    "b1": "mlp.gate_proj.bias",
    "b2": "mlp.down_proj.bias",
    "b3": "mlp.up_proj.bias",
    "q_norm": "self_attn.q_norm.weight",
    "k_norm": "self_attn.k_norm.weight",
}
"""What stands behind ``model.layers.N.``, by the product's names."""

COMPUTED = ("rotary_emb.inv_freq", "rotary_emb.cos_cached", "rotary_emb.sin_cached")
"""What old files carry though it follows from the configuration."""


def is_huggingface(folder: Path) -> bool:
    """Tell whether a folder is one of those."""
    return file_in(folder, CONFIG) is not None


def open_huggingface(folder: Path) -> StoredModel:
    """Open a folder. Raises ``ConvertError`` for what is missing, damaged or not known."""
    with contextlib.ExitStack() as closing:
        path = _found(folder, CONFIG)
        config = HfConfig(read_json(path))
        files, tensors, index = _weights(folder, closing)
        names = _Names(folder, tensors)
        shape = _shape(config, names)
        names.refuse_unknown(shape.n_layers)
        table = {name: names.layers(name, t.layers) for name, t in shape.tensors.items()}
        others = [path, *([index] if index else [])]
        kind = f"Hugging Face {config.kind}"
        model = StoredModel(folder, kind, shape, table, files, others)
        closing.pop_all()  # from here on the model closes them
        return model


def _found(folder: Path, name: str) -> Path:
    path = file_in(folder, name)
    if path is None:
        raise ConvertError(f"{folder / name}: is missing", DOWNLOAD)
    return path


def _weights(
    folder: Path, closing: contextlib.ExitStack
) -> tuple[list[InputFile], Tensors, Path | None]:
    """Open the files of weights: they, their tensors, and the index that names them."""
    for name, read in WEIGHTS:
        if file_in(folder, name):
            file = _opened(folder, name, closing)
            return [file], read(file), None
        if index := file_in(folder, f"{name}.index.json"):
            files, tensors = _of_index(folder, index, read, closing)
            return files, tensors, index
    wanted = " or ".join(name for name, _ in WEIGHTS)
    raise ConvertError(f"{folder}: neither {wanted} nor an index of many is in it", DOWNLOAD)


def _of_index(
    folder: Path, index: Path, read: Reader, closing: contextlib.ExitStack
) -> tuple[list[InputFile], Tensors]:
    places = read_json(index).inner("weight_map")
    if places is None:
        raise ConvertError(f"{index}: weight_map is missing", DOWNLOAD)
    where = {name: places.text(name) for name in places.values}
    files = {name: _opened(folder, name, closing) for name in sorted(set(where.values()))}
    content = {name: read(file) for name, file in files.items()}
    tensors = {
        name: content[place][name] for name, place in where.items() if name in content[place]
    }
    return list(files.values()), tensors


def _opened(folder: Path, name: str, closing: contextlib.ExitStack) -> InputFile:
    file = InputFile(_found(folder, name))
    closing.callback(file.close)
    return file


class _Names:
    """The tensors of a folder by the product's names."""

    def __init__(self, folder: Path, tensors: Tensors) -> None:
        self._folder, self._tensors = folder, tensors
        found = (p for p in PREFIXES if f"{p}embed_tokens.weight" in tensors)
        self._prefix = next(found, PREFIXES[0])
        self._classifier = next((name for name in CLASSIFIERS if name in tensors), "")

    def has(self, *names: str) -> bool:
        """Tell whether any layer has a tensor of any of those names."""
        ends = tuple(f".{LAYERS[name]}" for name in names)
        start = f"{self._prefix}layers."
        return any(full.startswith(start) and full.endswith(ends) for full in self._tensors)

    def get(self, name: str, layer: int = 0) -> StoredTensor:
        """Find a tensor of a layer. Raises ``ConvertError`` if there is none."""
        full = self._name(name, layer)
        if full not in self._tensors:
            raise ConvertError(f"{self._folder}: {full} is in none of its files", DOWNLOAD)
        return self._tensors[full]

    def layers(self, name: str, n: int) -> list[Stored]:
        """Find a tensor of every layer."""
        return [self.get(name, layer) for layer in range(n)]

    @property
    def n_layers(self) -> int:
        """How many layers there are, by their norms."""
        return next(i for i in range(1 << 62) if self._name("rms_att", i) not in self._tensors)

    @property
    def tied(self) -> bool:
        """Whether the classifier is the embedding: none is there, or its values are the same."""
        return not self._classifier or same_values(
            self._tensors[self._classifier], self.get("embedding")
        )

    def refuse_unknown(self, n_layers: int) -> None:
        """Raise ``ConvertError`` for a tensor of the decoder that would be left out."""
        known = {self._name(name, i) for name in LAYERS for i in range(n_layers)}
        known |= {self._name(name, 0) for name in ("embedding", "rms_final", "classifier")}
        ours = (f"{self._prefix}layers.", f"{self._prefix}norm.", "lm_head.")
        for name in self._tensors.keys() - known:
            if name.startswith(ours) and not name.endswith(COMPUTED):
                raise ConvertError(
                    f"{self._folder}: {name[:80]!r} isn't known in such a model",
                    "without it another model would come out",
                )

    def _name(self, name: str, layer: int) -> str:
        if name in LAYERS:
            return f"{self._prefix}layers.{layer}.{LAYERS[name]}"
        if name == "classifier":
            return self._classifier
        rest = {"embedding": "embed_tokens.weight", "rms_final": "norm.weight"}[name]
        return f"{self._prefix}{rest}"


def _shape(config: HfConfig, names: _Names) -> ModelShape:
    """Take from the configuration what it says, and from the tensors what it leaves out."""
    f, n_heads = config.fields, config.n_heads
    vocab_size, dim = names.get("embedding").matrix_shape
    n_layers = f.integer("num_hidden_layers", names.n_layers)
    if not (0 < n_heads <= LIMITS["n_heads"] and 0 < n_layers <= LIMITS["n_layers"]):
        what = f"num_attention_heads {n_heads}, num_hidden_layers {n_layers}"
        raise ConvertError(f"{f.where}: {what}", "is it the right file?")
    head_dim = f.integer("head_dim", names.get("wq").matrix_shape[0] // n_heads)
    n_kv_heads = names.get("wk").matrix_shape[0] // max(1, head_dim)
    return ModelShape(
        dim=f.integer("hidden_size", dim),
        hidden_dim=f.integer("intermediate_size", names.get("w1").matrix_shape[0]),
        n_layers=n_layers,
        n_heads=n_heads,
        n_kv_heads=f.integer("num_key_value_heads", n_kv_heads),
        head_dim=head_dim,
        vocab_size=vocab_size,  # rows beyond the tokenizer's are there to fill up
        context_length=config.context_length,
        tied=names.tied,
        norm_eps=config.norm_eps,
        qkv_bias=names.has("bq", "bk", "bv"),
        o_bias=names.has("bo"),
        mlp_bias=names.has("b1", "b2", "b3"),
        qk_norm=names.has("q_norm", "k_norm"),
        window=config.window(n_layers),
        no_rope_interval=config.no_rope_interval(n_layers),
        rope=config.rope,
    )
