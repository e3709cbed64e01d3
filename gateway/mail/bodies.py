"""Which parts of a message a person reads: every alternative of the first body, never an attachment (RFC 2046 5.1)."""

from collections.abc import Iterator

from gateway.mail.structure import Broken, Part

# AMP takes the mention like HTML; should it make the part invalid AMP, readers fall back to the HTML, which has it too.
HTML = frozenset({"text/html", "text/x-amp-html", "text/watch-html"})
TEXT = HTML | {"text/plain"}
_ENCRYPTED = frozenset({"multipart/encrypted", "application/pgp-encrypted"})
_CMS = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_ELSEWHERE = frozenset({"message/partial", "message/external-body"})


def check(root: Part) -> None:
    """Raise `Broken` when some of the message cannot be looked into: encrypted, a fragment, or kept elsewhere."""
    for part in root.walk():
        if part.kind in _ENCRYPTED or (part.kind in _CMS and part.type.params.get("smime-type") != "signed-data"):
            raise Broken("encrypted")
        if part.kind in _ELSEWHERE:
            raise Broken("partial", part.kind)


def choose(root: Part) -> list[Part] | None:
    """Return the leaves that each need the mention, so that whichever a reader shows has it.

    None when no set of leaves gives that: something signed, an alternative that cannot bear it, no text at all.
    """
    if any(part.kind == "multipart/signed" for part in root.walk()):
        return None
    return _bodies(root) or None


def others(root: Part, chosen: list[Part]) -> Iterator[Part]:
    """Yield the further leaves of text that a reader may show in line; `is_page` tells which as HTML."""
    for part in root.walk():
        if (part.kind in TEXT or part.seems("text")) and not part.named and part not in chosen:
            yield part


def is_page(part: Part) -> bool:
    """Return whether a reader may show the part as HTML."""
    return part.kind in HTML or part.seems("text")


def _bodies(part: Part) -> list[Part] | None:
    """Return the leaves of the first body in `part`: none if it shows no text, None if what it shows cannot bear it."""
    if part.attached or part.type.doubtful:
        return None if part.seems("text") and not part.attached else []
    if part.kind in TEXT:
        return [part]
    if part.kind == "multipart/alternative":
        return _alternatives(part)
    if part.kind == "multipart/related":
        return _bodies(part.parts[0]) if _starts_first(part) else None
    bodies = map(_bodies, part.parts)
    return next((found for found in bodies if found or found is None), [])


def _alternatives(part: Part) -> list[Part] | None:
    found: list[Part] = []
    bare = False
    for child in part.parts:
        below = _bodies(child)
        if below is None:
            return None
        # An invitation is acted upon, its text is that of the others.
        bare = bare or not (below or child.kind == "text/calendar")
        found += below
    return None if found and bare else found


def _starts_first(part: Part) -> bool:
    """Return whether the root of a multipart/related is its first part, as readers that ignore `start` believe."""
    start = part.type.params.get("start")
    return start is None or (part.parts[0].headers.get("content-id") or "").strip() == start.strip()
