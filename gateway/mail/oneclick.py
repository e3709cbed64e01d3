"""The one-click address that a message carries (RFC 8058)."""

import re

from gateway.mail.headers import Headers

LONGEST = 2000  # characters of an address that is kept
SAYS = "list-unsubscribe=one-click"  # RFC 8058 3.1; compared without case and blanks
BODY = b"List-Unsubscribe=One-Click"  # what is posted (RFC 8058 3.2)
_HTTPS = re.compile(r"<\s*(https://[!-;=?-~]+)\s*>", re.IGNORECASE)


def found(headers: Headers) -> str | None:
    """Return the https address of `List-Unsubscribe`, when the sender says that a POST to it acts.

    Several fields, or several https addresses, name nothing for certain: then there is none.
    """
    says, fields = headers.all("list-unsubscribe-post"), headers.all("list-unsubscribe")
    if len(says) != 1 or len(fields) != 1 or "".join(says[0].split()).lower() != SAYS:
        return None
    addresses = _HTTPS.findall(fields[0])
    return addresses[0] if len(addresses) == 1 and len(addresses[0]) <= LONGEST else None
