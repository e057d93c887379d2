"""What a model is and how a chat with it reads, by its name, before anything is converted.

Fetches, converts and loads nothing. Draws nothing either: reports go to the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import ConvertError
from convert.inspect import Report, inspect
from convert.inspect_chat import ChatReport, inspect_chat
from convert.seal import read_at_rest

from ..errors import ModelError
from ..text.templates.template import AsAWhole, Template
from ..text.tokenizers.file_vocabulary import FileVocabulary
from .at_rest import place_of, read_files
from .open_model import template_of


@dataclass(frozen=True)
class _Said:
    role: str
    text: str
    ids: Sequence[int] = ()


SAMPLE = (_Said("user", "Hi!"), _Said("assistant", "Hello."), _Said("user", "How are you?"))


@dataclass(frozen=True)
class ShownModel:
    """What is known of a model, and ``sample``: two turns as it would read them.

    ``ends`` are the names of all tokens that end a reply. ``note`` says what a person should know
    of the template, or why there is no sample.
    """

    report: Report
    chat: ChatReport
    template: str = ""
    sample: str = ""
    ends: tuple[str, ...] = ()
    note: str = ""


def show_model(model: str) -> ShownModel:
    """Look at a model that is named as for a chat, or as in the list. Raises ``ModelError``."""
    try:
        path = place_of(model)
        return read_at_rest(path, lambda: _shown(path))
    except ConvertError as e:
        raise ModelError(e.message, e.hint) from e


def _shown(path: Path) -> ShownModel:
    report, chat = inspect(path), inspect_chat(path)
    try:
        template, note, vocabulary = _opened(path)
    except ModelError as e:  # all else can be told nevertheless
        return ShownModel(report, chat, note=e.message)
    sample, ends = sample_of(template, vocabulary), _ends(template, vocabulary, chat)
    return ShownModel(report, chat, template.name, sample, ends, note)


def _opened(path: Path) -> tuple[Template, str, FileVocabulary]:
    """Open the tokenizer and the template of what lies there."""
    name, facts, vocabulary = read_files(path)
    return *template_of(name, facts, vocabulary), vocabulary


def _ends(template: Template, vocabulary: FileVocabulary, chat: ChatReport) -> tuple[str, ...]:
    ids = vocabulary.with_ends(chat.ends).ends
    names = {i for name in template.ends if (i := vocabulary.special(name)) is not None}
    known = {token: name for name, token in vocabulary.controls.items()}
    return tuple(known.get(i, str(i)) for i in sorted(ids | names))


def sample_of(template: Template, vocabulary: FileVocabulary) -> str:
    """Render two turns and write them out, control tokens by their names."""
    first, reply, later = SAMPLE
    said = vocabulary.encode(reply.text, bos=False, prefix=False)
    if isinstance(template, AsAWhole):
        turns = (first, _Said(reply.role, reply.text, said), later)
        ids = template.whole(vocabulary, turns, "")
    else:
        ids = [*template.first(vocabulary, first.text, ""), *said, *template.close(vocabulary)]
        ids += template.next(vocabulary, later.text)
    names = {token: name.encode() for name, token in vocabulary.controls.items()}
    pieces = [names.get(token) or vocabulary.piece(token) for token in ids]
    return b"".join(pieces).decode(errors="replace")
