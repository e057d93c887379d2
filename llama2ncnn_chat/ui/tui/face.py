"""Opens the full-screen face: an app around an opener, the terminal as it was afterwards.

The one module of the face that others call; knows no flags.
"""

from __future__ import annotations

import os

from .app import ChatApp
from .model_picker import Models
from .opening_screen import Opener
from .stderr import stderr_apart


def run(
    opener: Opener,
    models: Models,
    *,
    keeps_history: bool = True,
    colour: bool = True,
    chooses: bool = False,
    picks: bool = False,
    vi: bool = False,
) -> int:
    """Chat until the person leaves; returns the exit code. Raises what ``opener`` raised.

    With ``picks`` it begins with the list of ``models``, with ``chooses`` with that of sessions.
    """
    if not colour:
        os.environ["NO_COLOR"] = "1"  # where Textual looks, and nowhere else
    app = ChatApp(opener, models, keeps_history=keeps_history, chooses=chooses, picks=picks, vi=vi)
    try:
        with stderr_apart():
            app.run()
    finally:
        if app.chat:
            app.chat.close()
    if app.failure:
        raise app.failure
    return app.return_code or 0
