"""DKIM signatures verified by dkimpy: its parsing, its canonical forms, its choice of fields, with keys in memory."""

import base64
from collections.abc import Mapping

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class _Public:
    """A public key as dkimpy calls one; its own Ed25519 needs a library that is not installed."""

    def __init__(self, text: str) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(text))

    def verify(self, digest: bytes, signature: bytes) -> None:
        """Raise InvalidSignature for a wrong one."""
        self._key.verify(signature, digest)


def verified(message: bytes, records: Mapping[str, str], which: int = 0) -> bool:
    """Return whether signature number `which`, from the top, is good; `records` maps DNS names to TXT records."""
    verifier = dkim.DKIM(message)
    try:
        prepared = verifier.verify_headerprep(which)
        if not prepared:
            return False
        tags, names, fields = prepared
        record = records[f"{tags[b's'].decode()}._domainkey.{tags[b'd'].decode()}"]
        if tags[b"a"] != b"ed25519-sha256":
            return bool(verifier.verify(which, dnsfunc=lambda *_args, **_more: record.encode()))
        verifier.tlsrpt, verifier.seqtlsrpt = False, False
        verifier.pk, verifier.keysize, verifier.ktag = _Public(record.rpartition("p=")[2]), 256, b"ed25519"
        return bool(verifier.verify_sig_process(tags, names, fields[which], None))
    except dkim.ValidationError:
        return False
