"""Names to models: found, fetched, converted, listed, removed. Loads no weights, draws nothing."""
