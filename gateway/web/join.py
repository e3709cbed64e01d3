"""`/join/{list}`: the public sign-up form; `/join/{list}/{token}`: the page behind the link of the letter.

GET never acts: scanners follow the link of the letter, so its page shows one button. The form may be posted from the
pages of the advertiser that the list leads back to, and from nowhere else; nothing rests on that but the peace of
mailboxes, because a sign-up counts only once the mailbox has confirmed it. No captcha: a field that people do not see,
a limit for each network here, and one for each mailbox behind (`flow.join`). The answer is the same whoever is known.
"""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from gateway.errors import NotFound
from gateway.flow import join
from gateway.flow.context import Context
from gateway.flow.join import Ask, Refused, Wish
from gateway.flow.joinform import NUMBERED, JoinForm
from gateway.tokens import Link, Purpose
from gateway.web import body, joinpages, pages, render
from gateway.web.counter import Counter
from gateway.web.network import Networks
from gateway.web.throttle import Throttle

TRAP = "website"  # filled in by programs only
DID = frozenset({"sent", "refused"})


class Reception:
    """Takes sign-ups and confirmations. `throttle` counts the forms that each network sends."""

    def __init__(self, counter: Counter, context: Context, networks: Networks, throttle: Throttle) -> None:
        self._counter = counter
        self._context = context
        self._networks = networks
        self._throttle = throttle
        self._days = max(1, context.settings.limits.unconfirmed.days)

    async def form(self, request: Request) -> Response:
        """Answer `/join/{list}`."""
        if request.method == "OPTIONS":
            return pages.allow()
        found = await self._form(request)
        if request.method != "POST":
            did = request.query_params.get("did", "")
            return joinpages.after(request, found, did) if did in DID else joinpages.form(request, found, self._days)
        network = self._networks.of(request)
        if wait := self._throttle.more(network):
            raise HTTPException(429, headers={"Retry-After": str(wait)})
        values = await body.fields(request.headers, await body.read(request))
        if _is_foreign(request, found):
            return joinpages.form(request, found, self._days, error="foreign", status=403)
        if values.get("do") == "refuse":
            return pages.back(request, found.list.name, "refused")
        return await self._join(request, found, values, network)

    async def _form(self, request: Request) -> JoinForm:
        lang = render.language(request, "")
        return await self._counter.ask(partial(join.form, self._context, request.path_params["list"], lang))

    async def _join(self, request: Request, found: JoinForm, values: body.Form, network: str) -> Response:
        back = values.get("return", "")
        back = back if back in found.returns else ""
        wish = _wish(found, values, back, network if self._context.settings.web.record_network else "")
        if not values.get(TRAP):
            try:
                await self._counter.run(partial(join.signup, self._context, found.list.name, wish))
            except Refused as refused:
                again = frozenset[str]() if refused.code == "stale" else wish.boxes  # another text, another tick
                kept = joinpages.kept(values, again)
                return joinpages.form(request, found, self._days, error=refused.code, kept=kept, status=400)
            except NotFound:
                raise HTTPException(404) from None
        return RedirectResponse(back, 303) if back else pages.back(request, found.list.name, "sent")

    async def letter(self, request: Request) -> Response:
        """Answer `/join/{list}/{token}`."""
        if request.method == "OPTIONS":
            return pages.allow()
        link = self._counter.link(request, Purpose.JOIN)
        token = request.path_params["token"]
        if request.method != "POST":
            return await self._show(request, link, token)
        values = await body.fields(request.headers, await body.read(request))
        wish, status = pages.wanted(request, values.get("do", "") if values.get("do") in {"confirm", "decline"} else "")
        if not wish:
            return await self._show(request, link, token, status=status)
        request.state.again = {"do": wish}
        if wish == "decline":
            await self._counter.run(partial(join.decline, self._context, link))
            return pages.back(request, token, "declined")
        await self._counter.run(partial(join.confirm, self._context, link))
        return pages.back(request, token)

    async def _show(self, request: Request, link: Link, token: str, status: int = 200) -> Response:
        scene = await self._counter.ask(partial(join.scene_of, self._context, link))
        name = request.path_params["list"]
        if scene.list is None or scene.list.name != name:
            raise HTTPException(404)
        found = await self._counter.run(partial(join.pending, self._context, link))
        if found is None:
            declined = request.query_params.get("did") == "declined"
            return joinpages.over(request, scene, name, token, declined=declined)
        return joinpages.asked(request, found, token, self._stop(found, link), status)

    def _stop(self, found: Ask, link: Link) -> str:
        """Return the address of the person's own page, once there is a person."""
        if found.contact is None:
            return ""
        return f"../../p/{self._context.tokens.seal(Purpose.LINK, Link(found.contact, link.list, 0))}"


def routes(counter: Counter, context: Context, networks: Networks, throttle: Throttle) -> list[Route]:
    """Return the routes of signing up."""
    reception = Reception(counter, context, networks, throttle)
    return [
        Route("/join/{list}", reception.form, methods=pages.METHODS),
        Route("/join/{list}/{token}", reception.letter, methods=pages.METHODS),
    ]


def _is_foreign(request: Request, found: JoinForm) -> bool:
    """Return whether a browser says that the form stood on a site that this list does not lead back to."""
    if request.headers.get("sec-fetch-site") not in pages.FOREIGN:
        return False
    sites = {"{0.scheme}://{0.netloc}".format(urlsplit(url)).lower() for url in found.returns}
    return request.headers.get("origin", "").lower() not in sites


def _wish(found: JoinForm, values: Mapping[str, str], back: str, network: str) -> Wish:
    where = urlsplit(back)
    return Wish(
        address=values.get("address", ""),
        lang=found.lang,
        boxes=frozenset(box.name for box in found.boxes if values.get(f"box-{box.name}") == "yes"),
        shown={box.name: values.get(f"shown-{box.name}", "") for box in found.boxes},
        age=values.get("age", ""),
        parent=values.get("parent", ""),
        joint=values.get("joint") == "yes",
        numbers={channel: values.get(f"number-{channel}", "") for channel in NUMBERED},
        form=f"{where.netloc}{where.path}" if back else "",
        network=network,
    )
