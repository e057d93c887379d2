"""Work in the background goes on from where it was held, and is over before anybody else begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from llama2ncnn_chat.generation.background import Background

PATIENCE = 10.0


class Digging:
    """Steps that tell when they begin, and ask twice whether they are called off."""

    def __init__(self, background: Background, n: int = 3) -> None:
        self.background, self.n = background, n
        self.begun, self.may_ask = threading.Semaphore(0), threading.Semaphore(0)
        self.done: list[int] = []

    def ask_once_called_off(self) -> None:
        while not self.background._called_off.is_set():
            time.sleep(0.001)
        self.may_ask.release(3)

    def steps(self) -> Iterator[None]:
        for number in range(self.n):
            self.begun.release()
            assert self.may_ask.acquire(timeout=PATIENCE)
            if self.background.is_called_off():
                return
            self.done.append(number)
            yield


def ended(background: Background) -> None:
    thread = background._thread
    if thread:
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_all_steps_are_done_and_no_thread_is_left() -> None:
    background = Background()
    digging = Digging(background)
    digging.may_ask.release(3)
    background.go_on(digging.steps())
    ended(background)
    assert digging.done == [0, 1, 2]
    assert background._thread is None


def test_what_is_held_waits_and_loses_nothing() -> None:
    background = Background()
    digging, more = Digging(background), Digging(background)
    background.go_on(digging.steps())
    assert digging.begun.acquire(timeout=PATIENCE)
    held = time.monotonic()
    background.hold(0.05)
    background.go_on(more.steps())  # in the place of what is left
    digging.may_ask.release(3)
    more.may_ask.release(3)
    ended(background)
    assert time.monotonic() - held >= 0.05
    assert (digging.done, more.done) == ([0], [0, 1, 2])


@pytest.mark.parametrize("held", [False, True])
def test_nothing_is_done_while_it_is_barred(held: bool) -> None:
    background = Background()
    digging, more = Digging(background), Digging(background)
    background.go_on(digging.steps())
    assert digging.begun.acquire(timeout=PATIENCE)
    if held:
        background.hold(3600)
        digging.may_ask.release(3)
    else:
        threading.Thread(target=digging.ask_once_called_off).start()
    with background.barred():
        assert digging.done == []
        background.hold(3600)
        background.go_on(more.steps())
        with background.barred():
            pass
        background.go_on(more.steps())
        assert not more.begun.acquire(blocking=False)
    background.hold(0)
    more.may_ask.release(3)
    background.go_on(more.steps())
    ended(background)
    assert more.done == [0, 1, 2]


def test_an_error_ends_no_more_than_its_steps() -> None:
    background, raised = Background(), threading.Event()

    def failing() -> Iterator[None]:
        yield
        raise OSError("lost")

    before, threading.excepthook = threading.excepthook, lambda _: raised.set()
    try:
        background.go_on(failing())
        assert raised.wait(PATIENCE)
    finally:
        threading.excepthook = before
    digging = Digging(background)
    digging.may_ask.release(3)
    background.go_on(digging.steps())
    ended(background)
    assert digging.done == [0, 1, 2]
