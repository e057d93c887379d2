"""An app that skips pictures while the terminal has others to draw, and then draws the newest.

On a slow line they would queue up, and what a key does would be seen after all of them.
"""

from __future__ import annotations

import sys
from typing import Any, Protocol, runtime_checkable

from rich.console import RenderableType
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.geometry import Region
from textual.messages import Update
from textual.screen import Screen

LOOK_SECONDS = 0.02


@runtime_checkable
class Pacing(Protocol):
    """A driver that can tell whether the terminal keeps up."""

    def is_behind(self) -> bool:
        """Tell whether the terminal has something to draw yet."""

    def drawn(self) -> None:
        """Hear that a picture was written."""


class PacedApp(App[None], inherit_bindings=False):
    """Puts off what there is to draw until the driver isn't behind any more."""

    _put_off = False

    def get_driver_class(self) -> type[Driver]:
        """Return our own where it is a terminal of Unix that is drawn on."""
        kind = super().get_driver_class()
        if sys.platform == "win32" or kind.__name__ != "LinuxDriver":
            return kind
        from .driver import TerminalDriver

        return TerminalDriver

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if not isinstance(driver, Pacing) or renderable is None:
            super()._display(screen, renderable)
        elif driver.is_behind():
            # Still to be drawn; the next picture has it, too.
            screen._compositor._dirty_regions.update(_regions(renderable, screen))
            if not self._put_off:
                self._put_off = True
                self.set_timer(LOOK_SECONDS, self._catch_up)
        else:
            super()._display(screen, renderable)
            driver.drawn()

    def _catch_up(self) -> None:
        if isinstance(self._driver, Pacing) and self._driver.is_behind():
            self.set_timer(LOOK_SECONDS, self._catch_up)
        else:
            self._put_off = False
            for screen in self.screen_stack[-1:]:  # none on the way out
                screen.post_message(Update(screen))


def _regions(renderable: RenderableType, screen: Screen[Any]) -> list[Region]:
    """Return the parts of the screen that a picture draws."""
    if isinstance(renderable, ChopsUpdate):
        return [Region(x1, y, x2 - x1, 1) for y, x1, x2 in renderable.spans]
    return [renderable.region if isinstance(renderable, LayoutUpdate) else screen.size.region]
