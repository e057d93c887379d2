"""The keys of the prompt that a chat needs and prompt_toolkit doesn't have.

Knows buffers and key presses; what the function keys show, its caller says.
"""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import (
    emacs_mode,
    has_completions,
    has_focus,
    is_searching,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys

from ..armed import Armed
from ..paste import Pastes
from ..stopping import has_shell
from ..terminal import without_sequences

TYPING = has_focus(DEFAULT_BUFFER) & ~is_searching


class ClearedError(Exception):
    """The message that was to be edited was cleared away: it stays as it was."""


def key_bindings(
    armed: Armed,
    pastes: Pastes,
    show: dict[str, Callable[[], None]],
    suspend: Callable[[], None],
    compose: Callable[[str], str],
    *,
    edits: Callable[[], bool],
) -> KeyBindings:
    """Return the prompt's keys. ``show`` has what a function key prints above the prompt;
    ``suspend`` gives the terminal to the shell, and ``compose`` to an editor for a text; ``edits``
    tells whether a message is edited."""
    bindings = KeyBindings()
    _add_writing(bindings, pastes, compose)
    _add_leaving(bindings, armed, edits)
    _add_suspending(bindings, suspend)
    for key, print_it in show.items():
        _print_above(bindings, key, print_it)
    return bindings


def _add_writing(bindings: KeyBindings, pastes: Pastes, compose: Callable[[str], str]) -> None:
    """Add the keys that write a message and send it."""

    @bindings.add("enter", filter=TYPING)
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @bindings.add("c-j")
    @bindings.add("escape", "enter", filter=emacs_mode)  # in vi, Esc shouldn't wait for more
    def _newline(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @bindings.add("escape", filter=has_completions, eager=True)
    def _close_menu(event: KeyPressEvent) -> None:
        event.current_buffer.cancel_completion()

    @bindings.add("c-g")
    def _compose(event: KeyPressEvent) -> None:
        buffer = event.current_buffer

        def edit() -> None:
            text = compose(before := pastes.whole(buffer.text))
            if text != before:
                buffer.document = Document(text)

        run_in_terminal(edit)

    @bindings.add(Keys.BracketedPaste)
    def _paste(event: KeyPressEvent) -> None:
        # Windows' own input leaves sequences in.
        text = without_sequences(event.data).replace("\r\n", "\n").replace("\r", "\n")
        event.current_buffer.insert_text(pastes.fold(text))


def _add_leaving(bindings: KeyBindings, armed: Armed, edits: Callable[[], bool]) -> None:
    """Add the keys that clear the prompt, leave an edit, or leave the program."""

    @bindings.add("c-c", filter=TYPING)
    @bindings.add("<sigint>", filter=TYPING)
    def _interrupt(event: KeyPressEvent) -> None:
        if edits():
            event.current_buffer.append_to_history()
            event.app.exit(exception=ClearedError)
        elif event.current_buffer.text:
            _clear(event.current_buffer)
            armed.disarm()
        elif armed:
            event.app.exit(exception=EOFError)
        else:
            armed.arm()

    @bindings.add("c-d", filter=TYPING)
    def _leave_or_delete(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.delete(1)
        else:
            event.app.exit(exception=EOFError)

    @bindings.add("c-q")
    def _leave(event: KeyPressEvent) -> None:
        event.app.exit(exception=EOFError)


def _add_suspending(bindings: KeyBindings, suspend: Callable[[], None]) -> None:
    @bindings.add("c-z")
    def _suspend(_event: KeyPressEvent) -> None:
        if has_shell():  # nobody else could wake us
            run_in_terminal(suspend)


def _clear(buffer: Buffer) -> None:
    """Empty a buffer; history and undo have what stood there."""
    text = buffer.text
    buffer.reset(append_to_history=True)  # the history is read anew after it
    buffer.text = text
    buffer.save_to_undo_stack()
    buffer.text = ""


def answer_bindings() -> KeyBindings:
    """Return the keys of a yes-or-no question, to which Ctrl+C and Esc say no."""
    bindings = KeyBindings()

    @bindings.add("c-c")
    @bindings.add("escape")
    def _no(event: KeyPressEvent) -> None:
        event.app.exit(result="")

    return bindings


def _print_above(bindings: KeyBindings, key: str, print_it: Callable[[], None]) -> None:
    @bindings.add(key)
    def _show(_event: KeyPressEvent) -> None:
        run_in_terminal(print_it)
