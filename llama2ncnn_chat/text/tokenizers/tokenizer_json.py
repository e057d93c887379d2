"""A Hub repository's ``tokenizer.json``: its pieces, and the library ``tokenizers`` to encode.

It gets parsed JSON of which nothing is believed, and knows no files and no models. The library
never learns the names of control tokens, so that no text can become one.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tokenizers import Tokenizer

from .added import MAX_ID, AddedToken, Beside, added_token
from .byte_level import read
from .file_vocabulary import KNOWN_ENDS, FileVocabulary
from .normalizer import SPACE

Json = dict[str, Any]

_BYTE_NAME = re.compile("<0x([0-9A-Fa-f]{2})>")
_UNREACHABLE = "\0"
"""Begins the name under which the library knows the token of unknown characters."""


class LibraryEncoder:
    """The library's encoding, with and without what it puts before a text."""

    def __init__(self, document: Json) -> None:
        """Build the library's tokenizers. ValueError for what it can't read."""
        plain = _without_prefix(document)
        self._whole = _library(document)
        self._plain = _library(plain) if plain != document else self._whole

    def encode(self, text: str, prefix: bool) -> list[int]:
        """Return the ids of a text; ``prefix``: a text begins there."""
        library = self._whole if prefix else self._plain
        ids: list[int] = library.encode(text, add_special_tokens=False).ids
        return ids

    def text_of(self, token: int) -> str:
        """Return what the library writes for a token: an added one may have been normalized."""
        text: str | None = self._whole.id_to_token(token)
        return text or ""


def tokenizer_json_vocabulary(document: Any, beside: Beside) -> FileVocabulary:
    """Make a vocabulary of a ``tokenizer.json`` and of what stands beside it.

    Raises ``ValueError`` that goes on from "the tokenizer" with what is wrong.
    """
    document = _checked(document)
    added = [added_token(_get(entry, "id"), entry) for entry in document["added_tokens"]]
    table = _table(document, added)
    controls = {token.content: token.id for token in added if token.control}
    ids = {**table, **{token.content: token.id for token in added}}
    for name in (beside.bos, beside.eos):
        if name in ids:
            controls[name] = ids[name]
    bytes_of = read if _is_byte_level(document["decoder"]) else _bytes_of
    encoder = LibraryEncoder(_for_typed_text(document, added, controls))
    pieces = [b""] * (max(ids.values()) + 1)
    unknown = document["model"].get("unk_token")
    nothing = {*controls, unknown}
    texts = {token: text for text, token in ids.items() if text not in nothing}
    texts |= {token.id: encoder.text_of(token.id) for token in added if token.id in texts}
    for token, text in texts.items():
        pieces[token] = bytes_of(text)
    eos = ids.get(beside.eos or "")
    known = frozenset(controls[name] for name in KNOWN_ENDS if name in controls)
    return FileVocabulary(
        pieces=pieces,
        controls=controls,
        encoder=encoder,
        opening=_opening(document, beside, ids),
        ends=known if eos is None else frozenset({eos}),
        strips_space=_strips_space(document["decoder"]),
        begins_after_controls=_begins_anew(document),
    )


def _checked(document: Any) -> Json:
    """The document with all parts that are read below, of the types that they are to have."""
    if not isinstance(document, dict) or not isinstance(document.get("model"), dict):
        raise ValueError("is no tokenizer.json: it has no model")
    model = document["model"]
    kind = model.get("type", "BPE" if "merges" in model else None)
    if kind != "BPE":
        raise ValueError(f"has a model of the type {kind!r:.40}; BPE is what can be read")
    added = document.get("added_tokens") or []
    if not isinstance(model.get("vocab"), dict) or not isinstance(model.get("merges"), list):
        raise ValueError("is broken: its model has no vocabulary or no merges")
    if not isinstance(added, list) or not (model["vocab"] or added):
        raise ValueError("is broken: it has no tokens")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise ValueError("marks the beginnings or ends of words, which isn't known here")
    if not isinstance(model.get("unk_token"), str | None):
        raise ValueError("is broken: its unknown token is no text")
    parts = {name: document.get(name) for name in _PARTS}
    for name, part in parts.items():
        if not isinstance(part, dict | None):
            raise ValueError(f"is broken: its {name} is {part!r:.40}")
    return {"model": model, "added_tokens": added, **parts}


_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")


def _table(document: Json, added: list[AddedToken]) -> dict[str, int]:
    """The model's tokens, after a look at their ids."""
    vocab: dict[str, int] = document["model"]["vocab"]
    limit = min(MAX_ID, 2 * (len(vocab) + len(added)) + 4096)  # what a table may be as long as
    for text, token in vocab.items():
        if type(token) is not int or not 0 <= token < limit:
            raise ValueError(f"is broken: {text!r:.40} has the id {token!r:.40}")
    for entry in added:
        if entry.id >= limit:
            raise ValueError(f"is broken: {entry.content!r:.40} has the id {entry.id}")
        if vocab.get(entry.content, entry.id) != entry.id:
            raise ValueError(f"is broken: {entry.content!r:.40} has two ids")
    return vocab


def _for_typed_text(document: Json, added: list[AddedToken], controls: Mapping[str, int]) -> Json:
    """The document as the library gets it: only what text can become, and nothing around it.

    Added tokens stand in the model's table too, or the library would number them anew.
    """
    model: Json = document["model"]
    hidden = {*controls}
    vocab = {text: token for text, token in model["vocab"].items() if text not in hidden}
    vocab |= {token.content: token.id for token in added if token.content not in hidden}
    unknown: str = model.get("unk_token") or ""
    known = model["vocab"].get(unknown, controls.get(unknown))
    if known is not None:  # an id that text gets, but by no name
        hidden.add(unknown)
        vocab.pop(unknown, None)
        vocab[_UNREACHABLE + unknown] = known
    merges = model["merges"]
    if not hidden.isdisjoint(model["vocab"]):
        merges = [merge for merge in merges if hidden.isdisjoint(_texts_of(merge))]
    changed = {
        "type": "BPE",
        "vocab": vocab,
        "merges": merges,
        "unk_token": None if known is None else _UNREACHABLE + unknown,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {**_FLAGS, **entry, "special": False}
            for entry, token in zip(document["added_tokens"], added, strict=True)
            if token.content not in hidden
        ],
        "normalizer": document["normalizer"],
        "pre_tokenizer": document["pre_tokenizer"],
        "post_processor": None,
        "decoder": None,
        "model": model | changed | {"dropout": None},
    }


_FLAGS = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}


def _texts_of(merge: Any) -> list[str]:
    """The two halves of a merge and what they make."""
    halves = merge.split(" ") if isinstance(merge, str) else merge
    if not (
        isinstance(halves, list) and len(halves) == 2 and all(isinstance(h, str) for h in halves)
    ):
        raise ValueError(f"is broken: a merge is {merge!r:.80}")
    return [*halves, halves[0] + halves[1]]


def _library(document: Json) -> Tokenizer:
    try:
        return Tokenizer.from_str(json.dumps(document))
    except Exception as error:  # the library raises nothing more special
        reason = " ".join(str(error).split())
        raise ValueError(f"is broken, or of a kind that isn't known here: {reason:.200}") from error


def _without_prefix(document: Json) -> Json:
    """The document for text that goes on: nothing is put before it."""
    plain = document | {
        name: copy.deepcopy(document[name]) for name in ("normalizer", "pre_tokenizer")
    }
    for part in _steps(plain["normalizer"], "normalizers"):
        if part.get("type") == "Prepend":
            part["prepend"] = ""
    for part in _steps(plain["pre_tokenizer"], "pretokenizers"):
        if part.get("type") == "ByteLevel":
            part["add_prefix_space"] = False
        elif part.get("type") == "Metaspace":
            part.pop("add_prefix_space", None)
            part["prepend_scheme"] = "never"
    return plain


def _steps(part: Any, inside: str) -> Iterator[Json]:
    """A part, or the parts that it is a sequence of; those that are no objects are passed over."""
    waiting = [part]
    while waiting:
        step = waiting.pop(0)
        if isinstance(step, dict):
            if isinstance(step.get(inside), list):
                waiting = [*step[inside], *waiting]
            else:
                yield step


def _begins_anew(document: Json) -> bool:
    """Whether each text between control tokens gets its own prefix."""
    normalizers = _steps(document["normalizer"], "normalizers")
    if any(step.get("type") == "Prepend" for step in normalizers):
        return True
    return any(
        (step.get("type") == "ByteLevel" and step.get("add_prefix_space") is True)
        or (
            step.get("type") == "Metaspace"
            and step.get("prepend_scheme", "always") == "always"
            and step.get("add_prefix_space") is not False
        )
        for step in _steps(document["pre_tokenizer"], "pretokenizers")
    )


def _is_byte_level(decoder: Any) -> bool:
    """Which of the two ways to write bytes it is. ValueError for any other decoder."""
    steps = list(_steps(decoder, "decoders"))
    types = [str(step.get("type")) for step in steps]
    if types == ["ByteLevel"]:
        return True
    replaces = any(
        step.get("type") == "Replace"
        and step.get("pattern") == {"String": SPACE}
        and step.get("content") == " "
        for step in steps
    )
    known = {"Replace", "ByteFallback", "Fuse", "Strip"}
    if not replaces or types.count("Replace") != 1 or not {*types} <= known:
        raise ValueError(f"has a decoder that isn't known here: {types!r:.80}")
    for step in steps:
        if step.get("type") == "Strip" and not _strips_one_space(step):
            raise ValueError(
                "has a decoder that strips more than one space, which isn't known here"
            )
    return False


def _strips_space(decoder: Any) -> bool:
    return any(step.get("type") == "Strip" for step in _steps(decoder, "decoders"))


def _strips_one_space(step: Json) -> bool:
    return (step.get("content"), step.get("start"), step.get("stop")) == (" ", 1, 0)


def _bytes_of(text: str) -> bytes:
    name = _BYTE_NAME.fullmatch(text)
    return bytes.fromhex(name[1]) if name else text.replace(SPACE, " ").encode("utf-8", "replace")


def _opening(document: Json, beside: Beside, ids: Mapping[str, int]) -> tuple[int, ...]:
    """What stands before a text: as the config says, else as the post-processor does it."""
    if beside.add_bos is not None:
        bos = ids.get(beside.bos or "")
        return (bos,) if beside.add_bos and bos is not None else ()
    opening: list[int] = []
    for step in _steps(document["post_processor"], "processors"):
        if step.get("type") == "TemplateProcessing" and isinstance(step.get("single"), list):
            for part in step["single"]:
                name = _get(_get(part, "SpecialToken"), "id")
                if not isinstance(name, str):
                    break
                if name in ids:
                    opening.append(ids[name])
    return tuple(opening)


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
