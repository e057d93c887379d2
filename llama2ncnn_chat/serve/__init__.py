"""The local engine behind HTTP, in the words of OpenAI's API: other programs' face of it."""
