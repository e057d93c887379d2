"""What the README and the pages beside it say: links lead somewhere, and what is typed is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from llama2ncnn_chat.arguments import SUBCOMMANDS, parse

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)#]+)\)")
TYPED = re.compile(r"(?m)^(?:\$ )?llama2ncnn-chat (?=\S)(.*)$")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_to_be_typed_is_understood(page: Path) -> None:
    for line in TYPED.findall(page.read_text("utf-8")):
        words = shlex.split(line, comments=True)
        command = words[0] if words and words[0] in SUBCOMMANDS else "chat"
        parse(command, words[command != "chat" :])  # raises UsageError


def test_the_readme_begins_with_the_two_commands_and_a_picture() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    places = [text.index(each) for each in ("$ make chat", "$ make test", "![Every token", "```sh")]
    assert places == sorted(places)
    lines = text.partition("```sh\n")[2].partition("\n```")[0].splitlines()
    assert len(lines) == 3
