"""What a command answers when somebody else must be told of it (GDPR 19)."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.commands.output import Output
from gateway.flow.recipients import Recipient
from gateway.text import say


def answer(out: Output, found: Mapping[str, Any], recipients: Sequence[Recipient]) -> None:
    """Print what was done, and the recipients of the person's data, who must be told; key `tell` in JSON."""
    rows = [
        {"partner": one.partner, "siren": one.siren, "partner_contact": one.contact, "list": one.list,
         "reference": one.reference, "at": one.at}
        for one in recipients
    ]  # fmt: skip
    if out.json:
        out.data({**found, "tell": rows})
        return
    out.record(found)
    if rows:
        out.text("\n" + say("rights.tell", out.lang))
        out.table(["partner", "partner_contact", "list", "reference"], rows)
