"""Behind a link: the rows that it is about, and what every page shows of the advertiser."""

from dataclasses import dataclass

from gateway.store import advertisers, lists, people
from gateway.store.tables import Advertiser, Contact, List
from gateway.store.tx import Tx
from gateway.tokens import Link


@dataclass(frozen=True, slots=True)
class Imprint:
    """Who speaks on a page, in which language and colour; `contact` is an address to write to, or ""."""

    advertiser: str
    lang: str
    color: str
    privacy_url: str
    contact: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The rows behind a link. `contact` is None once the person was erased: the objection outlives them."""

    advertiser: Advertiser
    list: List | None
    contact: Contact | None

    @property
    def imprint(self) -> Imprint:
        """Return who speaks."""
        owner = self.advertiser
        spoken = (self.contact.language if self.contact else "") or (self.list.language if self.list else "")
        return Imprint(owner.legal_name or owner.name, spoken or "fr", owner.color, owner.privacy_url, owner.email)

    @property
    def list_title(self) -> str:
        """Return what people call the list, or ""."""
        return (self.list.title or self.list.name) if self.list else ""


def find(tx: Tx, link: Link) -> Scene | None:
    """Return the scene of a link, or None when nothing is left of what it was about."""
    row = lists.get(tx, link.list) if link.list else None
    contact = people.get(tx, link.contact)
    owner = contact.advertiser_id if contact else row.advertiser_id if row else None
    advertiser = advertisers.get(tx, owner) if owner else None
    return Scene(advertiser, row, contact) if advertiser else None
