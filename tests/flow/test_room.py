"""Turns for memory."""

import asyncio

from gateway.flow.room import Room


def test_whoever_gives_up_its_place_in_the_queue_is_passed_over() -> None:
    async def queue() -> None:
        room = Room(10)
        await room.take(8)
        waiting = [asyncio.create_task(room.take(5)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        room.give(8)
        await waiting[1]
        room.give(5)
        assert room.left == 10

    asyncio.run(queue())


def test_what_is_larger_than_the_room_takes_all_of_it() -> None:
    async def take() -> None:
        room = Room(10)
        with room.share(50) as share:
            async with asyncio.timeout(5):
                await share.take()
            assert room.left == 0
        assert room.left == 10

    asyncio.run(take())
