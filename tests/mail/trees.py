# ruff: noqa: E501
"""MIME trees of any shape, as hypothesis draws them."""

from hypothesis import strategies as st

BODIES = st.sampled_from(
    ["", "Bonjour\r\n", "Bonjour", "a\r\n-- \r\nAnna\r\n", "<p>Bonjour</p>\r\n", "<html><body>x</body></html>", "--b0", "%unsubscribe_url%", "w6k=\r\n",
     "=C3=A9 =\r\nx\r\n", "caf\u00e9\r\n", "<div style='display:none'>", "\r\n\r\n", " flowed \r\nx", "-----BEGIN PGP MESSAGE-----\r\n", "--\r\n", "--b1--"]
)  # fmt: skip
KINDS = st.sampled_from(
    ["", "text/plain", "text/plain; charset=utf-8", "text/html; charset=utf-8", "text/html", "text/plain; charset=iso-8859-1", "text/plain; format=flowed",
     "image/png", 'text/plain; name="a"', "text/calendar", "text/enriched", "application/pkcs7-mime", "message/rfc822", "text/plain; charset=utf-16",
     "text", "text/x-amp-html", "text/plain; charset=x-unknown", "text/html (c); charset=utf-8", "application/octet-stream"]
)  # fmt: skip
ENCODINGS = st.sampled_from(["", "7bit", "8bit", "quoted-printable", "base64", "x-none"])
DISPOSITIONS = st.sampled_from(
    ["", "", "", "inline", "attachment", 'attachment; filename="a"', "inline; filename=b", "x"]
)
MULTI = st.sampled_from(["mixed", "alternative", "related", "signed", "encrypted", "digest", "report", "x-any"])


def fields(kind, encoding, disposition):
    named = (("Content-Type", kind), ("Content-Transfer-Encoding", encoding), ("Content-Disposition", disposition))
    return "".join(f"{name}: {value}\r\n" for name, value in named if value)


leaf = st.builds(lambda k, e, d, b: f"{fields(k, e, d)}\r\n{b}", KINDS, ENCODINGS, DISPOSITIONS, BODIES)


def multi(kind, boundary, parts, disposition, closed, noise):
    head = fields(f'multipart/{kind}; boundary="{boundary}"', "", disposition)
    inner = "".join(f"--{boundary}{noise}\r\n{part}\r\n" for part in parts)
    return f"{head}\r\n{inner}" + (f"--{boundary}--\r\n" if closed else "")


tree = st.recursive(
    leaf,
    lambda inner: st.builds(
        multi, MULTI, st.sampled_from(["b0", "b1", "b01", "b 2"]), st.lists(inner, min_size=0, max_size=4), DISPOSITIONS,
        st.booleans() | st.just(True), st.sampled_from(["", "", " ", "x"]),
    ),
    max_leaves=8,
)  # fmt: skip
message = tree.map(lambda body: ("From: a@b.fr\r\nSubject: x\r\nList-Id: <x>\r\nMIME-Version: 1.0\r\n" + body).encode())
