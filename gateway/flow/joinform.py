"""The public sign-up form of a list: which information texts stand on it, each with its box, in which language.

The texts are the newest versions of the advertiser's notices (`flow.notices`): consent to the list's own offers, one
for each of its channels; then the partner groups and the measuring of openings whose notices were made for this very
list. What is not asked by a box to accept stands on no sign-up form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.errors import Misuse
from gateway.flow.scene import Scene
from gateway.law.channels import CHANNELS
from gateway.law.facts import ListState, Origin, Regime
from gateway.law.notices import Collection, Control
from gateway.store import advertisers, lists, notices, signups
from gateway.store.records import Notice
from gateway.store.tables import Advertiser, List
from gateway.store.tx import Tx
from gateway.text import FIRST

NUMBERED = frozenset({"sms", "mms", "fax", "autocall", "phone"})  # channels for which a number has to be given
_BOX = "☐ "


@dataclass(frozen=True, slots=True)
class Box:
    """One notice as it stands on the form.

    `name` is that of the notice; `text` its version as evidence names it. `before` and `after` are the lines around the
    box, whose last one ends in `link`. `parent` is the label of the box by which a parent joins in, or "".
    """

    name: str
    text: str
    lang: str
    collection: str
    channel: str
    title: str
    before: tuple[str, ...]
    label: str
    parent: str
    after: tuple[str, ...]
    link: str
    controllers: tuple[str, ...]

    @property
    def numbered(self) -> bool:
        """Return whether a number must come with it."""
        return self.channel in NUMBERED and self.collection == Collection.OPT_IN


@dataclass(frozen=True, slots=True)
class JoinForm:
    """The form in one language. `child`: the list is collected from children, so that a parent may join in."""

    advertiser: Advertiser
    list: List
    lang: str
    languages: tuple[str, ...]
    boxes: tuple[Box, ...]
    asks_age: bool
    child: bool
    returns: tuple[str, ...]

    @property
    def before(self) -> tuple[str, ...]:
        """Return the lines that stand before every box, which a page may show once."""
        return _shared([box.before for box in self.boxes])

    @property
    def after(self) -> tuple[str, ...]:
        """Return the lines that stand after every box."""
        return _shared([box.after for box in self.boxes])

    @property
    def joint(self) -> str:
        """Return the label of the box by which a parent joins in, or ""."""
        return next((box.parent for box in self.boxes if box.parent), "") if self.child else ""

    @property
    def scene(self) -> Scene:
        """Return what every page shows of the advertiser."""
        return Scene(self.advertiser, self.list, None)


def _shared(texts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(line for line in texts[0] if all(line in text for text in texts)) if len(texts) > 1 else ()


def of(tx: Tx, list_name: str, lang: str) -> JoinForm | None:
    """Return the form of a list in `lang`, or in the best other language; None when the list has no public form."""
    row = lists.by_name(tx, list_name)
    opened = signups.form(tx, row.id) if row else None
    owner = advertisers.get(tx, row.advertiser_id) if row else None
    if row is None or opened is None or owner is None or row.state != ListState.ACTIVE:
        return None
    written = _newest(tx, row)
    main = next((one for one in written if one[0].regime == Collection.OPT_IN and one[0].channel == "email"), None)
    if main is None:
        return None
    languages = tuple(version.language for version in main)
    chosen = next((code for code in (lang, row.language, FIRST) if code in languages), languages[0])
    return JoinForm(
        advertiser=owner,
        list=row,
        lang=chosen,
        languages=languages,
        boxes=tuple(_box(_in(versions, chosen, row.language), owner) for versions in written),
        asks_age=opened.ask_age or row.child_directed,
        child=row.child_directed,
        returns=tuple(opened.returns),
    )


def lacking(tx: Tx, row: List) -> None:
    """Raise Misuse, naming the cure, when a list cannot have a public form."""
    if row.regime != Regime.OPT_IN or row.origin != Origin.OWN:
        raise Misuse(f"{row.name}: people sign up to a list of your own with the regime opt-in only")
    if not any(one[0].regime == Collection.OPT_IN and one[0].channel == "email" for one in _newest(tx, row)):
        raise Misuse(
            f"{row.name}: there is no information text for the form; write one:"
            f" consentgate notice new {row.name}-form --list {row.name}"
        )


def _newest(tx: Tx, row: List) -> list[list[Notice]]:
    """Return the newest version of each notice of the form, in its languages, in the order of the form."""
    versions: dict[str, list[Notice]] = {}
    for one in notices.all(tx, row.advertiser_id):
        if one.fields.get("list", row.name) == row.name and one.fields.get("control") == Control.ACCEPT:
            same = versions.setdefault(one.name, [])
            if same and same[0].version != one.version:
                same.clear()
            same.append(one)
    return list(_ordered(row, list(versions.values())))


def _ordered(row: List, written: Sequence[list[Notice]]) -> Iterator[list[Notice]]:
    channels = [name for name in CHANNELS if name in row.channels]
    for channel in channels:
        own = [one for one in written if (one[0].regime, one[0].channel) == (Collection.OPT_IN, channel)]
        if own:  # one made for the list goes before one made for any list, and a newer one before an older one
            yield max(own, key=lambda one: (one[0].fields.get("list") == row.name, one[0].created_at))
    for collection in (Collection.PARTNERS, Collection.TRACKING):
        mine = [one for one in written if one[0].regime == collection and one[0].fields.get("list") == row.name]
        yield from sorted(mine, key=lambda one: one[0].name)


def _in(versions: Sequence[Notice], *languages: str) -> Notice:
    known = {one.language: one for one in versions}
    return next((known[code] for code in languages if code in known), versions[0])


def _box(notice: Notice, owner: Advertiser) -> Box:
    """Return the notice taken apart at its boxes, word for word."""
    lines = notice.text.split("\n")
    ticks = [at for at, line in enumerate(lines) if line.startswith(_BOX)]
    labels = [lines[at].removeprefix(_BOX) for at in ticks]
    partners = tuple(name for name in notice.fields.get("partners", "").split(", ") if name)
    return Box(
        name=notice.name,
        text=f"{notice.name}/{notice.version}",
        lang=notice.language,
        collection=notice.regime,
        channel=notice.channel,
        title=notice.fields["title"],
        before=tuple(lines[: ticks[0]]),
        label=labels[0],
        parent=labels[1] if len(labels) > 1 else "",
        after=tuple(lines[ticks[-1] + 1 :]),
        link=notice.fields["link"],
        controllers=partners if notice.regime == Collection.PARTNERS else (owner.legal_name or owner.name,),
    )
