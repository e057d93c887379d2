"""Evaluates a speaker on dialogues with unseen wordings and names, and reports shares per group.
`python -m training.evaluate` judges trained weights in PyTorch; `product.py` the shipped model."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sentencepiece as spm

from training.cases import Case, all_cases
from training.export import load
from training.files import write_beside
from training.recipe import Recipe
from training.speakers import Speaker, TorchSpeaker


@dataclass
class Score:
    """Right answers of one group, and the dialogues that went wrong."""

    right: int = 0
    total: int = 0
    wrong: list[dict[str, Any]] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Give the right answers as a share of all, 0 to 1."""
        return self.right / max(1, self.total)


@dataclass
class Outcome:
    """One speaker's figures."""

    scores: dict[str, Score]
    replies: int
    unclosed: int

    def pooled(self, prefix: str) -> float:
        """Give the share of right answers in all groups whose names begin with the prefix."""
        chosen = [score for group, score in self.scores.items() if group.startswith(prefix)]
        return sum(score.right for score in chosen) / max(1, sum(score.total for score in chosen))

    def as_json(self) -> dict[str, Any]:
        """Give the figures and the dialogues that went wrong, ready for JSON."""
        groups = {
            group: {"right": score.right, "total": score.total, "wrong": score.wrong}
            for group, score in self.scores.items()
        }
        return {"replies": self.replies, "unclosed": self.unclosed, "groups": groups}


def play(speaker: Speaker, case: Case) -> int:
    """Hold the dialogue; returns how many replies didn't end by themselves."""
    speaker.begin(case.system)
    unclosed = 0
    for user in case.users:
        reply = speaker.say(user)
        case.replies.append(reply.text)
        unclosed += not reply.closed
    return unclosed


def judge(speaker: Speaker, cases: Iterable[Case]) -> Outcome:
    """Play and judge every case."""
    scores: dict[str, Score] = defaultdict(Score)
    replies = unclosed = 0
    for case in cases:
        unclosed += play(speaker, case)
        replies += len(case.replies)
        score = scores[case.group]
        score.total += 1
        if case.judge(case.replies[-1], case):
            score.right += 1
        else:
            turns = [list(pair) for pair in zip(case.users, case.replies, strict=True)]
            score.wrong.append({"system": case.system, "turns": turns, "expected": case.key})
    return Outcome(dict(scores), replies, unclosed)


def table(outcomes: dict[str, Outcome]) -> str:
    """Write a Markdown table, a line per group and a column per speaker."""
    names = list(outcomes)
    first = outcomes[names[0]]
    lines = ["| group | dialogues | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for group, score in first.scores.items():
        shares = " | ".join(f"{outcomes[name].scores[group].share:.0%}" for name in names)
        lines.append(f"| {group} | {score.total} | {shares} |")
    for kind in ("known names", "unseen names", "other facts"):
        prefix = f"recall, {kind}"
        total = sum(
            score.total for group, score in first.scores.items() if group.startswith(prefix)
        )
        if not total:
            continue
        shares = " | ".join(f"{outcomes[name].pooled(prefix):.1%}" for name in names)
        lines.append(f"| **{prefix}, all distances** | {total} | {shares} |")
    unclosed = " | ".join(f"{outcomes[name].unclosed}" for name in names)
    lines.append(f"| **unclosed replies** | {first.replies} replies | {unclosed} |")
    return "\n".join(lines)


def write_report(outcomes: dict[str, Outcome], target: Path) -> None:
    """Write every speaker's outcome as JSON."""
    with write_beside(target) as path:
        figures = {name: outcome.as_json() for name, outcome in outcomes.items()}
        path.write_text(json.dumps(figures, ensure_ascii=False, indent=1), encoding="utf-8")


def torch_speaker(recipe: Recipe, weights: Path) -> Speaker:
    """Open the weights in PyTorch, with the recipe's tokenizer."""
    processor = spm.SentencePieceProcessor(model_file=str(recipe.spm))
    return TorchSpeaker(load(weights, recipe.shape), processor)


def evaluate(recipe: Recipe, weights: Path) -> None:
    """Judge the trained weights in float32: the recipe's last step."""
    outcomes = {"torch fp32": judge(torch_speaker(recipe, weights), all_cases(recipe.seed))}
    write_report(outcomes, recipe.report)
    print(table(outcomes), flush=True)


def main() -> None:
    """Judge the weights that the command line names, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/demo"))
    parser.add_argument("--weights", type=Path, help="a checkpoint other than the final weights")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    recipe = Recipe(options.out)
    speaker = torch_speaker(recipe, options.weights or recipe.last_stretch().weights)
    outcomes = {"torch fp32": judge(speaker, all_cases(recipe.seed, options.scale))}
    write_report(outcomes, options.report or recipe.report)
    print(table(outcomes))


if __name__ == "__main__":
    main()
