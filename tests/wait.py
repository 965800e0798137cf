"""Wait for a state, not for a time."""

import time


def until(found, seconds: float = 300):
    """Call `found` until it returns a true value, and return that. AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, f"{found} still returns {value!r} after {seconds} s"
        time.sleep(0.01)
    return value
