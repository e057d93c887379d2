"""The demo model's corpus: its wordings well formed, the evaluation's kept apart."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from training.blind import WORDINGS as BLIND_WORDINGS
from training.cases import all_cases
from training.corpus import dialogues
from training.corpus.grammar import WORDINGS, expand, wording
from training.recipe import Recipe

FILES = sorted(path.relative_to(WORDINGS).with_suffix("") for path in WORDINGS.rglob("*.txt"))


def lines_of(name: Path) -> list[str]:
    return (WORDINGS / name).with_suffix(".txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", FILES, ids=Path.as_posix)
def test_a_pattern_expands_to_clean_text(name: Path) -> None:
    rng = Random(1)
    assert len(set(lines_of(name))) == len(lines_of(name)), "the same line twice"
    for line in lines_of(name):
        for _ in range(5):
            text = expand(rng, line)
            assert not set("()|") & set(text), line
            assert text == " ".join(text.split()), line


@pytest.mark.parametrize("name", FILES, ids=Path.as_posix)
def test_the_evaluation_has_patterns_of_its_own(name: Path) -> None:
    both = wording(name.as_posix())
    assert both.held
    assert not set(both.held) & set(both.train)
    assert Counter(both.held + both.train) == Counter(lines_of(name))


def test_the_seed_alone_decides_the_corpus() -> None:
    recipe = Recipe(Path("unused"))
    first, again = (
        [json.dumps(one) for one in islice(dialogues.records(recipe), 200)] for _ in range(2)
    )
    assert first == again
    assert len(set(first)) == 200


def test_every_case_knows_what_it_waits_for() -> None:
    cases = list(all_cases(seed=1, scale=0.2))
    assert len({case.group for case in cases}) > 30
    for case in cases:
        assert case.users
        assert case.key or case.group.startswith("system"), case.group


def test_no_blind_wording_can_be_said_in_training() -> None:
    patterns = (pattern for name in FILES for pattern in wording(name.as_posix()).train)
    said = re.compile("|".join(f"(?:{regex(bare(pattern))})" for pattern in patterns))
    blind = [one for section in BLIND_WORDINGS.values() for one in section]
    assert len(blind) > 150
    assert [one for one in blind if said.fullmatch(bare(one))] == []


def bare(text: str) -> str:
    """Without what the corpus varies by itself: capitals, apostrophes, the last mark."""
    return text.lower().replace("'", "").rstrip(".?!")


def regex(pattern: str) -> str:
    """A regular expression for all that a pattern can say; a slot stands for any slot."""
    pattern = re.escape(pattern)
    for escaped, plain in ((r"\(", "(?:"), (r"\)", ")"), (r"\|", "|")):
        pattern = pattern.replace(escaped, plain)
    return re.sub(r"\\{\w+\\}", r"\\{\\w+\\}", pattern)


def test_the_last_stretch_drills_and_goes_on_talking() -> None:
    recipe = Recipe(Path("unused"))
    last, first = (
        [one["turns"] for one in islice(dialogues.records(each), 400) if "turns" in one]
        for each in (recipe.last_stretch(), recipe)
    )
    for exercise in (r"(?:\w-)+\w\.", r"Your .* is(?: called)? .*|You are .*"):
        assert mostly(exercise, last) > 3 * mostly(exercise, first) > 0
    spelled = [bool(re.fullmatch(r"(?:\w-)+\w\.", turn[1])) for turns in last for turn in turns]
    assert sum(spelled) < len(spelled) / 2


def mostly(reply: str, conversations: list[list[tuple[str, str]]]) -> int:
    """How many conversations have such a reply in more than half of their turns."""
    found = [[bool(re.fullmatch(reply, turn[1])) for turn in turns] for turns in conversations]
    return sum(2 * sum(turns) > len(turns) for turns in found)


def test_whose_name_is_asked_was_told_before() -> None:
    orders = set()
    for seed in range(60):
        turns = dialogues.acquaintances(Random(seed)).turns
        asked = [turn for turn in turns if turn.skill == "recall"]
        assert len(asked) >= 2
        for turn in asked:
            before = [earlier.user for earlier in turns[: turns.index(turn)]]
            assert any(turn.key in user for user in before), turn
        told = [turn.key for turn in turns if turn.skill == "tell"]
        orders.add([turn.key for turn in asked] == told)
    assert orders == {True, False}, "sometimes in the order of telling, mostly not"
