"""Texts to compare models on, as ids: out of a file, or by a model itself. Knows no comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path

# At once: numpy imports this part when it is first used, and swallows a Ctrl-C meanwhile.
from numpy.random import default_rng

from convert.errors import ConvertError
from convert.files import open_regular

from ..generation.sampling import make_sampler
from ..generation.settings import Sampling
from ..model.engine import Engine
from ..text.tokenizers.file_vocabulary import FileVocabulary

OWN_TEXT = Path(__file__).with_name("calibration.txt")
"""Prose, questions and answers, code and lists: the project's own."""

CHARACTERS = 64
"""Of a file for every token that is wanted: more than tokens have, not all of a corpus."""

SEED = 0


def texts_of_file(
    path: Path, vocabulary: FileVocabulary, n_texts: int, size: int
) -> list[list[int]]:
    """Cut the beginning of a file into texts of ``size`` ids; fewer, if it has no more.

    Each begins as the tokenizer begins a text. Raises ``ConvertError`` for a file that isn't text,
    or has none.
    """
    try:
        with TextIOWrapper(open_regular(path), "utf-8-sig") as file:
            text = file.read(n_texts * size * CHARACTERS)
    except OSError as e:
        raise ConvertError(f"{path}: can't read the text: {e.strerror}") from e
    except UnicodeDecodeError as e:
        raise ConvertError(f"{path}: is no text in UTF-8: {e.reason}", "name a text file") from e
    texts = _cut(vocabulary.encode(text, bos=False), vocabulary.opening, n_texts, size)
    if not texts:
        raise ConvertError(f"{path}: has no text to compare on", "name a longer one")
    return texts


def _cut(ids: Sequence[int], opening: Sequence[int], n_texts: int, size: int) -> list[list[int]]:
    step = max(1, size - len(opening))
    starts = range(0, min(len(ids), n_texts * step), step)
    texts = [[*opening, *ids[start : start + step]] for start in starts]
    return [text for text in texts if len(text) > 1]  # of one id nothing is predicted


def sampled_texts(
    engine: Engine,
    opening: Sequence[int],
    n_texts: int,
    size: int,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> list[list[int]]:
    """Have a model write texts of ``size`` ids at temperature 1, the same at every call.

    The unlikely is left out, as in a chat. Each text begins with ``opening``; ``progress`` is told
    the ids so far and their total.
    """
    sampler = make_sampler(Sampling(temperature=1.0), default_rng(SEED))
    size = min(size, engine.context_length)
    texts = []
    for done in range(n_texts):
        engine.rewind(0)
        ids = list(opening)
        while len(ids) < size:
            ids.append(sampler(engine.forward(ids[engine.position :]), []))
            progress(done * size + len(ids), n_texts * size)
        texts.append(ids)
    return texts
