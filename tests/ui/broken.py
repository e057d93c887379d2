"""The program with one function in it that fails, for the tests of its last boundary."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

SECRET = "what a person said"


def fail(*_args: object, **_named: object) -> NoReturn:
    """An error that nobody foresaw, with words of a person in it and about it."""
    words = SECRET
    raise KeyError(words) from ValueError(words)


if __name__ == "__main__":
    entry, target, *flags = sys.argv[1:]
    module, _, name = target.partition(":")
    owner, *path = import_module(module), *name.split(".")
    for step in path[:-1]:
        owner = getattr(owner, step)
    setattr(owner, path[-1], fail)
    sys.argv = [entry, *flags]
    import_module(entry).run()
