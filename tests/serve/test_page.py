"""The page at ``/`` in a browser: what is typed is answered, stopped and tinted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serve.browser import CHROMIUM, Browser, browser
from tests.serve.serving import KEY, gated, measured, served, until

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

REPLY = "document.querySelector('article.assistant:last-of-type')"
BUTTON = "document.getElementById('send').textContent"
DRAFT = "document.getElementById('draft').value"
ENTER, ESCAPE = ("Enter", 13), ("Escape", 27)


@pytest.fixture(scope="module")
def page() -> Iterator[Browser]:
    with browser() as at:
        yield at


def opened(page: Browser, url: str) -> None:
    page.open(url)
    page.until("document.getElementById('model').textContent === 'demo'")


def send(page: Browser, text: str) -> None:
    page.type(text)
    page.press(*ENTER)


def test_a_message_is_answered_and_known_later(page: Browser) -> None:
    with served(temp=0) as url:
        opened(page, url)
        send(page, "hello, my name is Ann")
        page.until(f"{REPLY} && {BUTTON} === 'Send'")
        assert "Ann" in page.value(f"{REPLY}.textContent")
        send(page, "and do you still know what I am called?")
        page.until(f"document.querySelectorAll('article').length === 4 && {BUTTON} === 'Send'")
        assert "Ann" in page.value(f"{REPLY}.textContent")
        assert page.value("document.getElementById('count').textContent").endswith(" tokens")


def test_heat_tints_what_the_model_was_less_sure_of(page: Browser) -> None:
    with served(temp=0) as url:
        opened(page, url)
        send(page, "tell me a story about a brave lamp")
        page.until(f"{REPLY} && {BUTTON} === 'Send'")
        pieces = f"[...{REPLY}.querySelectorAll('span')]"
        colours = f"{pieces}.map(s => getComputedStyle(s).backgroundColor)"
        assert set(page.value(colours)) == {"rgba(0, 0, 0, 0)"}
        page.value("document.getElementById('heat').click()")
        doubts = page.value(f"{pieces}.map(s => 1 - s.dataset.p)")
        alphas = f"{colours}.map(c => parseFloat(c.split(/[ ,/]+/).at(-1)))"
        assert max(doubts) > 0.3
        for doubt, alpha in zip(doubts, page.value(alphas), strict=True):
            assert alpha == pytest.approx(0.7 * doubt, abs=0.01)
        assert "%" in page.value(f"{REPLY}.querySelector('span').title")


def test_a_reply_comes_bit_by_bit_and_stop_keeps_what_came(page: Browser) -> None:
    with gated() as (url, goes_on):
        opened(page, url)
        page.value(
            f"new MutationObserver(() => {{ if ({REPLY}.textContent) {BUTTON} === 'Stop' &&"
            " (window.early = true); }).observe(document.getElementById('talk'),"
            " {childList: true, subtree: true})"
        )
        send(page, "tell me a story about a brave lamp")
        page.until(f"window.early && {BUTTON} === 'Send'")  # there was text before the end
        said = page.value(f"{REPLY}.textContent")
        goes_on.clear()
        send(page, "another one")
        until(lambda: measured(url, "llama2ncnn_running") == 1)
        assert page.value(BUTTON) == "Stop"
        page.press(*ESCAPE)
        page.until(f"{BUTTON} === 'Send'")
        assert page.value(DRAFT) == "another one"  # nothing came, so nothing is gone
        assert page.value(f"{REPLY}.textContent") == said
        goes_on.set()
        until(lambda: measured(url, "llama2ncnn_running") == 0)


def test_the_page_asks_for_the_key_that_the_server_wants(page: Browser) -> None:
    knowing = f"window.prompt = () => {KEY!r}"
    with served(api_key_env="KEY") as url:
        page.call("Page.addScriptToEvaluateOnNewDocument", source=knowing)
        opened(page, url)


def test_what_is_wrong_is_said(page: Browser) -> None:
    with served(ctx_size=64) as url:
        opened(page, url)
        send(page, "word " * 200)
        page.until("!!document.querySelector('article.wrong')")
        assert "context" in page.value("document.querySelector('article.wrong').textContent")
        assert page.value(DRAFT).startswith("word word")
