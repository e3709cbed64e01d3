"""The papers behind a list and an advertiser: notices and what the art. 30 record needs, what is missing with its cure.

What blocks mail is in `listcheck`. A missing paper does not, as it may be kept elsewhere; a combination that the law
does not know does. The code of a finding is the key of its sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.errors import Misuse
from gateway.flow import notices as texts
from gateway.flow.listcheck import Finding
from gateway.law import notices as law
from gateway.law.facts import Origin, Policy, Regime
from gateway.store import advertisers, lists, notices
from gateway.store.records import Notice
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx


@dataclass(frozen=True, slots=True)
class Paper:
    """One thing that only people can tell: its article, and whether it belongs to a list as well."""

    article: str
    of_list: bool = False


# Key of `advertiser.art30` and `list.art30`; "none" says that there is none.
PAPERS = {
    "joint_controllers": Paper("GDPR 26, 30(1)(a)"),
    "representative": Paper("GDPR 27, 30(1)(a)"),
    "processor": Paper("GDPR 28, 30(2)(a)"),
    "sub_processors": Paper("GDPR 28(2), 30(1)(d)"),
    "recipients": Paper("GDPR 30(1)(d)", of_list=True),
    "transfers": Paper("GDPR 30(1)(e), 30(2)(c)", of_list=True),
    "profiling": Paper("GDPR 13(2)(f), 22", of_list=True),
    "security_measures": Paper("GDPR 30(1)(g), 32"),
    "dpia_ref": Paper("GDPR 35", of_list=True),
    "lia_ref": Paper("GDPR 6(1)(f), 5(2)", of_list=True),
    "interest": Paper("GDPR 13(1)(d)", of_list=True),
}
WANTED = (
    "joint_controllers", "representative", "processor", "sub_processors", "recipients", "transfers", "profiling",
    "security_measures", "dpia_ref",
)  # fmt: skip


def of_list(tx: Tx, row: List, policy: Policy) -> list[Finding]:
    """Return the notices and papers that a list lacks."""
    written = notices.all(tx, row.advertiser_id)
    return [*_notices(row, written, policy), *_balance(tx, row)]


def of_advertiser(tx: Tx, owner: Advertiser) -> list[Finding]:
    """Return what the art. 30 record of a company lacks."""
    missing = [key for key in WANTED if not owner.art30.get(key)]
    return [Finding(f"register.gap.{key}", PAPERS[key].article, blocks=False) for key in missing] + (
        [] if lists.all(tx, owner.id) else [Finding("register.gap.lists", "GDPR 30(1)(b)", blocks=False)]
    )


def put(row: Advertiser | List, key: str, values: Sequence[str]) -> None:
    """Write what people tell under a key; no values take it away. Raises Misuse for a key that is not there."""
    known = [name for name, paper in PAPERS.items() if paper.of_list or isinstance(row, Advertiser)]
    if key not in known:
        raise Misuse(f"{key}: there is no such key; there are {', '.join(known)}")
    words = [value.strip() for value in values if value.strip()]
    kept = {name: value for name, value in row.art30.items() if name != key}
    row.art30 = {**kept, key: words[0] if len(words) == 1 else words} if words else kept


def _notices(row: List, written: Sequence[Notice], policy: Policy) -> list[Finding]:
    found = []
    for channel in row.channels:
        collection = law.of_regime(row.regime, channel)
        form = texts.formed(collection, channel, policy)
        detail = f"{collection} × {channel}"
        if isinstance(form, law.Refusal):
            found.append(Finding("notice.check.no-such-notice", form.article, detail=detail))
        elif not texts.covers(written, collection, channel, row):
            article = "GDPR 13" if row.origin == Origin.OWN else "GDPR 14"
            found.append(Finding("notice.check.no-notice", f"{article}; {form.article}", blocks=False, detail=detail))
    return found


def _balance(tx: Tx, row: List) -> list[Finding]:
    """Return the missing balancing test of a list that rests on a legitimate interest."""
    if row.regime == Regime.OPT_IN and "post" not in row.channels:
        return []
    owner = advertisers.get(tx, row.advertiser_id)
    if row.art30.get("lia_ref") or (owner is not None and owner.art30.get("lia_ref")):
        return []
    return [Finding("register.gap.lia_ref", PAPERS["lia_ref"].article, blocks=False, detail=row.name)]
