"""What texts tell of a model: what a weight format costs it, how to lose less, how it is built."""
