"""Logits to ids, and ids to a stream of text."""
