"""llama2.c's checkpoints at the command line: as its own program has them, and what none says."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from convert.__main__ import main as convert_main
from convert.pipeline import convert
from convert.sources import open_source
from convert.stated import NOTHING_STATED, Stated
from llama2ncnn_chat.catalogue.conversion import Conversion
from llama2ncnn_chat.catalogue.find import FoundModel, find_model
from llama2ncnn_chat.cli import main
from llama2ncnn_chat.text.tokenizers.open import open_tokenizer
from tests.program import CONFIG, write_tokenizer
from tests.tiny_model import forward, random_weights, write_v0
from tests.weights_source import read_weights


def test_stories_are_what_llama2c_prints(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convert(
        shared_data / "stories260K.bin",
        tmp_path / "s",
        weights="fp32",
        tokenizer=shared_data / "tok512.bin",
    )
    cases = json.loads((shared_data / "stories260K.golden.json").read_text())["cases"]
    for case in cases:
        n = len(case["ids"]) - len(case["prompt_ids"])
        args = ["complete", str(tmp_path / "s"), case["prompt"], str(n), "--temp", "0"]
        assert main(args) == 0
        assert case["prompt"] + capsys.readouterr().out.removesuffix("\n") == case["text"]


def test_rows_without_a_token_are_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tokenizer(tmp_path / "tokenizer.bin", CONFIG.vocab_size - 1)
    source = write_v0(tmp_path / "m.bin", CONFIG, random_weights(CONFIG, 3))
    n = CONFIG.vocab_size
    said = f"the model has {n} rows and its tokenizer {n - 1} tokens: the other 1 are never sampled"
    assert main(["complete", str(source), "a", "3"]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main([str(source), "-p", "a", "-n", "3"]) == 0
    assert capsys.readouterr().err.count(said) == 1


def test_a_context_beyond_the_models_is_warned_of(
    stem: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = f"a context of {9 * CONFIG.seq_len:,} tokens, where the model's files say"
    args = ["--ctx-size", str(9 * CONFIG.seq_len), "--temp", "0"]
    n = CONFIG.seq_len + 9
    assert main(["complete", str(stem), "a", str(n), *args]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main([str(stem), "-p", "a", "-n", "2", *args]) == 0
    assert capsys.readouterr().err.count(said) == 1
    assert main([str(stem), "-p", "a", "-n", "2", "--ctx-size", str(CONFIG.seq_len)]) == 0
    assert "where the model's files say" not in capsys.readouterr().err


def test_what_no_header_says_can_be_stated(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(stated: Stated = NOTHING_STATED) -> FoundModel:
        values = {k: v for k, v in asdict(stated).items() if v != asdict(NOTHING_STATED)[k]}
        flags = [word for k, v in values.items() for word in (f"--{k.replace('_', '-')}", f"{v}")]
        args = ["complete", str(checkpoint), "a", "8", "--temp", "0", "--weights", "fp32", *flags]
        assert main(args) == 0
        assert capsys.readouterr().err == ""
        by_flags = sorted(checkpoint.parent.glob("home/cache/llama2ncnn/models/*"))
        found = find_model(str(checkpoint), Conversion("fp32", stated=stated))
        assert sorted(checkpoint.parent.glob("home/cache/llama2ncnn/models/*")) == by_flags
        return found

    said = [
        found(each)
        for each in (
            NOTHING_STATED,
            Stated(rope_theta=5e5),
            Stated(norm_eps=1e-6),
            Stated(rope_order="halves"),
        )
    ]
    shapes = [each.desc.shape for each in said]
    assert [(s.rope.theta, s.norm_eps, s.rope.interleaved) for s in shapes] == [
        (1e4, 1e-5, True),
        (5e5, 1e-5, True),
        (1e4, 1e-6, True),
        (1e4, 1e-5, False),
    ]
    assert len({each.stem for each in said}) == len(said)
    stem = checkpoint.with_name("stated")
    assert convert_main(["--quiet", "--rope-theta", "1e6", str(checkpoint), str(stem)]) == 0
    assert convert_main(["--inspect", str(stem)]) == 0
    assert "RoPE theta  1e+06" in capsys.readouterr().out
    assert convert_main(["--norm-eps", "2", str(checkpoint), str(stem)]) == 3
    assert "norm_eps is 2.0" in capsys.readouterr().err


def test_a_story_ends_where_llama2c_ends_it(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, tokenizer = shared_data / "stories260K.bin", shared_data / "tok512.bin"
    convert(source, tmp_path / "s", weights="fp32", tokenizer=tokenizer)
    prompt = "Once upon a time"
    args = ["complete", str(tmp_path / "s"), prompt, "511", "--temp", "0", "--json"]
    assert main(args) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["finish_reason"] == "stop"
    with open_source(source) as checkpoint:
        config, weights = read_weights(checkpoint)
    vocabulary = open_tokenizer(tokenizer, 512)
    ids = vocabulary.encode(prompt + said["text"])
    best = forward(config, weights, ids).argmax(axis=1)[len(vocabulary.encode(prompt)) - 1 :]
    assert [*best].index(1) == len(best) - 1  # run.c ends at the next text's BOS
