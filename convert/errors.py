"""The one error family of the converter: what is wrong, where, and what to do next.

Nothing here knows how an error is shown; ``__main__`` (and the chat's command line) do that.
"""

from __future__ import annotations


class ConvertError(Exception):
    """A checkpoint or model that can't be used, or an output that can't be written.

    ``message`` says what and where, with the numbers; ``hint`` says what to do next, or is empty;
    ``exit_code`` is what the command line exits with.
    """

    exit_code = 3

    def __init__(self, message: str, hint: str = "") -> None:
        """Say what and where in ``message``, and what to do next in ``hint``."""
        super().__init__(message if not hint else f"{message}; {hint}")
        self.message = message
        self.hint = hint


class WriteError(ConvertError):
    """An output that can't be written: the input is not to blame."""

    exit_code = 1
