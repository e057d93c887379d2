"""Finds the model that a person names: a converted one on disk, with its tokenizer.

A raw checkpoint is converted into the cache once, under a key of its content and the conversion's
options. Loads no weights and draws nothing; progress goes to callbacks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from convert import pipeline
from convert.chat_facts import ChatFacts, read_chat_facts
from convert.choosing import choose_format
from convert.desc import ModelDesc, read_desc
from convert.errors import ConvertError, WriteError
from convert.files import sha256_file
from convert.formats.mixture import format_matrices
from convert.hub.fetch import fetch
from convert.hub.names import is_hub_name, parse_name
from convert.pipeline import CONVERTER, OnProgress
from convert.seal import Seal, is_being_replaced, read_sealed
from convert.sources import model_at, open_source
from convert.stated import NOTHING_STATED, OTHER_ORDER, Stated
from convert.stem import CHAT_SUFFIX, TOKENIZER_SUFFIX, file_of, stem_of
from convert.tokenizer_files import TOKENIZERS
from convert.vocabulary import companions_of

from ..errors import Advice, ChatError, ModelError, UsageError
from .bundled import DEMO, DEMO_CHECKPOINT, refuse_damage
from .cached import Origin, conversions_of, format_in_key
from .conversion import AS_USUAL, Conversion
from .hashes import OnBytes
from .publishing import cache_stem, take_sound
from .sound import sound_or_none

DONE = "the model is converted already: what says how to convert it has no effect"
NOWHERE = "nor a conversion of it in the cache"
NAME_ONE = "name a folder, a GGUF file, a checkpoint, a converted stem, or hf:OWNER/NAME"


@dataclass(frozen=True)
class FoundModel:
    """A converted model, its tokenizer, and what its files say of chats.

    ``name`` is what to call it, ``notes`` what to say, ``stated`` what a person did, with effect;
    ``seal`` is that of the files it was found as, where others could take their place.
    """

    name: str
    stem: Path
    desc: ModelDesc
    tokenizer: Path
    facts: ChatFacts = field(default_factory=ChatFacts)
    notes: tuple[str, ...] = ()
    stated: Stated = NOTHING_STATED
    seal: Seal | None = None


Settle = Callable[[Stated, Path, Path | None], Stated]
"""Gets what is stated of the model at a path, and a tokenizer; returns what is to hold of it."""


@dataclass(frozen=True)
class Callbacks:
    """What the slow steps call: with bytes fetched, with bytes hashed, with tensors converted.

    ``settle`` is asked before a conversion, where nobody says the order of heads.
    """

    fetching: OnBytes | None = None
    hashing: OnBytes | None = None
    converting: OnProgress | None = None
    settle: Settle | None = None


@dataclass(frozen=True)
class _Wanted:
    """What ``find_model`` was told of a model besides its name."""

    conversion: Conversion
    tokenizer: Path | None
    callbacks: Callbacks
    check: bool


def find_model(
    model: str,
    conversion: Conversion = AS_USUAL,
    tokenizer: Path | None = None,
    callbacks: Callbacks = Callbacks(),
    bundled: Path = DEMO_CHECKPOINT,
    *,
    check: bool = False,
) -> FoundModel:
    """Find what ``model`` names, and convert it if it isn't yet.

    That is a stem, one of its files, what can be converted, or a model of the Hub; ``demo`` is the
    ``bundled`` one, whatever stands in the current folder: that is ``./demo``. What could be
    converted and is gone is what it was converted to, while the cache has that. A conversion in
    the cache that is damaged is made anew; with ``check`` all of it is read to see that. Raises
    ``ModelError`` for what isn't there, isn't a model, or has no tokenizer.
    """
    wanted = _Wanted(conversion, tokenizer, callbacks, check)
    try:
        if is_hub_name(model):
            return _of_hub(model, wanted)
        if model == DEMO:
            return _demo(bundled, wanted)
        stem = stem_of(model)
        if stem.name and (file_of(stem, ".desc").exists() or file_of(stem, ".param").exists()):
            return _converted(stem, tokenizer, conversion)
        path = Path(model)
        if stem.name and not path.exists() and _is_coming(stem):
            return _converted(stem, tokenizer, conversion)
        if not path.exists():
            return _of_gone(model, wanted)
        path = model_at(path)
        return _raw(path, str(path.resolve()), wanted)
    except WriteError as e:  # the model is not to blame
        raise ChatError(e.message, e.hint) from e
    except ConvertError as e:
        raise ModelError(e.message, e.hint) from e
    except OSError as e:  # a name that can't be one, a folder that may not be entered
        raise ModelError(f"{model}: {e.strerror}") from e


def _is_coming(stem: Path) -> bool:
    """Tell whether somebody is putting a model in place there, or has done so by now."""
    return is_being_replaced(stem) or file_of(stem, ".desc").exists()


def _demo(path: Path, wanted: _Wanted) -> FoundModel:
    """Find the model that ships inside the package, in the same way as anybody's checkpoint."""
    refuse_damage(path)
    return replace(_raw(path, DEMO, wanted), name=DEMO)


def _of_hub(model: str, wanted: _Wanted) -> FoundModel:
    """Fetch the model that such a name stands for, and take it from there as any other."""
    name = parse_name(model)
    fetched = fetch(name, wanted.callbacks.fetching)
    found = _raw(fetched.path, str(name), wanted)
    return replace(found, name=name.short, notes=(*fetched.notes, *found.notes))


def _converted(stem: Path, tokenizer: Path | None, conversion: Conversion) -> FoundModel:
    notes = (DONE,) if conversion != AS_USUAL else ()
    candidates = [file_of(stem, TOKENIZER_SUFFIX), stem.with_name("tokenizer.bin")]

    def read() -> tuple[ModelDesc, Path | None, ChatFacts]:
        own = next((p for p in candidates if p.is_file()), None)
        return read_desc(stem), own, read_chat_facts(file_of(stem, CHAT_SUFFIX))

    (desc, own, facts), seal = read_sealed(stem, read)
    found = tokenizer or own
    if found is None:
        raise _no_tokenizer(f"{stem}", candidates)
    return FoundModel(stem.name, stem, desc, found, facts, notes, seal=seal)


def _of_gone(model: str, wanted: _Wanted) -> FoundModel:
    """Find what the cache has of a checkpoint that isn't there any more, as it is wanted if it can.

    Raises ``ModelError`` where it has nothing.
    """
    gone, conversion, tokenizer = Path(model).resolve(), wanted.conversion, wanted.tokenizer
    there = conversions_of(gone)
    found = [
        (each, desc)
        for each in there
        if (desc := sound_or_none(each.stem, whole=wanted.check, progress=wanted.callbacks.hashing))
    ]
    if not found:
        what = "and its conversion in the cache is damaged" if there else NOWHERE
        next_ = Advice.MARK_PROMPT if reads_like_a_prompt(model) else NAME_ONE
        raise ModelError(f"{model}: no such model, {what}", next_)
    notes = [f"{gone} is gone: its conversion in the cache is used"]
    suiting = [each for each, desc in found if _suits(conversion, desc, each.origin)]
    if not suiting:
        notes.append(DONE)
    cached = suiting[0] if suiting else found[0][0]
    carried = cached.origin.tokenizer if cached.origin else ""
    if tokenizer and not tokenizer.exists() and str(tokenizer.resolve()) == carried:
        tokenizer = None  # a copy of it went along
    return replace(
        _converted(cached.stem, tokenizer, AS_USUAL),
        name=gone.name,
        notes=tuple(notes),
        stated=conversion.stated if suiting else NOTHING_STATED,
    )


def reads_like_a_prompt(model: str) -> bool:
    """Tell whether these are words rather than a path: several, in no folder, without a suffix."""
    suffix = Path(model).suffix[1:]  # "Hello. How are you?" has none that a file would
    in_folder = "/" in model or os.sep in model  # a Path drops a leading ./
    return len(model.split()) > 1 and not in_folder and not suffix.isalnum()


def _suits(wanted: Conversion, desc: ModelDesc, origin: Origin | None) -> bool:
    """Tell whether a conversion is one that was made as it is wanted."""
    return (
        wanted.keep is None
        and wanted.weights in (None, desc.weights)
        and wanted.block in (None, desc.block)
        and wanted.stated.key == (origin.stated if origin else "")
    )


def _raw(path: Path, called: str, wanted: _Wanted) -> FoundModel:
    """Find or make the model at ``path``, which ``called`` finds again from anywhere."""
    conversion, callbacks = wanted.conversion, wanted.callbacks
    with open_source(path) as source:
        conversion.stated.apply_to(source)
        shape = source.shape
        fmt = choose_format(source, conversion.weights, conversion.block)
        fingerprint, files = source.fingerprint(), source.files
        companions = companions_of(source, wanted.tokenizer)
        order_is_open = conversion.stated.leaves_order_open(source)
    if not companions.has_tokenizer:  # said now, not after a minute of converting
        folder = path if path.is_dir() else path.parent
        looked = TOKENIZERS if path.is_dir() else TOKENIZERS[-1:]
        raise _no_tokenizer(f"{path}", [folder / name for name in looked])
    if conversion.keep and not conversion.keep.name:
        raise UsageError(f"{conversion.keep} names a folder", "name a model in it")
    notes: list[str] = []
    options = format_in_key(fmt) + conversion.stated.key
    if order_is_open and companions.tokenizer:  # a text settles it, as the tokenizer reads it
        options += f"-by{sha256_file(companions.tokenizer)[:8]}"
    stem = conversion.keep or cache_stem(files, options, callbacks.hashing, notes)

    def convert(target: Path) -> ModelDesc:
        stated = conversion.stated
        if order_is_open and callbacks.settle:
            stated = callbacks.settle(stated, path, wanted.tokenizer)
        if stated != conversion.stated:
            notes.append(OTHER_ORDER)
        return pipeline.convert(
            path,
            target,
            weights=fmt.name,
            block=fmt.block or None,
            tokenizer=companions.tokenizer,
            stated=stated,
            progress=callbacks.converting,
        )

    if conversion.keep:
        desc = _read_whole(stem)
        if desc and order_is_open:
            shape = replace(shape, rope=shape.rope.in_order(desc.shape.rope.order))
        eight_bits = format_matrices(fmt.eight_bits)
        asked = (shape, fingerprint, fmt.name, fmt.block, eight_bits, CONVERTER)
        if desc is None or asked != (
            *(desc.shape, desc.source, desc.weights, desc.block, desc.eight_bits, desc.converter),
        ):
            desc = convert(stem)
    else:
        carried = str(companions.tokenizer.resolve()) if companions.tokenizer else ""
        origin = Origin(called, tuple(files), carried, conversion.stated.key)
        hashing = callbacks.hashing
        desc = take_sound(convert, stem, origin, check=wanted.check, hashing=hashing, notes=notes)
    own = companions.tokenizer or file_of(stem, TOKENIZER_SUFFIX)
    # The source's, not those that went along: a template may have been mended since.
    facts, stated = companions.facts, conversion.stated
    return FoundModel(path.name, stem, desc, own, facts, tuple(notes), stated)


def _read_whole(stem: Path) -> ModelDesc | None:
    with suppress(ConvertError):
        return read_desc(stem)
    return None


def _no_tokenizer(what: str, looked: list[Path]) -> ModelError:
    places = " and ".join(str(p) for p in looked)
    return ModelError(f"{what}: no tokenizer (looked for {places})", Advice.NAME_TOKENIZER)
