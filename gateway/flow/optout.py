"""The recipient's side: what the holder of a link may see and do."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway import clock, meters
from gateway.flow import consent
from gateway.flow.consent import Saying
from gateway.flow.context import Context
from gateway.law.events import Kind
from gateway.mail.address import parse
from gateway.store import advertisers, lists, oppositions, people
from gateway.store.tables import Advertiser, Contact, List, Opposition
from gateway.store.tx import Tx
from gateway.tokens import Link


@dataclass(frozen=True, slots=True)
class View:
    """What a page may show: never an address, never whether one is known."""

    advertiser: str
    list_title: str
    lang: str
    color: str
    privacy_url: str
    contact: str
    stopped_list: bool
    stopped_all: bool
    can_undo: bool  # whether the person said it, so that the page may take it back


@dataclass(frozen=True, slots=True)
class _Scene:
    """The rows behind a link. `contact` is None once the person was erased: the objection outlives them."""

    advertiser: Advertiser
    list: List | None
    contact: Contact | None


class Desk:
    """Answers the holders of links. Every method blocks, and raises `errors.TryLater` when the store is away."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def page(self, link: Link) -> View | None:
        """Return what the page shows, or None when nothing is left of what the link was about."""
        with self._context.store.read() as tx:
            scene = _scene(tx, link)
            return self._view(tx, scene) if scene else None

    def stop(self, link: Link, *, everything: bool, origin: str) -> View | None:
        """Record the objection and return once nothing more leaves.

        The scope is everything of the advertiser by e-mail, or the list and no more (rules.md, A7). Twice is once. For
        an erased person there is nothing left to do.
        """

        def write(tx: Tx, scene: _Scene, contact: Contact) -> None:
            said = Saying(clock.now(), origin)
            narrow = None if everything else scene.list
            consent.refuse(self._context, tx, contact, narrow, Kind.OBJECTED, said)
            if narrow:
                consent.lift(self._context, tx, contact, None, said)

        view = self._change(link, write)
        if view:
            meters.count("opt_outs", origin)
            consent.settle(self._context, link.contact)
        return view

    def undo(self, link: Link) -> View | None:
        """Lift what the person refused for this list and for the advertiser; twice is once."""

        def write(tx: Tx, scene: _Scene, contact: Contact) -> None:
            said = Saying(clock.now(), "page")
            for scope in {id(scene.list): scene.list, id(None): None}.values():
                consent.lift(self._context, tx, contact, scope, said)

        return self._change(link, write)

    def _change(self, link: Link, write: Callable[[Tx, _Scene, Contact], None]) -> View | None:
        with self._context.store.begin() as tx:
            scene = _scene(tx, link)
            if scene is None:
                return None
            if scene.contact:
                write(tx, scene, scene.contact)
            return self._view(tx, scene)

    def _view(self, tx: Tx, scene: _Scene) -> View:
        found = self._standing(tx, scene)
        scopes = {opposition.list_id for opposition in found}
        advertiser, row = scene.advertiser, scene.list
        return View(
            advertiser=advertiser.legal_name or advertiser.name,
            list_title=(row.title or row.name) if row else "",
            lang=(scene.contact.language if scene.contact else "") or (row.language if row else "fr"),
            color=advertiser.color,
            privacy_url=advertiser.privacy_url,
            contact=advertiser.email,
            stopped_list=scene.contact is None or bool(row and row.id in scopes),
            stopped_all=scene.contact is None or None in scopes,
            can_undo=any(opposition.origin in consent.OWN for opposition in found),
        )

    def _standing(self, tx: Tx, scene: _Scene) -> list[Opposition]:
        """Return what stands against e-mail to the person, for this list or for all of the advertiser's."""
        if scene.contact is None:
            return []
        address = parse(scene.contact.address)
        digests = self._context.digests.of(scene.advertiser.id, address.spelled, address.key)
        scopes = (None, scene.list.id if scene.list else None)
        found = oppositions.of_digests(tx, scene.advertiser.id, digests)
        return [one for one in found if one.channel in (None, consent.CHANNEL) and one.list_id in scopes]


def _scene(tx: Tx, link: Link) -> _Scene | None:
    row = lists.get(tx, link.list) if link.list else None
    contact = people.get(tx, link.contact)
    owner = contact.advertiser_id if contact else row.advertiser_id if row else None
    advertiser = advertisers.get(tx, owner) if owner else None
    return _Scene(advertiser, row, contact) if advertiser else None
