"""How often somebody may do something: counted in bounded memory, forgotten after a minute."""

import threading
from collections import OrderedDict

from gateway import clock

WINDOW = 60.0  # seconds
MOST = 10_000  # keys remembered; the one that was counted longest ago goes first


class Throttle:
    """Counts by key (a network, a key of the API); `limit` is how many a window may have."""

    def __init__(self, limit: int, most: int = MOST) -> None:
        self._limit = limit
        self._most = most
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()  # key → end of its window, count
        self._lock = threading.Lock()

    def more(self, key: str) -> int:
        """Count one more of `key`; return 0, or in how many seconds there may be one more."""
        now = clock.ticks()
        with self._lock:
            end, count = self._counts.pop(key, (0.0, 0))
            if now >= end:
                end, count = now + WINDOW, 0
            self._counts[key] = (end, count + 1)
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)
        return max(1, round(end - now)) if count >= self._limit else 0

    def __len__(self) -> int:
        return len(self._counts)
