"""``python -m llama2ncnn_chat``."""

from .cli import run

run()
