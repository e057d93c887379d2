"""The corpus of the demo model, written by grammars: conversations and stories, all of it our own.
`dialogues.py` composes; the other modules each know how to talk about one kind of thing."""
