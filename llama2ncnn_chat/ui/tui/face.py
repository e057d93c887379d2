"""Runs the full-screen face, and leaves the terminal as it was.

The one module of the face that others call; knows no flags.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack

from convert.streams import say

from ..boundary import closed_after
from ..leaving import how_to_go_on
from .app import ChatApp
from .model_picker import Models
from .opening_screen import Opener
from .stderr import stderr_apart


def run(
    opener: Opener,
    models: Models,
    *,
    take_over: Callable[[], ExitStack],
    keeps_history: bool = True,
    colour: bool = True,
    lists_sessions: bool = False,
    picks_model: bool = False,
    vi: bool = False,
    title: bool = True,
    notify: float | None = None,
) -> int:
    """Chat until the person leaves; returns the exit code. Raises what ``opener`` raised.

    ``take_over`` takes the terminal from what has it until then. With ``picks_model`` it begins
    with the list of ``models``, with ``lists_sessions`` with the sessions once there is a chat.
    """
    if not colour:
        os.environ["NO_COLOR"] = "1"  # where Textual looks, and nowhere else
    app = ChatApp(
        opener,
        models,
        take_over=take_over,
        keeps_history=keeps_history,
        lists_sessions=lists_sessions,
        picks_model=picks_model,
        vi=vi,
        title=title,
        notify=notify,
    )
    with closed_after(lambda: app.chat.close() if app.chat else None):
        with stderr_apart():
            app.run()
        if app.failure:
            raise app.failure
        last_line = how_to_go_on(app.chat) if app.chat else ""
    if last_line:
        say(last_line)
    return app.return_code or 0
