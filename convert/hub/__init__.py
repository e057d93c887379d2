"""Models of the Hugging Face Hub: named, fetched into the Hub's own cache, found there."""
