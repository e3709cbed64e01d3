"""Any tool that can set headers: X-Consentgate-List, -Class, -Offer, -Sector, -Third-Party, -Trace.

Names and values are trimmed, and read without regard to case where they are words of ours. A header that comes twice
with different values is kept as "a, b": that names no list and no class, so the contradiction is refused, not guessed.
"""

from collections.abc import Sequence

from gateway.plugin import Hints

BLOCK_STYLE = "refuse"

_PREFIX = "x-consentgate-"


def recognise(headers: Sequence[tuple[str, str]]) -> Hints:
    """Return what the X-Consentgate headers say. They are removed from every copy by the gateway itself."""
    said: dict[str, list[str]] = {}
    for name, value in headers:
        if name.lower().startswith(_PREFIX) and value.strip():
            said.setdefault(name.lower().removeprefix(_PREFIX), []).append(value.strip())
    klass = _one(said.get("class"))
    return Hints(
        tool="generic" if said else "",
        list=_one(said.get("list")),
        klass=klass.lower() if klass else None,
        offer=_one(said.get("offer")),
        sector=_one(["-".join(one.lower().replace("_", " ").split()) for one in said.get("sector", [])]),
        # What is not clearly a no is a yes: unknown takes the stricter branch.
        third_party=any(value.lower() not in {"no", "false", "0"} for value in said.get("third-party", [])),
        trace=_one(said.get("trace")),
    )


def _one(values: list[str] | None) -> str | None:
    return ", ".join(dict.fromkeys(values)) if values else None
