"""The core of a conversation: its turns and tokens, and what the model sees of them."""
