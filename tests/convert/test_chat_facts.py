"""What a model's files say of chats, and the file beside a converted model that carries it."""

from __future__ import annotations

import json
import random
from io import BytesIO
from pathlib import Path

from convert.chat_facts import ChatFacts, chat_facts_of, read_chat_facts, write_chat_facts
from convert.chat_templates import ChatTemplates
from convert.errors import ConvertError
from convert.sources import open_source
from convert.vocabulary import companions_of
from tests.tiny_model import random_weights, tiny_config, write_v0


def written(said: ChatFacts) -> bytes:
    target = BytesIO()
    write_chat_facts(said, target)
    return target.getvalue()


SAID = ChatFacts(
    ChatTemplates({"default": "{{ 'ä' }}\n\ud800", "rag": ""}, {"bos_token": "<s>"}),
    (2, 7),
    {"temperature": 0.6, "top_k": 20},
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.chat.json"
    assert read_chat_facts(path) == ChatFacts()
    for said in (SAID, ChatFacts()):
        path.write_bytes(written(said))
        assert read_chat_facts(path) == said


def test_a_text_of_llama2c_ends_where_the_next_begins_whatever_the_tokenizer(
    tmp_path: Path,
) -> None:
    c = tiny_config()
    with open_source(write_v0(tmp_path / "m.bin", c, random_weights(c, 0))) as source:
        assert companions_of(source, tmp_path / "tokenizer.bin").facts == ChatFacts()  # it knows
        assert companions_of(source, tmp_path / "tokenizer.model").facts == ChatFacts(ends=(1,))


def test_a_broken_file_is_refused_or_says_something_else(tmp_path: Path) -> None:
    chance, path, good = random.Random(1), tmp_path / "x.chat.json", written(SAID)
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(bad))
            bad[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        path.write_bytes(bad)
        try:
            said = read_chat_facts(path)
        except ConvertError:
            continue
        assert all(
            isinstance(v, str) for v in (said.templates.templates | said.templates.tokens).values()
        )


def test_ends_and_sampling_of_a_folder(shared_data: Path) -> None:
    with open_source(shared_data / "models" / "llama3-rope-tied-headdim") as source:
        facts = chat_facts_of(source)
    said = json.loads((source.path / "generation_config.json").read_text())
    assert list(facts.ends) == said["eos_token_id"]
    assert facts.sampling["temperature"] == said["temperature"]
