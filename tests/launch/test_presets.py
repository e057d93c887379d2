"""``--preset``: what it has stands as if it were typed, and what is typed goes before it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from llama2ncnn_chat.arguments import parse
from llama2ncnn_chat.errors import UsageError
from llama2ncnn_chat.launch.open_chat import open_chat
from llama2ncnn_chat.launch.options import Options, options_of
from tests.chatting import do

CONFIG = """
top_k = 1
min_p = 0.3
[preset.mine]
temp = 0.1
top-k = 2
seed = "random"
system = "Hi."
model = "m.bin"
ctx_size = 77
"""


def settled(folder: Path, *argv: str, **environ: str) -> Options:
    file = folder / "config.toml"
    file.write_text(CONFIG)
    return options_of(parse("chat", argv), environ, file)


def test_the_order(tmp_path: Path) -> None:
    environ = {"LLAMA2NCNN_TOP_K": "3", "LLAMA2NCNN_TOP_P": "0.5", "LLAMA2NCNN_SEED": "4"}
    options = settled(tmp_path, "--preset", "mine", "--temp", "0.4", **environ)
    sampling, settings = options.settings.sampling, options.settings
    assert sampling.temperature == 0.4  # typed
    assert (sampling.top_k, settings.seed, settings.system) == (2, None, "Hi.")
    assert sampling.top_p == 0.5
    assert sampling.min_p == 0.3
    assert (options.model, options.ctx_size) == ("m.bin", 77)
    names = {"temperature", "top_k", "top_p", "seed", "system", "model", "ctx_size", "preset"}
    assert options.given == names
    assert settled(tmp_path, "other.bin", "--preset", "mine").model == "other.bin"


def test_without_it_presets_change_nothing(tmp_path: Path) -> None:
    options = settled(tmp_path)
    assert (options.settings.sampling.top_k, options.settings.system) == (1, "")
    assert options.given == frozenset()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("[preset.mine]\ntemperature = 'hot'", "preset mine: temperature: 'hot' is not a number"),
        ("[preset.mine]\nctx_size = 0", "preset mine: ctx_size: 0 is out of range"),
        ("[preset.mine]\nmodel = 3", "preset mine: model: 3 is no text"),
        ("[preset.mine]\nplain = true", "preset mine: no setting 'plain'"),
        ("[preset.mne]", "no preset 'mine'; did you mean mne?"),
        ("", "no preset 'mine'; [preset.NAME] in "),
        ("preset = 'mine'", "no setting 'preset'; [preset.NAME] begins a preset"),
    ],
)
def test_a_mistake_is_one_line_that_says_where(config: str, says: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(config)
    with pytest.raises(UsageError) as e:
        options_of({"preset": "mine"}, {}, file)
    assert says in str(e.value)
    assert str(file) in str(e.value) or "mne" in config
    assert "\n" not in str(e.value)


def test_a_modelfile(tmp_path: Path) -> None:
    file = tmp_path / "Modelfile"
    file.write_text("FROM m\nPARAMETER num_ctx 99\nPARAMETER num_predict -1\nPARAMETER stop a\n")
    (tmp_path / "m").touch()
    options = options_of({"preset": str(file)}, {}, tmp_path / "none")
    assert (options.model, options.ctx_size) == (str(tmp_path / "m"), 99)
    assert (options.settings.max_tokens, options.settings.stops) == (None, ("a",))
    assert options.notes == ()
    file.write_text("PARAMETER temperature hot")
    with pytest.raises(UsageError, match="Modelfile: temperature: 'hot' is not a number"):
        options_of({"preset": str(file)}, {}, tmp_path / "none")


def step(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


def test_it_goes_before_a_session_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    chat = open_chat(options_of({"max_tokens": "1", "system": "Old.", "top_k": "9"}), step)
    do(chat, "hello")
    chat.close()
    file = tmp_path / "Modelfile"
    file.write_text("FROM llama3\nSYSTEM New.\nPARAMETER temperature 0.5")
    chat = open_chat(options_of({"latest": True, "preset": str(file)}), step)
    assert (chat.session_id, chat.settings.system) == (1, "New.")
    assert (chat.settings.sampling.temperature, chat.settings.sampling.top_k) == (0.5, 9)
    assert f"{file}: not taken over: FROM llama3, which is no file here" in chat.notes
    chat.close()
