"""What an ollama Modelfile says: its form, ollama's names, and what has no place here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llama2ncnn_chat.chat.modelfile import read_modelfile
from llama2ncnn_chat.errors import UsageError


def read(folder: Path, text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    file = folder / "Modelfile"
    file.write_text(text)
    return read_modelfile(file)


def test_a_file_of_the_usual_kind(tmp_path: Path) -> None:
    text = '''
# sets the temperature
FROM llama3.2:1b
PARAMETER temperature 1
  parameter num_ctx 4096
PARAMETER stop "<|eot|>"
PARAMETER stop AI assistant:
PARAMETER mirostat_tau 5.0
PARAMETER num_gpu 50
TEMPLATE """{{ .System }}
PARAMETER top_k 1
"""
SYSTEM """
You are "Mario".

Be brief.
"""
LICENSE MIT
MESSAGE user Is Toronto in Canada?
MESSAGE assistant "yes
it is"
ADAPTER ./lora.gguf
'''
    values, left_out = read(tmp_path, text)
    assert values == {
        "temperature": "1",
        "ctx_size": "4096",
        "stop": ["<|eot|>", "AI assistant:"],
        "system": 'You are "Mario".\n\nBe brief.',
    }
    assert left_out == (
        "FROM llama3.2:1b, which is no file here",
        "PARAMETER mirostat_tau",
        "PARAMETER num_gpu",
        "TEMPLATE",
        "LICENSE",
        "MESSAGE",
        "ADAPTER",
    )


@pytest.mark.parametrize(
    ("line", "values"),
    [
        *(("top_k 7", {"top_k": "7"}), ("top_p 0.5", {"top_p": "0.5"})),
        *(("min_p 0.1", {"min_p": "0.1"}), ("seed 42", {"seed": "42"})),
        ("repeat_penalty 1.1", {"repeat_penalty": "1.1"}),
        ("presence_penalty 1", {"presence_penalty": "1"}),
        ("frequency_penalty 1", {"frequency_penalty": "1"}),
        ("repeat_last_n 32", {"penalty_window": "32"}),
        ("repeat_last_n -1", {"penalty_window": 1 << 24}),
        ("num_predict 42", {"max_tokens": "42"}),
        *(("num_predict -1", {"max_tokens": "off"}), ("num_predict -2", {"max_tokens": "off"})),
        *(("num_thread 8", {"threads": "8"}), ("num_thread 0", {})),
        ("seed -1", {"seed": "random"}),
        ("temperature 1\nPARAMETER temperature 0.5", {"temperature": "0.5"}),
    ],
)
def test_each_parameter_has_its_name_here(
    line: str, values: dict[str, Any], tmp_path: Path
) -> None:
    assert read(tmp_path, f"PARAMETER {line}") == (values, ())


def test_a_model_that_is_a_file_beside_it_is_the_model(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").touch()
    assert read(tmp_path, "FROM ./m.gguf") == ({"model": str(tmp_path / "m.gguf")}, ())
    assert read(tmp_path, f"from {tmp_path}/m.gguf")[0]["model"] == str(tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('SYSTEM "one line"', "one line"),
        ('SYSTEM "two\nlines"', "two\nlines"),
        ('SYSTEM """a "b" c"""', 'a "b" c'),
        ('SYSTEM """\n\na\n\nb"""  \n', "a\n\nb"),
        ('SYSTEM it\'s "said" # so', 'it\'s "said" # so'),
        ("\ufeffsystem\ta\r\n", "a"),
        ('SYSTEM ""', ""),
    ],
)
def test_texts_are_quoted_in_ollamas_ways(text: str, value: str, tmp_path: Path) -> None:
    assert read(tmp_path, text) == ({"system": value}, ())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("FROM x\n\nHello there", "Modelfile: line 3: no instruction of a Modelfile; Hello there"),
        ('FROM x\nSYSTEM """\nabc', "Modelfile: line 2: a quotation mark is never closed"),
        ('SYSTEM "', "line 1: a quotation mark is never closed"),
    ],
)
def test_what_is_no_modelfile_is_refused_with_the_line(
    text: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as e:
        read(tmp_path, text)
    assert says in str(e.value)
