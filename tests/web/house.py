"""A small real desk for the tests of the pages: people in memory, every question counted."""

import asyncio
import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

import uvloop
from starlette.types import ASGIApp

from gateway.errors import TryLater
from gateway.flow.bursts import Press
from gateway.flow.optout import View
from gateway.flow.scene import Imprint
from gateway.tokens import Keyring, Link, Purpose, Tokens
from gateway.web.server import Server, serve

KNOWN = Link(contact=1, list=7, parcel=11)
NO_LIST = Link(contact=2, list=0, parcel=0)
GONE = Link(contact=404, list=7, parcel=0)
ADVERTISER, LIST_TITLE = "Maison Lefèvre & Fils", "La lettre des jardiniers"


def shown(
    *,
    advertiser: str = ADVERTISER,
    list_title: str = LIST_TITLE,
    lang: str = "fr",
    color: str = "#b3541e",
    privacy_url: str = "https://lefevre.example/confidentialite",
    contact: str = "bonjour@lefevre.example",
    **stands: Any,
) -> View:
    """Return what a page shows of an advertiser; `stands` are the refusals."""
    return View(Imprint(advertiser, lang, color, privacy_url, contact), list_title, **stands)


@dataclass
class Desk:
    """Keeps the views by contact, and takes presses; `trouble`: raised by every question; `idle`: does nothing."""

    views: dict[int, View] = field(default_factory=dict)
    trouble: Exception | None = None
    idle: bool = False
    calls: list[tuple[object, ...]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.views = {KNOWN.contact: shown(), NO_LIST.contact: shown(list_title="")}
        self.trouble = None
        self.idle = False
        self.calls = []

    def page(self, link: Link) -> View | None:
        with self.lock:
            self._ask("page", link)
            return self.views.get(link.contact)

    async def take(self, press: Press) -> bool | None:
        view = self._change(("stop", press.link, press.origin), {"stopped_all": True, "can_undo": True})
        return view.stopped_all if view else None

    def choose(self, link: Link, scope: str, channels: Collection[str]) -> View | None:
        change = {"stopped_list": scope == "list", "stopped_all": scope != "list", "stopped_everywhere": scope == "all"}
        return self._change(("choose", link, scope, tuple(channels)), change)

    def explain(self, link: Link, why: str) -> View | None:
        return self._change(("explain", link, why), {"why": why})

    def untrack(self, link: Link) -> View | None:
        return self._change(("untrack", link), {"tracked": False})

    def undo(self, link: Link) -> View | None:
        return self._change(("undo", link), {"stopped_all": False, "stopped_list": False, "can_undo": False})

    @property
    def changes(self) -> list[tuple[object, ...]]:
        return [call for call in self.calls if call[0] != "page"]

    def away(self) -> None:
        self.trouble = TryLater("the database is away")

    def _change(self, call: tuple[object, ...], change: dict[str, Any]) -> View | None:
        with self.lock:
            self._ask(*call)
            link = call[1]
            if link.contact in self.views and not self.idle:
                self.views[link.contact] = replace(self.views[link.contact], **change)
            return self.views.get(link.contact)

    def _ask(self, *call: object) -> None:
        self.calls.append(call)
        if self.trouble:
            raise self.trouble


TOKENS = Tokens(Keyring({1: bytes(range(32))}))


def token(link: Link = KNOWN) -> str:
    return TOKENS.seal(Purpose.LINK, link)


class Running:
    """An application served by our own server on a free port, in a thread with uvloop."""

    def __init__(self, app: ASGIApp) -> None:
        self.server: Server = serve(app)
        self.url = f"http://{self.server.host}:{self.server.port}"
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self.server.start())

    def close(self, *then) -> None:
        """Stop, then finish `then` on the loop of the server: a browser's test has one of its own in this thread."""
        for work in (self.server.stop(), *then):
            self._run(work)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(20)
