"""A letter is not sent twice by ourselves, and not at all once it is no longer ours."""

import asyncio

import pytest

from gateway.courier import Letter, Smarthost
from gateway.courier.courier import Withdrawn
from tests.courier.test_smarthost import EHLO, GREETING, LETTER, hand, options
from tests.support.sink import scripted, sink


@pytest.mark.parametrize("size", [1, 600], ids=["small", "large"])
def test_what_is_not_ours_any_more_is_never_ended(size: int) -> None:
    letter = Letter("b@sender.test", "a@list.test", (b"x" * 998 + b"\r\n") * size)
    asked: list[bool] = []

    async def session() -> None:
        async with sink() as server:
            courier = Smarthost(options(server.port))
            with pytest.raises(Withdrawn):
                await courier.hand(letter._replace(ours=lambda: bool(asked.append(True))))
            assert (await courier.hand(letter)).fate == "delivered"  # on another connection
            await courier.close()
            assert len(server.kept) == 1
            assert server.connections == 2

    asyncio.run(session())
    assert asked == [True]


def test_doubt_on_a_kept_connection_is_told_and_the_letter_not_sent_again() -> None:
    good = [(GREETING, "EHLO"), (EHLO, "MAIL"), ("250 ok\r\n250 ok\r\n354 go", "."), ("250 ok", "MAIL")]

    async def session() -> None:
        async with scripted([*good, ("250 ok\r\n250 ok\r\n354 go", "."), (None, "")]) as server:
            outcomes = await hand(server.port, LETTER, LETTER)
            assert [outcome.fate for outcome in outcomes] == ["delivered", "deferred"]
            assert "may have been delivered" in outcomes[1].reply.text
            assert server.connections == 1

    asyncio.run(session())
