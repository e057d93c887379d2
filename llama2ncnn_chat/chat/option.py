"""One setting as a row: what it is called, how its value is read and written, what it is for.

Knows no setting by name; which ones there are, ``options`` and ``launch`` tell.
"""

from __future__ import annotations

import difflib
import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import UsageError

Parse = Callable[[Any], Any]
"""Makes the value of a text, or of what TOML has; raises ``UsageError`` for what can't be."""

Scope = Literal["run", "start", "chat"]
"""Who may set it: a flag of one run; the environment and the file as well; a chat as well."""

OFF = ("off", "none", "")


@dataclass(frozen=True)
class Option:
    """One setting: the one place that tells what it is called, how it is read, and what it is for.

    Its key in the settings file is ``name``, its variable ``LLAMA2NCNN_NAME``, its flag ``--name``
    (or, for a switch that is on by default, ``--no-name``).
    """

    name: str
    parse: Parse
    default: Any  # where nobody sets it
    help: str  # one line
    scope: Scope
    group: str = ""  # the heading that --help lists it under
    heading: str = ""  # the heading that F2 shows it under
    also: tuple[str, ...] = ()  # other names that are understood for it, but for flags
    variables: tuple[str, ...] = ()  # of the environment, for a switch that many programs have
    # The command line. With neither metavar nor choices it is a switch.
    flags: tuple[str, ...] = ()  # in place of --name
    hidden_flags: tuple[str, ...] = ()  # other programs' flags, which --help doesn't show
    metavar: str = ""
    choices: tuple[str, ...] = ()
    contrary: tuple[str, str] | None = None  # a flag that sets a switch to false, and its help
    bare: str | None = None  # the value of a flag that stands alone
    positional: bool = False  # an argument without a flag
    many: bool = False  # a tuple of texts; each flag adds one
    names_file: bool = False  # the value is what stands in a file
    # What is typed and shown in a chat
    off: str = ""  # the word for a default that is no value
    off_means: str = ""
    unset: str = ""  # what holds where nobody sets it, for a default that has no word
    attribute: str = ""  # the field of Settings, if that has another name
    show: Callable[[Any], str] = str

    @property
    def about(self) -> str:
        """Say what it is for and how it is switched off, in the words of a chat."""
        return f"{self.help}; {self.off}: {self.off_means}" if self.off_means else self.help

    @property
    def is_switch(self) -> bool:
        """Tell whether its flag takes no value."""
        return not self.metavar and not self.choices


def number(kind: type[int] | type[float], low: float, high: float = math.inf) -> Parse:
    """Return what reads a number from ``low`` to ``high``."""

    def parse(value: Any) -> Any:
        try:
            # From TOML a number must be one; True would pass for 1.
            if isinstance(value, bool) or (kind is int and isinstance(value, float)):
                raise ValueError
            n = kind(value)
        except (ValueError, TypeError, OverflowError):
            noun = "whole number" if kind is int else "number"
            raise UsageError(f"{value!r} is not a {noun}") from None
        if not low <= n <= high:
            most = "or more" if high == math.inf else f"to {high:,}"
            raise UsageError(f"{plain(n)} is out of range", f"{low:,} {most}")
        return n

    return parse


def plain(n: float) -> str:
    """Write a number as it would be typed."""
    return f"{n:g}" if isinstance(n, float) else str(n)


def text(value: Any) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise UsageError(f"{value!r} is no text")
    return value


def texts(value: Any) -> tuple[str, ...]:
    """Read a text, or a list of them."""
    return tuple(map(text, value)) if isinstance(value, list) else (text(value),)


def switch(value: Any) -> bool:
    """Read true or false, in the words that there are for them."""
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}
    found = value if isinstance(value, bool) else words.get(str(value).lower())
    if found is None:
        raise UsageError(f"{value!r} is neither true nor false")
    return found


def one_of(choices: Iterable[Any]) -> Parse:
    """Return what reads one of a few values."""
    by_text = {str(choice): choice for choice in choices}

    def parse(value: Any) -> Any:
        if str(value) not in by_text:
            raise UsageError(f"{value!r} is none of {', '.join(by_text)}")
        return by_text[str(value)]

    return parse


def or_off(parse: Parse) -> Parse:
    """Return what reads a value as ``parse`` does, or a word for none."""

    def parse_or_none(value: Any) -> Any:
        return None if value is False or value in OFF else parse(value)

    return parse_or_none


def find_option(name: str, options: Sequence[Option], hint: str = "") -> Option:
    """Return the option that is called so. Raises ``UsageError`` that names the nearest."""
    wanted = name.strip().lower().replace("-", "_")
    for option in options:
        if wanted in (option.name, *option.also):
            return option
    near = difflib.get_close_matches(wanted, [option.name for option in options], 1)
    raise UsageError(f"no setting {wanted!r}", f"did you mean {near[0]}?" if near else hint)


def parse_typed(option: Option, typed: str) -> Any:
    """Read a value that was typed in a chat: one line, even of ``many``. Raises ``UsageError``."""
    if option.off and typed in (option.off, *OFF):
        return option.default
    try:
        return option.parse(_split(typed) if option.many else typed)
    except UsageError as e:
        hint = f"or {option.off}" if option.off and not e.hint else e.hint
        raise UsageError(f"{option.name} {e.message}", hint) from None


def read_value(option: Option, value: Any, where: str) -> Any:
    """Read a value of a flag, a variable or a file. Raises ``UsageError`` that begins ``where``."""
    if option.off and value == option.off and not option.many:
        return option.default
    try:
        return option.parse(value)
    except UsageError as e:
        raise UsageError(f"{where}{e.message}", e.hint) from None


def _split(typed: str) -> list[str]:
    try:
        return [t.replace("\\n", "\n") for t in shlex.split(typed) if t]
    except ValueError as e:
        raise UsageError(f"{typed}: {e}", "quote texts that have spaces") from None


def shown(option: Option, value: Any) -> str:
    """Write a value as it would be typed."""
    return option.off if value in (None, ()) else option.show(value)
