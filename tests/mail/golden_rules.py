"""What must hold of any copy, checked without our own code: by the standard library and a browser's HTML parser."""

import codecs
import email
import re
from email.message import EmailMessage
from email.policy import default
from html import unescape

from selectolax.lexbor import LexborHTMLParser

BLANK = r"[ \t\n\r\f]*"  # of CSS; a blank that breaks no line is a letter there
HIDING = re.compile(f"display{BLANK}:{BLANK}none|visibility{BLANK}:{BLANK}hidden")
SELDOM_SHOWN = {"script", "style", "template", "title", "textarea", "head", "noscript", "select", "iframe"}


def read(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=default)


def shape(message: EmailMessage) -> list[tuple[str, str]]:
    return [(part.get_content_type(), part.get_content_disposition() or "") for part in message.walk()]


def raw_parts(message: EmailMessage) -> list[tuple[list[tuple[str, str]], object]]:
    """Return the fields and the undecoded body of each part, None for one that holds others."""
    return [
        (list(part.raw_items()), None if part.is_multipart() else part.get_payload(decode=False))
        for part in message.walk()
    ]


def text_of(part: EmailMessage) -> str:
    """Return a leaf of text decoded, by superset charsets as people's programs do."""
    charset = (part.get_content_charset() or "utf-8").lower()
    data = part.get_payload(decode=True)
    try:
        name = codecs.lookup(charset).name  # whatever it is called: us-ascii is ascii, latin1 is iso-8859-1
        charset = {"iso8859-1": "cp1252", "gb2312": "gb18030", "ascii": "utf-8"}.get(name, charset)
        return data.decode(charset, "replace").replace("\r\n", "\n")
    except LookupError:
        return data.decode("latin-1")


def shown_links(markup: str, address: str) -> list[str]:
    """Return the text of each link to `address` that a reader sees; what is hidden in a usual way does not count."""
    tree = LexborHTMLParser(markup)
    return [link.text().strip() for link in tree.css("a") if link.attributes.get("href") == address and seen(link)]


def seen(node) -> bool:
    while node is not None:
        style = (node.attributes.get("style") or "").lower() if node.attributes else ""
        if node.tag in SELDOM_SHOWN or HIDING.search(style):
            return False
        node = node.parent
    return True


def shown_text(markup: str) -> str:
    body = LexborHTMLParser(markup).body
    return " ".join(unescape(body.text(separator=" ")).split()) if body else ""


def mention_node(markup: str):
    """Return the one block of ours in the page, which must be a child of the body, beside no open container."""
    blocks = LexborHTMLParser(markup).css('div[role="contentinfo"]')
    assert len(blocks) == 1
    return blocks[0]
