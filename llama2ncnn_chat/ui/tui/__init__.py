"""The full-screen face: widgets that draw a chat, and nothing of their own besides."""
