"""How often one network may fail: counted in bounded memory, forgotten after a minute."""

import threading
from collections import OrderedDict

from gateway import clock

WINDOW = 60.0  # seconds
MOST = 10_000  # networks remembered; the one that failed longest ago goes first


class Throttle:
    """Counts failures by key; `limit` is how many a window may have."""

    def __init__(self, limit: int, most: int = MOST) -> None:
        self._limit = limit
        self._most = most
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()  # key → end of its window, failures
        self._lock = threading.Lock()

    def failed(self, key: str) -> int:
        """Count one more failure of `key`; return 0, or in how many seconds it may fail again."""
        now = clock.ticks()
        with self._lock:
            end, count = self._failures.pop(key, (0.0, 0))
            if now >= end:
                end, count = now + WINDOW, 0
            self._failures[key] = (end, count + 1)
            if len(self._failures) > self._most:
                self._failures.popitem(last=False)
        return max(1, round(end - now)) if count >= self._limit else 0

    def __len__(self) -> int:
        return len(self._failures)
