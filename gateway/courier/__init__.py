"""Couriers carry letters to the next hop and say how it went; see `courier.courier` for the contract."""

from gateway.courier.courier import Courier, Letter, Outcome
from gateway.courier.maildir import Maildir
from gateway.courier.pool import SmarthostOptions
from gateway.courier.smarthost import Smarthost

__all__ = ["Courier", "Letter", "Maildir", "Outcome", "Smarthost", "SmarthostOptions"]
