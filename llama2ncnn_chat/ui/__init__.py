"""The faces: they draw what a session or a generation tells, and add no logic of their own."""
