"""Whether a contestant does the work it is compared with: what it refuses, and what its copies carry."""

import email
import re
import smtplib
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from tempfile import TemporaryDirectory

import dkim
from load import Work, send, sink

LINK = "https://gate.bench.test/"


def proven(port: int, upstream: int, letter: Path, folder: Path, public: Path | None) -> None:
    """Send two letters through a contestant at `port` to a sink at `upstream`, and read what arrives.

    A stranger must be refused; each copy must carry a link of its own in its headers, a link in both bodies, and a
    signature by the key whose public half (base64) is in the file `public`, if given. Raise RuntimeError otherwise.
    """
    with smtplib.SMTP("127.0.0.1", port, local_hostname="client.bench.test") as client:
        client.ehlo()
        client.mail("news@sender.test")
        code, _ = client.rcpt("stranger@list.test")
    if code < 500:
        raise RuntimeError(f"a stranger is not refused: {code}")
    with TemporaryDirectory(dir=folder) as kept:
        with sink(folder, upstream, Path(kept)) as end:
            send(port, end, letter, Work("proof", 2), [], 1)
        copies = [path.read_bytes() for path in Path(kept).iterdir()]
    key = public.read_bytes() if public else None
    links = {link(copy, key) for copy in copies}
    if len(links) != 2:
        raise RuntimeError(f"copies share their link: {links}")


def link(copy: bytes, key: bytes | None) -> str:
    """Return the link of a copy's headers; raise RuntimeError when something is missing."""
    message = email.message_from_bytes(copy, _class=EmailMessage, policy=SMTP)
    plain, page = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    found = re.search(rf"<({re.escape(LINK)}[^>]+)>", message["List-Unsubscribe"] or "")
    carried = {
        "a link in List-Unsubscribe": found,
        "List-Unsubscribe-Post": message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click",
        "a footer in the text": LINK in plain,
        "a footer in the page": LINK in page.partition("</body")[0],
        "a signature": not key or dkim.verify(copy, dnsfunc=lambda *_, **__: b"v=DKIM1; k=rsa; p=" + key),
    }
    if lacks := [what for what, there in carried.items() if not there]:
        raise RuntimeError(f"a copy lacks {', '.join(lacks)}:\n{copy[:3000].decode(errors='replace')}")
    return found[1]
