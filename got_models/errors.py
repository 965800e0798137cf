"""The base of all errors that a user can cause and fix."""


class GoTError(ValueError):
    """An input cannot be used. The user sees the message: what was found, what was expected, what to do."""
