"""What every use case works with, opened once for each process."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway import text
from gateway.errors import Misuse
from gateway.flow.mentions import Mentions
from gateway.flow.sectors import Sectors
from gateway.flow.signing import Signing
from gateway.law.facts import Policy
from gateway.loader import load
from gateway.plugin import Plugin
from gateway.settings import Settings
from gateway.store.engine import Store
from gateway.tokens import Digests, Keyring, Tokens, Vault


@dataclass(slots=True)
class Context:
    """The open store, the keys and the settings; a program that runs may be given other settings (`settings.live`)."""

    settings: Settings
    store: Store
    tokens: Tokens
    digests: Digests
    policy: Policy
    vault: Vault
    signing: Signing
    sectors: Sectors
    mentions: Mentions
    _plugins: dict[str, Plugin] = field(default_factory=dict)

    def plugin(self, name: str) -> Plugin:
        """Return the plugin of that name; raise `errors.Misuse` when there is none."""
        if name not in self._plugins:
            folder = self.settings.plugins.folder
            self._plugins[name] = load(name, Path(folder) if folder else None)
        return self._plugins[name]

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()


def open_context(settings: Settings) -> Context:
    """Open the store and the keys that `settings` names; raise `errors.Misuse` when there is no secret."""
    secrets: Mapping[int, bytes] = {number: secret.read_bytes() for number, secret in settings.gateway.secrets.items()}
    if not secrets:
        raise Misuse("[gateway] secrets: there is none; `consentgate init` writes a configuration with a fresh one")
    if settings.gateway.languages:
        _learn(settings.gateway.languages)
    keyring = Keyring(secrets)
    store, vault = Store(settings.store.url), Vault(keyring)
    return Context(
        settings=settings,
        store=store,
        tokens=Tokens(keyring),
        digests=Digests(keyring),
        policy=settings.law.policy(),
        vault=vault,
        signing=Signing(store, vault),
        sectors=Sectors(settings.gateway.sectors),
        mentions=Mentions(settings.gateway.mentions),
    )


def _learn(folder: Path) -> None:
    try:
        text.learn(folder)
    except (ValueError, OSError) as error:
        raise Misuse(f"[gateway] languages: {error}") from error
