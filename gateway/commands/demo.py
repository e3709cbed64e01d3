"""`demo`: a campaign going out lawfully, told as it happens."""

import asyncio
import signal
from pathlib import Path

import click
from rich.table import Table
from rich.text import Text

from gateway import clock, journal, sample
from gateway.commands.common import Shell, Verb, pass_shell
from gateway.commands.output import show
from gateway.demo import Demo, Fortune, fetch
from gateway.law.reasons import Fate
from gateway.text import say

STAR = sample.PEOPLE[0]


@click.command(cls=Verb)
@click.option("--once", is_flag=True, help="End after the campaign instead of going on serving.")
@pass_shell
def demo(shell: Shell, once: bool) -> None:
    """Show a campaign going out lawfully: who got it, who did not and why, and what one click changes.

    Everything lies in a new folder below ./var; nothing leaves this machine.
    """
    journal.setup("warning", "console")
    folder = Path.cwd() / "var" / f"demo-{clock.now():%Y%m%d-%H%M%S}"
    asyncio.run(Tale(shell, Demo(folder)).tell(once=once))


class Tale:
    """The demo, step by step."""

    def __init__(self, shell: Shell, show: Demo) -> None:
        self._out = shell.out
        self._show = show

    async def tell(self, *, once: bool) -> None:
        """Tell all of it; then serve until interrupted, unless `once`."""
        try:
            await self._campaign()
            await self._opt_out()
            if not once:
                await self._serve()
        finally:
            await self._show.close()

    async def _campaign(self) -> None:
        show = self._show
        await show.open()
        listen = show.settings.smtp.listen
        self._say("demo.sending", people=len(sample.PEOPLE), smtp=listen, lists=len(sample.LISTS))
        for name in sample.LISTS:
            people = [person.address for person in sample.PEOPLE if person.list == name]
            await asyncio.to_thread(show.send, name, people)
        await show.drained()
        self._table(await asyncio.to_thread(lambda: list(show.fortunes(self._out.lang))))

    async def _opt_out(self) -> None:
        """Look at a link, click it, and see that neither a queued copy nor a new one reaches the person."""
        show = self._show
        copy = show.copies()[STAR.address]
        link = show.link(copy)
        self._say("demo.link", address=STAR.address, link=link.replace("/1/", "/p/"))
        self._say("demo.looked", status=await asyncio.to_thread(fetch, link, post=False), verdict=self._verdict())
        await show.open(frozenset({"smtp", "web"}))
        await asyncio.to_thread(show.send, STAR.list, [STAR.address])
        self._say("demo.queued", address=STAR.address)
        self._say("demo.clicked", status=await asyncio.to_thread(fetch, link, post=True), verdict=self._verdict())
        await show.open()
        await show.drained()
        left = show.copies()[STAR.address] != copy
        self._say("demo.leaked" if left else "demo.dropped")
        refused = await asyncio.to_thread(show.send, STAR.list, [STAR.address])
        code, text = refused.get(STAR.address, (250, b"sent"))
        self._say("demo.refused", reply=f"{code} {text.decode('ascii', 'replace')}")

    async def _serve(self) -> None:
        settings = self._show.settings
        self._say(
            "demo.serving",
            smtp=settings.smtp.listen,
            login=f"{sample.LOGIN}+lettre",
            password=self._show.password,
            sender=sample.SENDER,
            web=settings.web.public_url,
            folder=self._show.folder,
        )
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()

    def _verdict(self) -> str:
        verdict = self._show.fortune(STAR, None, self._out.lang).verdict
        return f"{verdict.fate.value} {verdict.code}"

    def _table(self, fortunes: list[Fortune]) -> None:
        if self._out.json:
            self._out.data([_record(fortune) for fortune in fortunes])
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("recipient", "list", "known-as", "verdict", "why"):
            table.add_column(say(f"demo.column-{column}", self._out.lang), overflow="fold", no_wrap=column == "verdict")
        for fortune in fortunes:
            style = "green" if fortune.verdict.fate is Fate.SEND else "red"
            mark = "✓ " if fortune.verdict.fate is Fate.SEND else "✗ "
            verdict = Text(mark + fortune.verdict.code, style=style)
            table.add_row(fortune.address.partition("@")[0], fortune.list, fortune.known_as, verdict, fortune.sentence)
        show(table)
        self._out.text("")
        for fortune in fortunes:
            if fortune.copy:
                self._out.text(f"{fortune.address}  {_short(fortune.copy)}")

    def _say(self, key: str, **fields: object) -> None:
        if not self._out.json:
            click.echo("\n" + say(key, self._out.lang, **fields))


def _record(fortune: Fortune) -> dict[str, object]:
    return {
        "recipient": fortune.address,
        "list": fortune.list,
        "fate": fortune.verdict.fate.value,
        "reason": fortune.verdict.code,
        "why": fortune.sentence,
        "copy": str(fortune.copy) if fortune.copy else None,
    }


def _short(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
