"""The type of an open transaction, for the rooms above: they pass it on and never look inside."""

from typing import TypeAlias

from sqlmodel import Session

Tx: TypeAlias = Session
