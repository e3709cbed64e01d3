"""The exceptions of the program; a refusal is a value (`law.reasons`, `mail.reply`), never one of these.

GatewayError
├── Misuse       what was asked is wrong; the message names the place and the cure
│   └── NotFound what was named does not exist
├── TryLater     something needed cannot be reached now; nothing was changed
│   ├── Full     there is no room for more
│   └── InDoubt  … or was, for the connection was lost in the very commit
└── Bug          our own mistake; carries a reference number under which the log tells the story
"""


class GatewayError(Exception):
    """Something kept the program from doing what was asked."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])


class Misuse(GatewayError):
    """What was asked is not possible as it was asked."""


class NotFound(Misuse):
    """What was named does not exist."""


class TryLater(GatewayError):
    """Something needed cannot be reached now."""


class Full(TryLater):
    """There is no room for more now."""


class InDoubt(TryLater):
    """The database was lost in the very commit: nobody knows whether it was done."""


class Bug(GatewayError):
    """The program made a mistake of its own."""
