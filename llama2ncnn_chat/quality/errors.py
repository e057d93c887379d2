"""Errors of the chat's rooms as the converter's command knows them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from convert.errors import ConvertError

from ..errors import ChatError


@contextmanager
def as_convert_errors() -> Iterator[None]:
    """Raise a ``ChatError`` inside as a ``ConvertError``, its advice only where it is in words."""
    try:
        yield
    except ChatError as e:
        raise ConvertError(e.message, e.hint if isinstance(e.hint, str) else "") from e
