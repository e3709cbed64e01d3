"""The configuration: TOML in, checked values out."""

from gateway.settings.inbound import Inbound
from gateway.settings.kinds import Listen, Secret
from gateway.settings.live import renewed
from gateway.settings.loading import lacking, load, provide
from gateway.settings.sections import Gateway, Law, Limits, Log, Plugins, Settings, Smtp, Store, Upstream, Web

__all__ = [
    "Gateway", "Inbound", "Law", "Limits", "Listen", "Log", "Plugins", "Secret", "Settings", "Smtp", "Store",
    "Upstream", "Web", "lacking", "load", "provide", "renewed",
]  # fmt: skip
