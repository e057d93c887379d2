"""The two themes of our own, a dark one and a light one, and which of them suits.

Knows colours by their names; what is coloured how, the stylesheet knows.
"""

from __future__ import annotations

import difflib
from collections.abc import Container, Mapping
from contextlib import suppress

from textual.app import App
from textual.theme import Theme

from ...atomic import replacing
from ...errors import UsageError
from ...paths import make_private, theme_file
from ...reading import read_bytes

MAX_NAME = 256  # bytes

INK = Theme(
    name="ink",
    dark=True,
    primary="#7aa2f7",
    secondary="#9d8cff",
    accent="#f2b36a",
    foreground="#d9dce6",
    background="#14161d",
    surface="#191c25",
    panel="#1f232e",
    success="#8fc98b",
    warning="#e6c07b",
    error="#ef7f8c",
    variables={
        "footer-background": "#14161d",
        "footer-key-foreground": "#7aa2f7",
        "footer-description-foreground": "#8a90a5",
        "input-selection-background": "#7aa2f7 35%",
        "border": "#7aa2f7",
        "scrollbar": "#2c3140",
        "scrollbar-hover": "#3d4458",
        "scrollbar-background": "#14161d",
        "scrollbar-background-hover": "#14161d",
        "scrollbar-background-active": "#14161d",
        "scrollbar-corner-color": "#14161d",
    },
)

PAPER = Theme(
    name="paper",
    dark=False,
    primary="#2f5fb3",
    secondary="#6a4fb8",
    accent="#b4591c",
    foreground="#2a2d36",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#eae7df",
    success="#3d7f45",
    warning="#946200",
    error="#b83a4b",
    variables={
        "footer-background": "#fbfaf7",
        "footer-key-foreground": "#2f5fb3",
        "footer-description-foreground": "#737785",
        "input-selection-background": "#2f5fb3 25%",
        "border": "#2f5fb3",
        "scrollbar": "#d8d4ca",
        "scrollbar-hover": "#c4bfb2",
        "scrollbar-background": "#fbfaf7",
        "scrollbar-background-hover": "#fbfaf7",
        "scrollbar-background-active": "#fbfaf7",
        "scrollbar-corner-color": "#fbfaf7",
    },
)


def picked_theme(known: Container[str]) -> str | None:
    """Return the name of the theme that was picked last, if it is ``known``."""
    with suppress(UsageError, UnicodeDecodeError):
        picked = read_bytes(theme_file(), MAX_NAME, "a theme's name").decode().strip()
        if picked in known:
            return picked
    return None


def remember_theme(name: str) -> None:
    """Write down a theme's name, to begin with it from now on."""
    with suppress(OSError):  # then it holds for this run alone
        make_private(theme_file().parent)
        with replacing(theme_file()) as beside:
            beside.write_text(name + "\n", encoding="utf-8")


def use_theme(app: App[None], name: str) -> str:
    """Use the theme of that name, or the "next" one; without one, have it picked.

    Returns what there is to say.
    """
    names = sorted(app.available_themes)
    if not name:
        app.search_themes()
        return ""
    if name == "next":
        name = names[(names.index(app.theme) + 1) % len(names)]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        return (
            f"no theme {name}; did you mean {near[0]}?"
            if near
            else f"no theme {name}; /theme lists all"
        )
    app.theme = name
    return f"theme {name}"


def default_theme(environ: Mapping[str, str]) -> str:
    """Return the light theme's name if the terminal says, by ``COLORFGBG``, that it is light."""
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return theme_on(1.0 if background in ("7", "15") else 0.0)


def theme_on(brightness: float) -> str:
    """Return the name of the theme for a background that is so bright, from 0 to 1."""
    return PAPER.name if brightness > 0.5 else INK.name
