"""Opens the full-screen face: an app around an opener, the terminal as it was afterwards.

The one module of the face that others call; knows no flags.
"""

from __future__ import annotations

import os

from .app import ChatApp
from .opening_screen import Opener
from .stderr import stderr_apart


def run(
    opener: Opener, *, keeps_history: bool = True, colour: bool = True, chooses: bool = False
) -> int:
    """Chat until the person leaves; returns the exit code. Raises what ``opener`` raised.

    With ``chooses`` it begins with the list of sessions.
    """
    if not colour:
        os.environ["NO_COLOR"] = "1"  # where Textual looks, and nowhere else
    app = ChatApp(opener, keeps_history=keeps_history, chooses=chooses)
    try:
        with stderr_apart():
            app.run()
    finally:
        if app.chat:
            app.chat.close()
    if app.failure:
        raise app.failure
    return app.return_code or 0
