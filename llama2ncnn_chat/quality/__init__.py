"""What a weight format costs a model: distances from a reference over texts, and speeds."""
