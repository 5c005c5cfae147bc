"""Limits that cost no query: counted in the memory of one process, for the hot paths."""

from collections import Counter


class Throttle:
    """At most `limit` uses by one key in a window of `seconds`. A worker counts for itself, so the true limit of
    a service with n workers lies between `limit` and n times it: enough against a broken page or a script.
    """

    def __init__(self, limit: int, seconds: int):
        self.limit = limit
        self.seconds = seconds
        self.window = 0
        self.counts: Counter[str] = Counter()

    def allows(self, key: str, timestamp: float) -> bool:
        """Count one use at `timestamp` (seconds since 1970); False once the window's limit is passed."""
        window = int(timestamp) // self.seconds
        if window != self.window:
            self.window, self.counts = window, Counter()
        self.counts[key] += 1
        return self.counts[key] <= self.limit
