"""The sample's list with a public sign-up form: texts for channels, partners, measuring."""

from collections.abc import Sequence

from gateway import clock
from gateway.flow import notices
from gateway.flow.context import Context
from gateway.flow.notices import Wish
from gateway.law.notices import Collection
from gateway.store import advertisers, lists, signups
from gateway.store.signups import JoinForm
from gateway.store.tables import List
from gateway.store.tx import Tx

MAIN, PARTNERS, TRACKING = "lettre-form", "lettre-partners", "lettre-tracking"
NAMED = ("Savons Bleus", "Nid Doux")
TONGUES = ("fr", "en")


def open_list(
    context: Context,
    name: str = "lettre",
    *,
    ask_age: bool = False,
    child: bool = False,
    channels: Sequence[str] = ("email",),
    returns: Sequence[str] = (),
    more: bool = True,
) -> None:
    """Give a list its form, or another one; without `more` there is one box for each channel, no others.

    A list that is not there yet is made.
    """
    with context.store.begin() as tx:
        row = lists.by_name(tx, name) or _list(context, tx, name)
        row.channels, row.child_directed = list(channels), child
        lists.save(tx, row)
        owner = advertisers.get(tx, row.advertiser_id)
        assert owner
        names = {channel: f"{name}-{'form' if channel == 'email' else channel}" for channel in channels}
        wishes = [Wish(name, Collection.OPT_IN, channel, TONGUES) for channel, name in names.items()]
        if more:
            today = clock.now().date()
            wishes.append(
                Wish(f"{name}-partners", Collection.PARTNERS, "email", TONGUES, partners=NAMED, partners_date=today),
            )
            wishes.append(Wish(f"{name}-tracking", Collection.TRACKING, "email", TONGUES))
        for wish in wishes:
            assert notices.make(context, tx, owner, row, wish).rows
        opened = signups.form(tx, row.id) or JoinForm(list_id=row.id, created_at=clock.now())
        opened.ask_age, opened.returns = ask_age, list(returns)
        signups.open_form(tx, opened)


def _list(context: Context, tx: Tx, name: str) -> List:
    [owner] = advertisers.all(tx)
    now = clock.now()
    row = List(
        id=context.store.take(1, "list")[0], advertiser_id=owner.id, name=name, title="Le club de la Maison Lavande",
        regime="opt-in", families=["savons"], state="active", created_at=now, activated_at=now,
    )  # fmt: skip
    return lists.add(tx, row)
