"""How a key binding is made here: always with an id, for keymaps, and a tooltip, for the help."""

from __future__ import annotations

from textual.binding import Binding

SHOWN_AS = {"escape": "esc", "left": "←→", "up": "↑↓"}


def key(
    scope: str,
    keys: str,
    action: str,
    description: str,
    tooltip: str,
    *,
    show: bool = False,
    first: bool = False,
) -> Binding:
    """``first`` takes the key before any widget inside does; ``show`` puts it into the footer."""
    name = keys.partition(",")[0]
    return Binding(
        keys,
        action,
        description,
        show=show,
        key_display=SHOWN_AS.get(name),
        priority=first,
        tooltip=tooltip,
        id=f"{scope}.{name}",
    )
