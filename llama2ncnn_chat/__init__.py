"""Chat with a Llama-2-family model in a terminal, on an ordinary CPU, from a checkpoint file."""

__version__ = "0.1.0"
