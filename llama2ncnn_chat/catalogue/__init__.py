"""Names to models: found, converted into the cache, listed. Loads no weights and draws nothing."""
