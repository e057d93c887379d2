"""Small templates of each shape that models' templates have, and a vocabulary to read them with."""

from __future__ import annotations

import json

import jinja2
import jinja2.ext

from llama2ncnn_chat.text.templates.jinja import Message
from tests.fakes import ByteTokenizer

CONTROLS = (
    "<s>",
    "</s>",
    "<|turn|>",
    "<|over|>",
    "<|begin|>",
    "[INST]",
    "[/INST]",
    "<think>",
    "</think>",
)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


class Named(ByteTokenizer):
    """A vocabulary that has the control tokens of these templates, and a token for each byte."""

    def special(self, name: str) -> int | None:
        return 270 + CONTROLS.index(name) if name in CONTROLS else None


NAMED = Named()


def text_of(ids: list[int]) -> str:
    """Spell out ids; a control token stands in braces, so that it isn't taken for its text."""
    out, run = "", bytearray()
    for token in ids:
        if token >= 270:
            out += f"{run.decode()}{{{CONTROLS[token - 270]}}}"
            run.clear()
        else:
            run += NAMED.piece(token)
    return out + run.decode()


def reference(source: str, messages: list[Message]) -> str:
    """Render with jinja2 itself, in this process."""

    def refuse(reason: str) -> None:
        raise ValueError(reason)

    env = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    env.globals.update(raise_exception=refuse, strftime_now=lambda form: "29 Feb 2024")
    env.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    template = env.from_string(source)
    return template.render(messages=messages, add_generation_prompt=True, tools=None, **TOKENS)


ASK = "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
EACH = "{% for m in messages %}<|turn|>{{ m.role }}\n{{ m.content }}<|over|>\n{% endfor %}" + ASK
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role here') }}{% endif %}"
)

COMPOSED = {
    "each message alike": EACH,
    "bos first": "{{ bos_token }}" + EACH,
    "a default system prompt": "{% if messages[0].role != 'system' %}<|turn|>system\n"
    "You are kind.<|over|>\n{% endif %}" + EACH,
    "trimmed": EACH.replace("m.content", "m.content | trim"),
    "a date": "<|turn|>system\nToday is {{ strftime_now('%d %b %Y') }}.<|over|>\n" + EACH,
    "a system prompt that is refused": "{{ bos_token }}" + NO_SYSTEM + EACH,
    "a system prompt inside the first message": """\
{%- set ns = namespace(system='') -%}
{%- for m in messages -%}
    {%- if m.role == 'system' -%}
        {%- set ns.system = '<<SYS>>\\n' + m.content.strip() + '\\n<</SYS>>\\n\\n' -%}
    {%- elif m.role == 'user' -%}
        {{- bos_token + '[INST] ' + ns.system + m.content + ' [/INST]' -}}
        {%- set ns.system = '' -%}
    {%- else -%}
        {{- ' ' + m.content + ' ' + eos_token -}}
    {%- endif -%}
{%- endfor -%}""",
    "a system prompt that is ignored": """\
{{ bos_token }}{% for m in messages if m.role != 'system' %}
{% if m.role == 'user' %}
### Human: {{ m.content }}
### Helper:{% else %} {{ m.content }}
{% endif %}
{% endfor %}""",
    "roles that must alternate": """\
{{ bos_token }}{% if messages[0].role == 'system' %}{{ messages[0].content }}

{% set messages = messages[1:] %}{% endif %}
{% for m in messages %}
{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('roles must alternate') }}
{% endif %}
{% if m.role == 'user' %}{% if loop.first %}{% else %} {% endif %}[INST] {{ m.content }} [/INST]
{%- else %} {{ m.content }}{{ eos_token }}{% endif %}
{% endfor %}""",
}
"""What a message has around it is the same whatever other turns say."""

WHOLE = {
    "the system prompt in the last message": """\
{{ bos_token }}{% set ns = namespace(pre='', rest=messages) %}
{% if messages[0].role == 'system' %}
{% set ns.pre = messages[0].content + '\\n\\n' %}{% set ns.rest = messages[1:] %}
{% endif %}
{%- for m in ns.rest %}
{%- if m.role == 'user' %}[INST] {{ (ns.pre if loop.last else '') + m.content }}[/INST]
{%- else %} {{ m.content }}{{ eos_token }}{% endif %}
{%- endfor %}""",
    "reasoning of old turns goes": """\
{% for m in messages %}
{% set content = m.content %}
{% if m.role == 'assistant' and '</think>' in content %}
{% set content = content.split('</think>')[-1].lstrip('\\n') %}
{% endif %}
<|turn|>{{ m.role }}
{{ content }}<|over|>
{% endfor %}
"""
    + ASK,
    "turns are counted": EACH.replace("{{ m.role }}", "{{ m.role }} {{ loop.index }}"),
    "a reply is asked for otherwise than it is repeated": EACH.replace(
        "assistant\n{% endif %}", "assistant\n<think>\n{% endif %}"
    ),
    "messages are quoted": EACH.replace("m.content", "m.content | tojson"),
    "the last message alone": "{{ messages[-1].content }}",
    "what marks a message in a form": "{{ '{user}' }}" + EACH,
}
"""What stands around a message, or what is left of it, depends on other turns."""
