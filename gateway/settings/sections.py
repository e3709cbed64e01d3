"""Every setting, declared once: type, default, limits, and why one would change it.

Validation, `config show`, `config.example.toml` and `docs/reference/settings.md` all come from these declarations.
"""

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from gateway.law.facts import Policy
from gateway.settings.inbound import Inbound
from gateway.settings.kinds import (
    UNSET,
    Duration,
    Flag,
    Hostname,
    Listen,
    ListenOn,
    PublicUrl,
    Secret,
    SecretRef,
    Size,
    WebUrl,
    Whole,
)
from gateway.settings.section import Section


class Gateway(Section):
    """The gateway itself."""

    languages: Annotated[Path | None, UNSET] = Field(
        None,
        description="Folder with more languages for what people read: one folder each, named by its code (de, pt-BR),"
        " with files as in gateway/text/en. What a language lacks is said in English.",
    )

    hostname: Hostname = Field(
        "localhost",
        description="The name this gateway gives itself in SMTP greetings, Received fields and message ids."
        " Set the public DNS name of the machine.",
    )
    secrets: dict[Annotated[int, Field(ge=1, le=255)], SecretRef] = Field(
        {1: Secret("file:var/secret-1")},
        min_length=1,
        description="The keys of opt-out links and of the digests of opposed addresses, by version. The highest"
        " version is used for new links; older ones must stay as long as mail with their links is in mailboxes and"
        " oppositions recorded under them exist. Each holds at least 32 random characters.",
    )
    mentions: Annotated[Path | None, UNSET] = Field(
        None,
        description="Folder with mentions of your own: <advertiser>.<language>.txt and .html, or default.<language>.txt"
        " and .html for every advertiser. See docs/howto/mention.md.",
    )
    sectors: Annotated[Path | None, UNSET] = Field(
        None,
        description="A file of further trades whose advertising must say something (TOML: a table for each, with words"
        " and due, and says); `inspect` warns with W-SECTOR.",
    )


class Store(Section):
    """The database."""

    url: str = Field(
        "sqlite:///var/consentgate.db",
        description="sqlite:///file (one machine) or postgresql://user@host/name (several gateways on one database)."
        " A password belongs in PGPASSFILE or PGPASSWORD.",
    )

    @model_validator(mode="after")
    def _known(self) -> "Store":
        if not self.url.startswith(("sqlite:///", "postgresql://")):
            raise ValueError(
                'store.url: it must begin with "sqlite:///" or "postgresql://";'
                ' write for example "sqlite:///var/consentgate.db"'
            )
        return self


class Smtp(Section):
    """The door for the tools that hand us mail."""

    listen: ListenOn = Field(
        Listen("127.0.0.1", 2525),
        description="Submission with STARTTLS. Logins without TLS are taken on loopback only.",
    )
    tls_listen: Annotated[ListenOn | None, UNSET] = Field(
        None, description="Submission with implicit TLS, usually port 465."
    )
    certificate: Annotated[Path | None, UNSET] = Field(None, description="Certificate chain for TLS, PEM file.")
    private_key: Annotated[Path | None, UNSET] = Field(None, description="Private key of the certificate, PEM file.")
    max_size: Size = Field(
        Size(26_214_400), ge=65_536, description="Largest message taken (SIZE), in bytes or such as 25MiB."
    )
    max_recipients: Whole = Field(
        1000, ge=100, le=100_000, description="Recipients taken in one transaction; RFC 5321 forbids less than 100."
    )

    @model_validator(mode="after")
    def _tls(self) -> "Smtp":
        if (self.certificate is None) != (self.private_key is None):
            missing = "private_key" if self.private_key is None else "certificate"
            raise ValueError(f"smtp.{missing}: certificate and private_key go together; set {missing} too")
        if self.certificate is None and self.tls_listen is not None:
            raise ValueError("smtp.tls_listen: TLS needs certificate and private_key; set them or remove tls_listen")
        if self.certificate is None and not self.listen.loopback:
            raise ValueError(
                f"smtp.listen: {self.listen} can be reached from outside, where logins need TLS;"
                " set certificate and private_key, or listen on 127.0.0.1"
            )
        return self


class Upstream(Section):
    """The next hop, which takes the permitted copies."""

    url: str = Field(
        "maildir:var/outgoing",
        description="smtp://host:port, smtps://host:port, or maildir:folder to look at copies without sending them.",
    )
    tls: Literal["may", "must", "none"] = Field(
        "may",
        description="STARTTLS towards an smtp:// next hop: may (when offered), must (with a valid certificate), none.",
    )
    username: str = Field("", description="Login at the next hop; empty for none.")
    password: Annotated[SecretRef | None, UNSET] = Field(
        None, description='Password at the next hop: "env:NAME" or "file:path".'
    )
    connections: Whole = Field(20, ge=1, le=1000, description="Connections kept to the next hop, for each worker.")

    @model_validator(mode="after")
    def _reachable(self) -> "Upstream":
        scheme, _, rest = self.url.partition(":")
        if scheme == "maildir" and rest:
            return self
        try:
            url = urlsplit(self.url)
            good = url.scheme in {"smtp", "smtps"} and bool(url.hostname) and (url.port or 25) > 0
        except ValueError:
            good = False
        if not good:
            raise ValueError(
                "upstream.url: the next hop is not understood; write for example"
                ' "smtp://127.0.0.1:25", "smtps://relay.example.org:465" or "maildir:var/outgoing"'
            )
        if url.password:
            raise ValueError('upstream.url: a password does not stand in a URL; set username and password = "env:NAME"')
        if bool(self.username) != (self.password is not None):
            missing = "password" if self.username else "username"
            raise ValueError(f"upstream.{missing}: username and password go together; set {missing} too")
        return self


def _network(value: str) -> str:
    try:
        return str(ip_network(value, strict=False))
    except ValueError as error:
        raise ValueError(f'{value!r} is not a network; write for example "10.0.0.0/8" or "192.0.2.7"') from error


class Web(Section):
    """The pages people reach by the links in their mail."""

    listen: ListenOn = Field(Listen("127.0.0.1", 8080), description="Where the pages are served, behind a TLS proxy.")
    public_url: PublicUrl = Field(
        "http://127.0.0.1:8080",
        description="Where people reach these pages; it stands in every message. https, except on loopback.",
    )
    probes: Annotated[ListenOn | None, UNSET] = Field(
        None,
        description="Where /healthz (the process answers), /readyz (what it needs answers too), /metrics (Prometheus)"
        " are served; not a public place. With several workers one of them answers, for all.",
    )
    acknowledge: Literal["never", "page", "always"] = Field(
        "never",
        description="Whether a person is told by one letter, with a link to undo it, that they were opted out: never"
        " (who says stop wants silence, and the link in any message undoes it); page (when it was done on the page,"
        " where a forwarded message leads a stranger); always. At most one letter a month.",
    )
    trusted_proxies: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        ("127.0.0.0/8", "::1/128"),
        description="Addresses or networks of the proxies in front of these pages: their X-Forwarded-For is believed."
        " Only the network of a visitor is looked at (/24, /48), to slow down guessing and to see through scanners.",
    )
    api_rate: Whole = Field(
        600, ge=1, le=1_000_000, description="Requests a minute that one key of the API may make, for each worker."
    )
    api_bulk: Size = Field(
        Size(268_435_456),
        ge=65_536,
        description="Largest file taken by the API's bulk check, in bytes or such as 256MiB.",
    )

    record_network: Flag = Field(
        False,
        description="Whether the evidence of a sign-up holds the network it came from (/24, /48). Some counsel ask for"
        " it; the double opt-in proves more and needs no such data.",
    )


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f'{value!r} is not a time zone; write for example "Europe/Paris"') from error
    return value


def _country(value: str) -> str:
    if len(value) != 2 or not value.isascii() or not value.isalpha():
        raise ValueError(f'{value!r} is not a country code; write two letters, for example "FR"')
    return value.upper()


class Law(Section):
    """Readings of the law that counsel must sign; the defaults are the strict ones."""

    partner_naming: Literal["strict", "category"] = Field(
        "strict",
        description="Consent taken by a partner: must the text shown have named the advertiser (strict), or is a"
        " category of partners enough? CJEU C-317/25 is pending.",
    )
    freemium_is_sale: Flag = Field(
        False, description="Whether a free account paid by a paid offer counts as a sale (CJEU C-654/23)."
    )
    b2b_countries: frozenset[Annotated[str, AfterValidator(_country)]] = Field(
        frozenset({"FR"}), description="Countries whose professionals may be written to without consent."
    )
    b2b_freemail: Flag = Field(
        False, description="Whether a freemail address may be a professional one without further sign."
    )
    scraped_signed_off: Flag = Field(
        False, description="Whether a written balancing test allows addresses found on the web."
    )
    automated_call_customer: Flag = Field(
        False, description="Whether the customer exception covers automated calls (CNIL fiche; not in the statute)."
    )
    prospect_years: Whole = Field(
        3, ge=1, le=3, description="Years after the last sign from a person during which prospects may be written to."
    )
    timezone: Annotated[str, AfterValidator(_zone)] = Field(
        "Europe/Paris", description="The calendar in which the clocks of the law run."
    )

    def policy(self) -> Policy:
        """Return the settings as the law reads them."""
        return Policy(**{name: getattr(self, name) for name in type(self).model_fields})


class Limits(Section):
    """How much and how long."""

    lease: Duration = Field(
        timedelta(minutes=10), description="How long a node may hold a parcel before another takes it over."
    )
    retries: tuple[Duration, ...] = Field(
        tuple(timedelta(minutes=m) for m in (5, 15, 30, 60, 120, 240)),
        min_length=1,
        description="Waits between attempts when the next hop says later; the last one repeats.",
    )
    expire: Duration = Field(
        timedelta(days=5),
        description="After how long a copy that could not be handed over is given up (RFC 5321: 4-5 d).",
    )
    unconfirmed: Duration = Field(
        timedelta(days=7),
        description="How long a sign-up may wait for its confirmation; then it is deleted, as if it had never been.",
    )
    sessions: Whole = Field(500, ge=1, le=100_000, description="SMTP sessions served at once, for each worker.")
    idle: Duration = Field(
        timedelta(minutes=5), description="How long an SMTP session may say nothing (RFC 5321 4.5.3.2: 5 minutes)."
    )
    sessions_per_host: Whole = Field(
        100,
        ge=1,
        le=100_000,
        description="SMTP sessions served at once for one address (IPv6: one /64), for each worker.",
    )
    sessions_per_account: Whole = Field(
        100, ge=1, le=100_000, description="SMTP sessions served at once for one account, for each worker."
    )
    memory: Size = Field(
        Size(268_435_456),
        ge=65_536,
        description="Memory for messages that come in at once, for each worker, and half as much for those that leave;"
        " large ones wait for their turn.",
    )
    login: Duration = Field(timedelta(minutes=2), description="How long an SMTP client has to log in.")
    message: Duration = Field(timedelta(minutes=15), description="How long one message may take to come in.")
    failed_logins: Whole = Field(
        10,
        ge=1,
        le=1000,
        description="Wrong passwords from one network, or for one account, until they have to wait.",
    )
    deliveries: Whole = Field(
        1000, ge=1, le=10_000, description="Parcels claimed for delivery at once, for each worker."
    )
    complaint_rate: Annotated[float, Field(ge=0, le=100)] = Field(
        0.2,
        description="Complaints among a hundred copies sent at which a campaign is paused until `queue release`;"
        " 0 never pauses. Mailbox providers ask for less than 0.1 and stop senders at 0.3.",
    )
    complaint_minimum: Whole = Field(
        3, ge=1, le=10_000, description="With fewer complaints than this a campaign goes on, whatever the rate."
    )
    report_after: Duration = Field(
        timedelta(minutes=1),
        description="How long copies of one message that could not be delivered are collected, so that its sender gets"
        " one delivery report.",
    )


class ToolAt(Section):
    """The tool behind one account: where it is, and what we and it prove ourselves with."""

    url: Annotated[WebUrl | None, UNSET] = Field(None, description="Where the tool's own API is.")
    username: str = Field("", description="Login at the tool's API.")
    password: Annotated[SecretRef | None, UNSET] = Field(
        None, description='Password or key at the tool\'s API: "env:NAME" or "file:path".'
    )
    hook: Annotated[SecretRef | None, UNSET] = Field(
        None,
        description="Secret with which the tool's webhooks prove themselves at /hooks; without it they are refused.",
    )
    lists: dict[str, str] = Field({}, description="Names of our lists, and what the tool calls each of them.")


class Plugins(Section):
    """Campaign tools."""

    folder: Annotated[Path | None, UNSET] = Field(
        None, description="Folder with plugins of your own; a file there goes before a built-in one of the same name."
    )
    internal_hosts: frozenset[str] = Field(
        frozenset(),
        description="Hosts that webhooks and tools may be called at although their addresses are not public, or over"
        " plain http: names, addresses, or networks such as 10.0.0.0/8. All others are called over https, at public"
        " addresses only.",
    )
    tools: dict[str, ToolAt] = Field({}, description="The tools behind accounts, by login.")


class Log(Section):
    """What is written down for the operator, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least important entry written."
    )
    format: Literal["json", "console"] = Field("json", description="One JSON object a line, or text for people.")


class Settings(Section):
    """The whole configuration."""

    gateway: Gateway = Gateway()
    store: Store = Store()
    smtp: Smtp = Smtp()
    upstream: Upstream = Upstream()
    web: Web = Web()
    inbound: Inbound = Inbound()
    law: Law = Law()
    limits: Limits = Limits()
    plugins: Plugins = Plugins()
    log: Log = Log()
