"""The slash commands, face-neutral: each yields outcomes."""
