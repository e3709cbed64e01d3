"""The program running: its rooms opened in order, in one process or several, and closed again without losing anything.

Several workers share the listening addresses (SO_REUSEPORT) and the database; each has its own door, pages and
couriers. The parent only watches: it starts a worker that died again, and hands signals on.
"""

import asyncio
import signal
import socket
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import uvloop

from gateway import journal, meters, probes, seat, workforce
from gateway.courier.courier import Courier
from gateway.courier.hop import courier_of
from gateway.courier.webhook import Caller, Hosts
from gateway.errors import Misuse
from gateway.flow.accept import Accept
from gateway.flow.commit import Committer
from gateway.flow.context import Context, open_context
from gateway.flow.crew import settle
from gateway.flow.deliver import Deliverer
from gateway.flow.facts import Reader
from gateway.flow.handover import Handover
from gateway.flow.inbound import Inbox
from gateway.flow.inheritance import inherit
from gateway.flow.optout import Desk
from gateway.flow.outbox import Outbox
from gateway.flow.presses import Presses
from gateway.flow.report import Reporter
from gateway.flow.retention import Retainer
from gateway.flow.rights import Rights
from gateway.flow.seal import Sealer
from gateway.seat import Seat
from gateway.settings import Settings, renewed
from gateway.smtp.inbound import start_inbound
from gateway.smtp.options import SmtpOptions
from gateway.smtp.server import Door
from gateway.smtp.server import start as open_door
from gateway.web import api, hooks
from gateway.web.app import WebOptions, create_app, create_ops_app
from gateway.web.server import Server, bind, serve

PARTS = frozenset({"smtp", "web", "courier"})
GRACE = 30.0  # seconds that work in hand has when the program is asked to stop
Where = tuple[str, int]
Reread = Callable[[], Settings]


@dataclass(frozen=True, slots=True)
class Role:
    """What one process opens: which parts, where, under whose name."""

    parts: frozenset[str] = PARTS
    seat: Seat = field(default_factory=lambda: Seat(""))
    reuse_port: bool = False
    chores: bool = True  # sealing, retention: one worker of several is enough
    smtp: Where | None = None
    tls: Where | None = None
    web: Where | None = None
    inbound: Where | None = None
    meters: Path | None = None  # where workers put their figures together


class Gateway:
    """The rooms of one process."""

    def __init__(self, context: Context, role: Role, reread: Reread | None = None) -> None:
        self.door: Door | None = None
        self.inbound: Door | None = None
        self.web: Server | None = None
        self.probes: Server | None = None
        self._context = context
        self._role = role
        self._reread = reread or (lambda: context.settings)
        self._handover: Handover | None = None
        self._deliverer: Deliverer | None = None
        self._retired: set[asyncio.Task[None]] = set()  # couriers that close
        self._closing = AsyncExitStack()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Open everything; when one room cannot be opened, close the others and raise."""
        async with AsyncExitStack() as stack:
            await self._open(stack)
            self._closing = stack.pop_all()

    def reload(self) -> None:
        """Take over what the file and the certificates say now; stay as it is when they cannot be used."""
        context = self._context
        try:
            settings, changed, waiting = renewed(context.settings, self._reread())
            courier = courier_of(settings) if self._handover else None
            for door, options in ((self.door, self._smtp_options), (self.inbound, self._inbound_options)):
                if door:
                    door.adopt(options(settings))
        except (Misuse, ValueError) as problem:
            journal.warn("reload-refused", why=str(problem))
            return
        context.settings = settings
        journal.setup(settings.log.level, settings.log.format)
        if courier and self._handover and self._deliverer:
            self._retire(self._handover.courier)
            self._handover.courier = courier
            self._deliverer.adopt()
        journal.note("reloaded", changed=changed)
        if waiting:
            journal.warn("restart-needed", settings=waiting)

    def _retire(self, courier: Courier) -> None:
        """Let a courier bring its letters to an end."""
        task = asyncio.create_task(courier.close())
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    def tell(self) -> None:
        """Write to the journal where the rooms are to be found."""
        smtp = [f"{host}:{port}" for host, port in self.door.addresses] if self.door else []
        back = [f"{host}:{port}" for host, port in self.inbound.addresses] if self.inbound else []
        web = f"{self.web.host}:{self.web.port}" if self.web else ""
        journal.note(
            "ready", node=self._role.seat.node, parts=sorted(self._role.parts), smtp=smtp, web=web, inbound=back
        )

    async def stop(self) -> None:
        """Take nothing new, finish what is in hand, close; in the reverse order of opening."""
        await self._closing.aclose()

    async def _open(self, stack: AsyncExitStack) -> None:
        context, role = self._context, self._role
        reader = Reader(context)
        stack.push_async_callback(reader.close)
        committer = Committer(context, role.seat.node)
        stack.push_async_callback(committer.close)
        deliverer = await self._open_courier(stack, reader, committer) if "courier" in role.parts else None
        if "web" in role.parts:
            await self._open_web(stack)
        if "smtp" in role.parts:
            gate = Accept(context, reader, committer, deliverer)
            self.door = await open_door(gate, self._smtp_options(context.settings))
            stack.push_async_callback(self.door.stop, GRACE)
            await self._open_inbound(stack)
        if role.chores:
            caller = Caller(Hosts(context.settings.plugins.internal_hosts))
            stack.push_async_callback(caller.close)
            outbox = Outbox(context, caller, role.seat.node)
            for chore in (Sealer(context), Reporter(context), Retainer(context), outbox):
                self._run(stack, type(chore).__name__.lower(), chore.run())
                stack.push_async_callback(chore.stop)
        await self._open_probes(stack)
        inheriting = asyncio.create_task(inherit(context, role.seat.dead, role.seat.settle))
        stack.callback(inheriting.cancel)

    def _run(self, stack: AsyncExitStack, name: str, work: Coroutine[None, None, None]) -> None:
        """Let `work` run until what is pushed after this has told it to stop."""
        self._running[name] = asyncio.create_task(work, name=name)
        stack.push_async_callback(_ended, self._running[name])

    async def _open_courier(self, stack: AsyncExitStack, reader: Reader, committer: Committer) -> Deliverer:
        self._handover = Handover(self._context, reader, courier_of(self._context.settings))
        stack.push_async_callback(self._close_couriers, self._handover)
        self._deliverer = Deliverer(self._context, self._handover, committer, self._role.seat.node)
        self._run(stack, "courier", self._deliverer.run())
        stack.push_async_callback(self._deliverer.stop, GRACE)
        return self._deliverer

    async def _close_couriers(self, handover: Handover) -> None:
        await asyncio.gather(handover.courier.close(), *self._retired)

    async def _open_inbound(self, stack: AsyncExitStack) -> None:
        settings = self._context.settings
        where = self._role.inbound or settings.inbound.listen
        if where is None:
            return
        inbox = Inbox(self._context)
        stack.callback(inbox.close)
        self.inbound = await start_inbound(inbox, self._inbound_options(settings))
        stack.push_async_callback(self.inbound.stop, GRACE)

    def _inbound_options(self, settings: Settings) -> SmtpOptions:
        where = self._role.inbound or settings.inbound.listen
        return SmtpOptions(
            hostname=settings.gateway.hostname,
            listen=(where,) if where else (),
            certificate=settings.smtp.certificate,
            private_key=settings.smtp.private_key,
            max_size=settings.inbound.max_size,
            max_recipients=100,  # a bounce or complaint has one
            max_sessions=100,
            max_sessions_per_host=50,  # a mail exchanger in front is one host
            max_errors=10,
            idle_timeout=settings.limits.idle.total_seconds(),
            reuse_port=self._role.reuse_port,
        )

    async def _open_web(self, stack: AsyncExitStack) -> None:
        context = self._context
        web = context.settings.web
        where = self._role.web or web.listen
        options = WebOptions(web.public_url, web.trusted_proxies)
        more = {
            api.PREFIX: api.create_api(context, web.public_url),
            hooks.PREFIX: hooks.create_hooks(context, secure=web.public_url.startswith("https:")),
        }
        presses = Presses(context)
        stack.push_async_callback(presses.close)
        app = create_app(Desk(context), presses, context.tokens, options, Rights(context), context, more)
        self.web = serve(app, listening=bind(*where, reuse_port=self._role.reuse_port))
        await self.web.start()
        stack.push_async_callback(self.web.stop)

    async def _open_probes(self, stack: AsyncExitStack) -> None:
        context = self._context
        if where := context.settings.web.probes:
            app = create_ops_app(probes.checks(context, self._running), partial(probes.figures, context))
            self.probes = serve(app, listening=bind(*where, reuse_port=self._role.reuse_port))
            await self.probes.start()
            stack.push_async_callback(self.probes.stop)

    def _smtp_options(self, settings: Settings) -> SmtpOptions:
        role, smtp, limits = self._role, settings.smtp, settings.limits
        tls = role.tls or smtp.tls_listen
        return SmtpOptions(
            hostname=settings.gateway.hostname,
            listen=(role.smtp or smtp.listen,),
            tls_listen=(tls,) if tls else (),
            certificate=smtp.certificate,
            private_key=smtp.private_key,
            max_size=smtp.max_size,
            max_recipients=smtp.max_recipients,
            max_sessions=limits.sessions,
            max_sessions_per_host=limits.sessions_per_host,
            max_sessions_per_account=limits.sessions_per_account,
            max_memory=limits.memory,
            free_failed_logins=limits.failed_logins,
            idle_timeout=limits.idle.total_seconds(),
            login_timeout=limits.login.total_seconds(),
            message_timeout=limits.message.total_seconds(),
            reuse_port=role.reuse_port,
        )


async def _ended(task: "asyncio.Task[None]") -> None:
    await asyncio.wait([task])


def run(settings: Settings, parts: frozenset[str] = PARTS, workers: int = 1, reread: Reread | None = None) -> None:
    """Run until SIGTERM or SIGINT, on a database of this version; raise `errors.Misuse` for an address in use.

    At SIGHUP `reread` says which settings there are now, or raises `errors.Misuse`; without it they stay.
    """
    reread = reread or (lambda: settings)
    if workers == 1:
        _work(settings, reread, Role(parts))
    else:
        _supervise(settings, reread, parts, workers)


def _work(settings: Settings, reread: Reread, role: Role) -> None:
    """Be one worker until told to stop."""
    if settings.web.probes:
        meters.begin(role.meters)
    context = open_context(settings)
    try:
        role = replace(role, seat=seat.take(context.store))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(Gateway(context, role, reread)))
    finally:
        context.close()


async def _serve(gateway: Gateway) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await gateway.start()
    except OSError as error:
        raise Misuse(f"a listening address cannot be had: {error.strerror or error}") from error
    loop.add_signal_handler(signal.SIGHUP, gateway.reload)
    settle()
    gateway.tell()
    await stop.wait()
    journal.note("stopping")
    await gateway.stop()


def _supervise(settings: Settings, reread: Reread, parts: frozenset[str], workers: int) -> None:
    """Start the workers, start one again that died, hand on signals; end when all have ended after a stop."""
    with tempfile.TemporaryDirectory(prefix="consentgate-") as shared:
        held, role = _reserve(settings, parts)
        role = replace(role, meters=Path(shared))

        def work(number: int) -> None:
            _work(settings, reread, replace(role, chores=number == 0))

        def again() -> None:
            """Let workers that are started from now on have the new settings; what is wrong with them, others say."""
            nonlocal settings
            with suppress(Misuse):
                settings = renewed(settings, reread())[0]

        workforce.watch(work, workers, again)
    for listening in held:
        listening.close()


def _reserve(settings: Settings, parts: frozenset[str]) -> tuple[list[socket.socket], Role]:
    """Hold the listening addresses for the workers, so that port 0 is the same free port for all of them."""
    held: list[socket.socket] = []

    def hold(where: Where | None) -> Where | None:
        if where is None:
            return None
        holder = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder.bind(where)
        held.append(holder)
        host, port = holder.getsockname()[:2]
        return host, port

    smtp = settings.smtp
    role = Role(
        parts,
        reuse_port=True,
        smtp=hold(smtp.listen if "smtp" in parts else None),
        tls=hold(smtp.tls_listen if "smtp" in parts else None),
        web=hold(settings.web.listen if "web" in parts else None),
        inbound=hold(settings.inbound.listen if "smtp" in parts else None),
    )
    return held, role
