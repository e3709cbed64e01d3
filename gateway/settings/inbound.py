"""The section about mail that comes back."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.errors import Misuse
from gateway.mail.address import parse
from gateway.settings.kinds import UNSET, Hostname, ListenOn, Size
from gateway.settings.section import Section


class Inbound(Section):
    """Mail that comes back to us."""

    domain: Hostname = Field(
        "localhost", description="Bounces, complaints and mailto opt-outs are addressed to this domain."
    )
    listen: Annotated[ListenOn | None, UNSET] = Field(
        None,
        description="Where that mail is taken, without login: the MX of the domain, or the machine behind it. Set it on"
        " every node, or on none.",
    )
    postmaster: str = Field(
        "",
        description="Who reads what people write to postmaster, abuse and feedback at that domain; needed with listen.",
    )
    return_path: Literal["ours", "tool"] = Field(
        "ours",
        description='With listen: copies leave with a return path of their own at that domain ("ours"), so that bounces'
        ' are understood here and then passed on to the tool, or with the return path of the tool ("tool").',
    )
    max_size: Size = Field(
        Size(2_097_152), ge=65_536, description="Largest message taken there, in bytes or such as 2MiB."
    )

    @model_validator(mode="after")
    def _reachable(self) -> "Inbound":
        if self.listen is None:
            return self
        if "." not in self.domain:
            raise ValueError(
                "inbound.domain: with listen, name the domain whose mail comes here, such as in.example.org"
            )
        try:
            parse(self.postmaster)
        except Misuse as problem:
            raise ValueError(
                "inbound.postmaster: with listen, name the mailbox of a person who reads what comes to"
                f" postmaster@{self.domain} (RFC 5321 4.5.1)"
            ) from problem
        return self

    @property
    def verp(self) -> bool:
        """Return whether each copy has a return path of its own."""
        return self.listen is not None and self.return_path == "ours"
