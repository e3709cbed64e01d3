"""What the pages ask of the house: three questions by the holder of a link.

Contract. Methods block and are called in a worker thread, many at once. None means that nothing is known of what the
link is about; the page then says exactly what it says to a forged link. `errors.TryLater` means that nothing can be
confirmed now; the page answers 503 and never claims a success. `stop` and `undo` return only when what was asked is
durable; asking twice is asking once.
"""

from typing import Protocol

from gateway.tokens import Link


class View(Protocol):
    """What a page may show: nothing that identifies the person (`flow.optout.View`)."""

    @property
    def advertiser(self) -> str:
        """The name of the advertiser, as text."""

    @property
    def list_title(self) -> str:
        """The name of the list, as text; "" when the link is about no list in particular."""

    @property
    def lang(self) -> str:
        """The language of the person or list ("fr"), used when the browser asks for none of ours."""

    @property
    def color(self) -> str:
        """The advertiser's colour, "#rrggbb" or "#rgb"; anything else is ignored."""

    @property
    def privacy_url(self) -> str:
        """The advertiser's privacy policy; shown when it is an http or https URL."""

    @property
    def contact(self) -> str:
        """The address at which the advertiser can be written to, or ""."""

    @property
    def stopped_list(self) -> bool:
        """Whether an opt-out stands for the list."""

    @property
    def stopped_all(self) -> bool:
        """Whether an opt-out stands for everything of the advertiser."""

    @property
    def can_undo(self) -> bool:
        """Whether the opt-out was made by such links, so that one may take it back."""


class Desk(Protocol):
    """The use cases behind the pages (`flow.optout.Desk`)."""

    def page(self, link: Link) -> View | None:
        """Return what the page of that link shows; changes nothing."""

    def stop(self, link: Link, *, everything: bool, origin: str) -> View | None:
        """Record an opt-out from everything, or from the list and no more; `origin` is "one-click" or "page"."""

    def undo(self, link: Link) -> View | None:
        """Take the person's opt-outs back: what was before is again, nothing more."""
