"""Waiting for what comes by itself."""

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], what: str, seconds: float = 40.0) -> None:
    """Waits until something holds; `what` says what is wrong if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
