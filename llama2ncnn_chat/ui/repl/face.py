"""Opens the line-by-line face as the terminal and the options have it.

The one module of the face that others call; knows the options and what the streams can show.
"""

from __future__ import annotations

import sys
from functools import partial

from convert.streams import is_terminal, say

from ...chat import phrases
from ...chat.ahead import hold, prefill_ahead
from ...chat.chat import Chat
from ...chat.commands.info import overview
from ...chat.commands.table import help_text
from ...chat.line import Command
from ...errors import ChatError
from ...launch.options import Options
from ...paths import history_file
from ..editor import edit_text
from ..giving_back import given_back
from ..history import History
from ..leaving import how_to_go_on
from ..stopping import stop_until_woken
from ..terminal import command, is_dumb, is_interactive, wants_colour
from ..title import Title, has_title
from ..window import UNSEEN, Window
from .completion import LineCompleter, whole_lines
from .lines import LinePrompt
from .loop import Repl
from .prompts import Prompt, RichPrompt
from .screen import Screen


def run(chat: Chat, options: Options) -> int:
    """Chat until the person leaves; returns the exit code, 1 if lines of a pipe were refused."""
    rich = is_interactive() and not options.screen_reader
    screen = Screen(
        live=rich,
        colour=wants_colour(options.color)
        and (is_terminal(sys.stdout) or options.color == "always"),
        roles=options.screen_reader,
        errors_apart=not is_terminal(sys.stdout),
    )
    prompt: Prompt
    title = Title(command, is_ours=rich and options.title and has_title())
    window = Window(command, title.show, lambda: prompt.in_front, options.notify)
    repl = Repl(chat, screen, window if is_interactive() else UNSEEN)
    person = is_terminal(sys.stdin)
    keeps_history = person and options.history and options.save
    history = History(history_file() if keeps_history else None)
    if person:
        screen.note(f"{chat.model.short}, {chat.model.weights}; /? lists commands, /exit leaves")
    with (
        given_back(sys.stdout if rich else None, title=title.is_ours) as watcher,
        title.taken(),
        history.keeping_draft(lambda: repl.unsent),
    ):

        def suspend() -> None:
            title.give_back()
            with watcher.away():
                stop_until_woken()
            title.take()

        def compose(text: str) -> str:
            try:
                return edit_text(text)
            except ChatError as e:
                screen.complain(phrases.sentence(e))
                return text

        if rich:
            prompt = RichPrompt(
                LineCompleter(chat),
                repl.toolbar,
                {"f1": lambda: screen.say(help_text()), "f2": lambda: screen.say(overview(chat))},
                suspend,
                compose,
                touched=partial(hold, chat),
                paused=partial(prefill_ahead, chat),
                history=history,
                vi=options.vi,
                colour=screen.colour,
            )
        else:
            prompt = _line_prompt(chat, history, "You: " if options.screen_reader else "> ")
        first = Command("resume") if options.resume == "" else None
        repl.run(prompt, first, history.take_draft())
    if person and (last_line := how_to_go_on(chat)):
        say(last_line)
    # A script wants to know; a person has read it.
    return int(screen.complained and not person)


def _line_prompt(chat: Chat, history: History, label: str) -> LinePrompt:
    person = is_terminal(sys.stdin)
    is_seen = is_terminal(sys.stdout) or is_terminal(sys.stderr)  # a file is for replies alone
    return LinePrompt(
        label if person and is_seen else "",
        editing=person and not is_dumb(),
        complete=whole_lines(chat),
        history=history,
    )
