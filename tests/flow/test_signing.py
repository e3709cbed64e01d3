"""Copies leave signed, by the right key, and not at all without one."""

import pytest

from gateway import sample
from gateway.flow import dkimkeys
from gateway.flow.context import Context
from gateway.store import advertisers, dkim
from tests.flow.rig import CAMILLE, outgoing, rig
from tests.support.verifier import verified

pytestmark = pytest.mark.anyio


def records(context: Context) -> dict[str, str]:
    with context.store.read() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        return {dkimkeys.host(row): dkimkeys.record(row) for row in dkim.all(tx, owner.id)}


def copies(context: Context) -> list[bytes]:
    """Return what left, with the line ends of SMTP."""
    return [
        file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        for file in (outgoing(context) / "new").glob("*")
    ]


async def send(context: Context) -> str:
    async with rig(context, delivering=True) as house:
        replies = await house.send(CAMILLE)
        assert house.deliverer
    return str(replies[-1])


async def test_a_copy_leaves_with_a_signature_that_others_verify(context: Context) -> None:
    assert "250" in await send(context)
    [copy] = copies(context)

    assert copy.count(b"DKIM-Signature:") == 1
    assert verified(copy, records(context))
    assert not verified(copy.replace(b"savons", b"savonz"), records(context))


async def test_the_newest_key_signs_once_it_is_active(embedded: Context) -> None:
    with embedded.store.begin() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        [waiting] = dkimkeys.make(embedded, tx, owner, sample.DOMAIN, ["ed25519"], selector="waiting")
        dkimkeys.make(embedded, tx, owner, sample.DOMAIN, ["rsa"], selector="next", active=True)
        number = owner.id
    keys = embedded.signing.read(number)
    assert keys.aligned(f"news.{sample.DOMAIN}")[0].selector == "next"
    assert "waiting" not in {key.selector for key in keys.keys}

    with embedded.store.begin() as tx:
        answers = dkimkeys.seen(tx, dkim.all(tx, number)[1:2], lambda _name, _kind: [dkimkeys.record(waiting)])
    assert [answer.begins for answer in answers] == [True]
    assert [key.selector for key in embedded.signing.read(number).aligned(sample.DOMAIN)] == ["next", "waiting"]


async def test_without_a_key_prospecting_is_refused_with_the_cure(embedded: Context) -> None:
    with embedded.store.begin() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        for row in dkim.active(tx, owner.id):
            dkimkeys.retire(tx, row)
    embedded.signing.read(owner.id)

    said = await send(embedded)
    assert "R-MSG-NODKIM" in said
    assert "dkim new" in said


def test_keys_of_another_domain_are_not_aligned(embedded: Context) -> None:
    with embedded.store.read() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
    keys = embedded.signing.read(owner.id)

    assert not keys.signs(["lavande.example"])
    assert not keys.signs([])
    assert keys.signs([sample.DOMAIN, f"a.{sample.DOMAIN}"])


def test_secrets_are_encrypted_and_bound_to_their_row(embedded: Context) -> None:
    with embedded.store.read() as tx:
        owner = advertisers.by_name(tx, "lavande")
        assert owner
        [row] = dkim.all(tx, owner.id)

    assert row.secret[1:17] != b""
    with pytest.raises(Exception, match="does not open"):
        embedded.vault.open(row.secret, "dkim/other")
