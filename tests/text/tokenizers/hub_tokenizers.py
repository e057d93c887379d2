"""Small ``tokenizer.json`` files of every kind that models have, trained on the spot."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

from tests.text.tokenizers.test_sentencepiece import training_lines

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
SPECIAL = [AddedToken(name, special=True) for name in ("<s>", "</s>", "<unk>")]
ODD = [
    AddedToken("<|end|>", special=True, rstrip=True),
    AddedToken("<tool>", special=False, normalized=False),
    AddedToken("[left]", special=False, lstrip=True),
    AddedToken("[right]", special=False, rstrip=True, normalized=False),
    AddedToken("mat", special=False, single_word=True),
    AddedToken("日本", special=False, normalized=True),
]


def byte_level(
    *cuts: Any, ignore_merges: bool = False, prefix: bool = False, added: Iterable[AddedToken] = ()
) -> dict[str, Any]:
    """A byte-level vocabulary whose words are cut by ``cuts``, then by GPT-2's pattern if none."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=not cuts)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*cuts, level])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=600,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(training_lines(), trainer)
    return finished(tokenizer, added)


def split(pattern: str) -> Any:
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_fallback(scheme: str = "", *, added: Iterable[AddedToken] = ()) -> dict[str, Any]:
    """A vocabulary as Llama-2's: spaces as "▁", bytes for what isn't in it.

    ``scheme`` is Metaspace's; without, the prefix comes from the normalizer.
    """
    tokenizer = Tokenizer(models.BPE())
    spaces = normalizers.Replace(" ", "▁")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), spaces])
    tokenizer.train_from_iterator(
        (line.replace("🙂👍🏽", "") for line in training_lines()),
        BpeTrainer(vocab_size=400, show_progress=False, limit_alphabet=60),
    )
    document = json.loads(tokenizer.to_str())
    vocab = document["model"]["vocab"]
    names = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    document["model"] |= {
        "vocab": {text: at for at, text in enumerate([*names, *vocab])},
        "byte_fallback": True,
        "unk_token": "<unk>",
        "fuse_unk": True,
    }
    tokenizer = Tokenizer.from_str(json.dumps(document))
    if scheme:
        tokenizer.normalizer = None
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    strip = [decoders.Strip(" ", 1, 0)] if scheme != "never" else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return finished(tokenizer, added)


def without_bytes(document: dict[str, Any]) -> dict[str, Any]:
    """The vocabulary with one token for all characters that it doesn't know."""
    return document | {"model": document["model"] | {"byte_fallback": False}}


def finished(tokenizer: Tokenizer, added: Iterable[AddedToken]) -> dict[str, Any]:
    """The document, with a BOS before every text."""
    tokenizer.add_tokens([*SPECIAL, *added])
    bos = tokenizer.token_to_id("<s>")
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", bos)])
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    return document


KINDS: dict[str, dict[str, Any]] = {
    "gpt-2": byte_level(),
    "llama-3": byte_level(split(LLAMA3), ignore_merges=True),
    "smollm": byte_level(pre_tokenizers.Digits(individual_digits=True), split(GPT2)),
    "prefix": byte_level(prefix=True),
    "added": byte_level(split(LLAMA3), added=ODD),
    "llama-2": byte_fallback(),
    "no bytes": without_bytes(byte_fallback()),
    "first": byte_fallback("first"),
    "always": byte_fallback("always"),
    "never": byte_fallback("never"),
    "llama-2, added": byte_fallback(added=ODD),
    "first, added": byte_fallback("first", added=ODD),
}

QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PRE_TOKENIZED: dict[str, dict[str, Any]] = {
    "gpt-2": KINDS["gpt-2"],
    "llama-bpe": KINDS["llama-3"],
    "smollm": KINDS["smollm"],
    "qwen2": byte_level(split(QWEN2)),
    "tekken": byte_level(split(TEKKEN), ignore_merges=True),
}
"""Byte-level vocabularies by what GGUF calls the way in which they cut words."""
