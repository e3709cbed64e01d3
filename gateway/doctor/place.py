"""The place itself: configuration, secrets, database, disk, and the readings of the law that were loosened."""

import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.doctor.finding import Finding, bad, ok, warn
from gateway.errors import GatewayError
from gateway.flow import term
from gateway.settings import Settings, lacking
from gateway.settings.kinds import is_loopback
from gateway.settings.sections import Law
from gateway.store import migrate
from gateway.store.engine import Store

LITTLE, SCARCE = 2**30, 64 * 2**20  # bytes free on the disk of the database
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def configuration(settings: Settings, path: Path | None) -> Iterator[Finding]:
    """Look at what the settings name, who may read the secrets, and whether people can reach the pages."""
    area = "config"
    if path is None:
        yield warn(area, "no-config")
    missing = lacking(settings)
    yield from (bad(area, "lacking", what=what) for what in missing)
    for file in _secret_files(settings):
        if file.exists() and file.stat().st_mode & OTHERS:
            yield bad(area, "secret-open", file=file)
    public = settings.web.public_url
    if public.startswith("http:"):
        yield warn(area, "public-url-local", url=public)
    elif is_loopback(settings.gateway.hostname):
        yield warn(area, "hostname-local")
    loosened = [name for name in Law.model_fields if getattr(settings.law, name) != getattr(Law(), name)]
    signed = [name for name in loosened if name != "timezone"]
    if signed:
        yield warn(area, "law-loosened", settings=", ".join(signed))
    if not missing:
        yield ok(area, "config-read", file=path or "–")


def _secret_files(settings: Settings) -> Iterator[Path]:
    secrets = [*settings.gateway.secrets.values(), *filter(None, [settings.upstream.password])]
    for secret in secrets:
        kind, _, name = secret.source.partition(":")
        if kind == "file":
            yield secret.folder / name
    if settings.smtp.private_key:
        yield settings.smtp.private_key


def database(settings: Settings) -> Iterator[Finding]:
    """Look whether the database answers, is of this version, and has room."""
    area = "store"
    try:
        store = Store(settings.store.url)
    except GatewayError as error:
        yield bad(area, "store-away", why=error)
        return
    try:
        status = migrate.status(store)
        if not status.ok:
            yield bad(area, "store-version", current=status.current or "–", head=status.head)
        else:
            yield ok(area, "store-answers", version=status.head)
        off, most = abs(store.drift()), term.spare(settings.limits.lease)
        if off > most:
            seconds = {"off": f"{off.total_seconds():.1f}", "most": f"{most.total_seconds():.0f}"}
            yield bad(area, "clock-off", **seconds)
        free = store.room()
        if free is not None and free < LITTLE:
            yield (bad if free < SCARCE else warn)(area, "disk-full", free=f"{free // 2**20} MiB")
    except GatewayError as error:
        yield bad(area, "store-away", why=error)
    finally:
        store.close()
