"""Calls a person who looks elsewhere: by a notice where the terminal is known to show any on the
desktop, else by its bell.

Makes what the terminal is told, a string that a face writes; knows neither a face nor a chat.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from convert.streams import printable

from ..chat import phrases

BELL = "\a"
LONGEST = 80

_TITLE = "llama2ncnn-chat"
_OSC_9 = ("iTerm.app", "WezTerm", "ghostty", "WarpTerminal")
"""Terminals, by ``TERM_PROGRAM``, that show ``OSC 9 ; text``."""


def alert(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return what calls a person, with a line of text where one can be shown."""
    said = phrases.brief(printable(text), LONGEST)
    terminal, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if environ.get("TMUX") or terminal.startswith(("screen", "tmux")):  # which pass on the bell
        return BELL
    if terminal.startswith("foot"):
        return f"\x1b]777;notify;{_TITLE};{said}\a"
    if program in _OSC_9 or terminal.startswith(("xterm-kitty", "xterm-ghostty", "wezterm")):
        return f"\x1b]9;{_TITLE}: {said}\a"
    return BELL
