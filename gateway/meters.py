"""What operations watch: counts and durations of all workers together, in the form of Prometheus.

Counting starts with `begin`; before it, and in commands, nothing is counted. Labels are codes of ours and never a
person, a list or an address: whoever may read the machine's figures may read these.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Seconds. A commit is a disk sync; a delivery may wait for days (RFC 5321 4.5.4.1).
COMMIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
DELIVERY_SECONDS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60, 300, 900, 3600, 14_400, 86_400, 432_000)

_meters: dict[str, Any] = {}


def begin(folder: Path | None = None) -> None:
    """Start to count. Workers that share `folder` are read as one, whichever of them is asked.

    The library chooses between its two ways of counting when it is loaded, so it is loaded here.
    """
    if folder is not None:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    library = import_module("prometheus_client")
    registry = library.CollectorRegistry()
    for name, (kind, words, *more) in _KINDS.items():
        made = getattr(library, kind)
        options = {"buckets": more[1]} if kind == "Histogram" else {}
        _meters[name] = made(f"consentgate_{name}", words, more[0], registry=registry, **options)
    _meters["registry"] = registry


_KINDS: Mapping[str, tuple[Any, ...]] = {
    "accepted": ("Counter", "Copies let in with a 250, by the reason of the verdict.", ["code"]),
    "refused": ("Counter", "Copies that the law or the message checks refused.", ["code"]),
    "settled": ("Counter", "Copies let in that are done with: delivered, failed, dropped.", ["outcome"]),
    "opt_outs": ("Counter", "Opt-outs taken, by the way they came.", ["origin"]),
    "delivery_seconds": ("Histogram", "Time from the 250 to the handover of a copy.", [], DELIVERY_SECONDS),
    "commit_seconds": ("Histogram", "Time of one durable transaction for mail.", [], COMMIT_SECONDS),
}


def names() -> set[str]:
    """Return the names of everything that is counted, as the page has them."""
    ends = {"Counter": ("_total",), "Histogram": ("_bucket", "_count", "_sum")}
    return {f"consentgate_{name}{end}" for name, (kind, *_) in _KINDS.items() for end in ends[kind]}


def count(name: str, label: str, number: int = 1) -> None:
    """Add to a counter: `accepted` and `refused` by code, `settled` by outcome, `opt_outs` by origin."""
    if _meters:
        _meters[name].labels(label).inc(number)


def took(name: str, seconds: Iterable[float]) -> None:
    """Add durations to `delivery_seconds` or `commit_seconds`."""
    if _meters:
        for one in seconds:
            _meters[name].observe(one)


def page(states: Mapping[str, int], oldest: float) -> bytes:
    """Return everything counted, with the spool as it is now: parcels by state, seconds for which the oldest is due."""
    library = import_module("prometheus_client")
    registry = library.CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        import_module("prometheus_client.multiprocess").MultiProcessCollector(registry)
    elif _meters:
        registry.register(_meters["registry"])
    registry.register(_Spool(states, oldest))
    return bytes(library.generate_latest(registry))


class _Spool:
    """The spool at the moment of asking, which no process counts."""

    def __init__(self, states: Mapping[str, int], oldest: float) -> None:
        self._states = states
        self._oldest = oldest

    def collect(self) -> Iterator[Any]:
        family = import_module("prometheus_client.core").GaugeMetricFamily
        parcels = family("consentgate_parcels", "Copies in the spool, by state.", labels=["state"])
        for state, number in self._states.items():
            parcels.add_metric([state], number)
        yield parcels
        yield family("consentgate_queue_oldest_seconds", "For how long the oldest due copy has been due.", self._oldest)
