"""The base of every error that a user can cause and mend. Its message says what, where, and what to do."""


class GoTError(ValueError):
    """Something the user gave cannot be used. Shown to them as it is."""
