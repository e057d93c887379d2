"""The conversation: turns and their tokens, what is kept of them, and the commands that act."""
