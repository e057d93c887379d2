"""The line-by-line face: a prompt_toolkit prompt on a terminal, plain lines elsewhere."""
