"""The room between text and token ids: encoding, streaming decoding, the prompt's template.

Nothing in it knows of a model, of sampling or of a screen.
"""
