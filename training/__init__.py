"""The recipe of the bundled demo model: corpus, tokenizer, training, export, evaluation.
Everything is seeded and resumable; `python -m training` runs the whole sequence from nothing."""
