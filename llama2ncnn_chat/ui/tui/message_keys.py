"""Which keys the footer shows while a message is chosen: those that do something about that one.

Knows rows and bindings; what a key does, the transcript knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from rich.cells import cell_len
from textual.binding import ActiveBinding

from ...chat.turn_actions import code_blocks
from ...events import Row
from ...text.reasoning import reasoning_and_answer

NOT_NOW = ("want('edit')", "want('regenerate')", "want('previous')", "want('proceed')")
"""Actions that have to wait for a reply that is being written."""
OTHERS = ("back", "help")
"""What the footer shows beside the message's own, of the screen's and the app's."""


def actions_for(row: Row, reply: Row | None) -> Iterator[str]:
    """List what can be done about a message or reply, which has or is that reply; in order."""
    yield from ("want('copy')", "want('edit')", "want('regenerate')")
    if row.of > 1 or (reply and reply.of > 1):
        yield "want('previous')"
    if reply:
        yield "want('tokens')"
        if reply.is_partial:
            yield "want('proceed')"
    reasoning, answer = "", row.text
    if row.role == "assistant":
        reasoning, answer = reasoning_and_answer(row.text, begun=row.reasoning_begun)
    if code_blocks(answer):
        yield "want('copy_code')"
    if reasoning.strip():
        yield "fold"


def footer_of(
    active: Mapping[str, ActiveBinding], actions: Iterable[str], width: int, *, busy: bool
) -> dict[str, ActiveBinding]:
    """Return the bindings to draw for these actions, as many as there are cells for."""
    by_action = {each.binding.action: (key, each) for key, each in reversed([*active.items()])}
    shown: dict[str, ActiveBinding] = {}
    room = width + 1  # there is no gap before the first
    for action in (*actions, *OTHERS):
        if action not in by_action:  # the focus is on its way elsewhere
            continue
        key, each = by_action[action]
        room -= cell_len(f" {each.binding.key_display or key} {each.binding.description}")
        if room < 0:
            break
        enabled = each.enabled and not (busy and action in NOT_NOW)
        shown[key] = each._replace(binding=replace(each.binding, show=True), enabled=enabled)
    return shown
