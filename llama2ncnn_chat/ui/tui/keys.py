"""Makes key bindings, each with an id for keymaps and a tooltip for the help; orders footers.

Knows no screen and no action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.binding import ActiveBinding, Binding, BindingType
from textual.dom import DOMNode

SHOWN_AS = {"enter": "enter", "escape": "esc", "left": "←→", "up": "↑↓"}


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
    """Make a binding; ``first`` handles the key before any widget inside, ``show`` is the footer's.

    Its id is made of ``scope`` and the first of the keys.
    """
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


def in_order(
    active: Mapping[str, ActiveBinding], bindings: Iterable[BindingType]
) -> dict[str, ActiveBinding]:
    """Sort the active bindings: these first, in this order.

    Textual puts those first that a widget inside has for the same keys.
    """
    keys = [key for b in bindings if isinstance(b, Binding) for key in b.key.split(",")]
    return {**{key: active[key] for key in keys if key in active}, **active}


def bindings_of(owner: type[DOMNode]) -> list[Binding]:
    """List the keys of a widget, a screen or the app."""
    return [b for b in owner.BINDINGS if isinstance(b, Binding)]


def own_bindings(*owners: type[DOMNode]) -> list[Binding]:
    """List the keys of several that do something by themselves."""
    inside = ("interrupt", "back", "page(-1)", "page(1)", "command_palette")
    return [b for owner in owners for b in bindings_of(owner) if b.action not in inside]
