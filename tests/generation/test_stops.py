"""A stop string must be found, and nothing else held for ever, wherever a stream is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llama2ncnn_chat.generation.stops import StopFilter

SMALL = st.text("ab\n", max_size=12)


@given(
    text=SMALL, stops=st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), data=st.data()
)
def test_any_cuts_give_what_the_whole_text_gives(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    hits = [text.find(stop) for stop in stops if stop in text]
    want = text[: min(hits)] if hits else text
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    stream, got = StopFilter(stops), ""
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        if not stream.met:
            got += stream.feed(text[start:end])
    assert bool(stream.met) == bool(hits)
    if not stream.met:
        got += stream.flush()
    # A longer stop string that starts earlier may be complete only after a shorter one was met.
    assert got == want or (hits and any(got == text[:hit] for hit in hits))


def test_text_that_can_not_begin_a_stop_is_not_held_back() -> None:
    stream = StopFilter(["User:"])
    assert stream.feed("Hello Us") == "Hello "
    assert stream.feed("ain") == "Usain"
    assert stream.feed(" bye User") == " bye "
    assert stream.feed(": hi") == ""
    assert stream.met
