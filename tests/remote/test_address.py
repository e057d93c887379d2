from __future__ import annotations

import pytest

from llama2ncnn_chat.errors import Advice, UsageError
from llama2ncnn_chat.remote.address import address_of


@pytest.mark.parametrize(
    ("typed", "url", "place"),
    [
        ("localhost:8080", "http://localhost:8080", "localhost:8080"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000", "127.0.0.1:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000", "[::1]:8000"),
        ("https://gpu.example/vllm/v1/", "https://gpu.example:443/vllm", "gpu.example:443"),
        ("HTTPS://GPU.example", "https://gpu.example:443", "gpu.example:443"),
    ],
)
def test_what_people_type(typed: str, url: str, place: str) -> None:
    address = address_of(typed)
    assert (address.url, address.place) == (url, place)


def test_http_to_another_machine_has_to_be_allowed() -> None:
    for typed in ("192.168.1.7:8080", "http://gpu.example", "localhost.example:80"):
        with pytest.raises(UsageError) as refused:
            address_of(typed)
        assert refused.value.hint is Advice.ALLOW_HTTP
    assert address_of("192.168.1.7:8080", insecure=True).place == "192.168.1.7:8080"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://a",
        "http://",
        "http://a:99999",
        "http://a b",
        "https://a/?x=1",
        "https://[a",
        "/x",
    ],
)
def test_what_is_no_url(typed: str) -> None:
    with pytest.raises(UsageError):
        address_of(typed)


def test_a_password_in_a_url_is_neither_taken_nor_told() -> None:
    with pytest.raises(UsageError) as refused:
        address_of("https://me:s3cret@gpu.example")
    assert "s3cret" not in str(refused.value)


def test_a_key_is_not_shown() -> None:
    assert "s3cret" not in repr(address_of("localhost:1", "s3cret"))
    for key in ("two words", "end\n", "schlüssel"):
        with pytest.raises(UsageError) as refused:
            address_of("localhost:1", key)
        assert key not in str(refused.value)
