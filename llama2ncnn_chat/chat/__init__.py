"""The application around a conversation: the open session, settings, commands. Draws nothing."""
