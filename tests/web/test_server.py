"""The server runs inside our loop, leaves signals alone, shares sockets and stops without losing an answer."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest
import uvloop

from gateway.errors import TryLater
from gateway.web import wire
from gateway.web.app import WebOptions, create_app, create_ops_app
from gateway.web.server import bind, serve
from tests.web.house import KNOWN, TOKENS, Desk, token


def run(story) -> None:
    """Run a story in a fresh uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


def app(desk: Desk):
    return create_app(desk, desk, TOKENS, WebOptions(public_url="http://127.0.0.1"))


def test_an_answer_under_way_is_finished_when_the_server_stops():
    class Slow(Desk):
        async def take(self, press):
            begun.set()
            await asyncio.wait_for(go_on.wait(), 10)
            return await super().take(press)

    desk, begun, go_on = Slow(), asyncio.Event(), asyncio.Event()

    async def story() -> None:
        server = serve(app(desk))
        await server.start()
        async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client:
            posted = asyncio.create_task(client.post(f"/1/{token()}"))
            await asyncio.wait_for(begun.wait(), 10)
            stopped = asyncio.create_task(server.stop())
            await asyncio.sleep(0.2)
            assert not stopped.done()
            go_on.set()
            assert (await posted).status_code == 200
            await stopped
        assert desk.views[KNOWN.contact].stopped_all

    run(story)


WORKER = """
import asyncio, os, signal, socket, sys
from gateway.web.server import serve

async def answer(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

async def run():
    ours = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ours.set)
    server = serve(answer, listening=socket.socket(fileno=int(sys.argv[1])))
    await server.start()
    print("ready", flush=True)
    await ours.wait()
    await server.stop()
    print("stopped in our own time", flush=True)

asyncio.run(run())
"""


def test_processes_share_one_listening_socket_and_stop_when_the_program_says_so():
    with bind("127.0.0.1", 0) as listening:
        number = listening.fileno()
        address = listening.getsockname()
        command = [sys.executable, "-c", WORKER, str(number)]
        workers = [subprocess.Popen(command, pass_fds=[number], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 2
        answered = {_pid(address) for _ in range(10)}
        workers[0].send_signal(signal.SIGTERM)
        said = workers[0].communicate(timeout=20)[0]
        answered_alone = {_pid(address) for _ in range(3)}
        workers[1].send_signal(signal.SIGTERM)
        said += workers[1].communicate(timeout=20)[0]

    assert answered <= {worker.pid for worker in workers}
    assert answered_alone == {workers[1].pid}
    assert said == "stopped in our own time\n" * 2
    assert [worker.returncode for worker in workers] == [0, 0]


def _pid(address) -> int:
    return int(httpx.get(f"http://{address[0]}:{address[1]}/").text)


def test_health_is_that_of_the_process_and_readiness_that_of_what_it_needs():
    away = threading.Event()

    def store() -> None:
        if away.is_set():
            raise TryLater("secret host name")

    async def story() -> None:
        server = serve(create_ops_app({"store": store, "spool": lambda: None}, lambda: b""))
        await server.start()
        async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client:
            assert (await client.get("/healthz")).status_code == 200
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()) == (200, {"ready": True, "missing": []})
            away.set()
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()) == (503, {"ready": False, "missing": ["store"]})
            assert (await client.head("/readyz")).status_code == 503
            assert (await client.get("/healthz")).status_code == 200
        await server.stop()

    run(story)


def test_the_public_server_has_no_operations_page():
    async def story() -> None:
        server = serve(app(Desk()))
        await server.start()
        async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client:
            paths = ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"]
            assert {(await client.get(path)).status_code for path in paths} == {404}
        await server.stop()

    run(story)


TRACED = """
import asyncio
from opentelemetry import trace

class Recorder(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs):
        print("a tracer was asked for")
        return trace.NoOpTracer()

trace.set_tracer_provider(Recorder())
from gateway.web.app import WebOptions, create_app
from tests.web.house import TOKENS, Desk, token

async def send(message):
    print(message.get("status", ""))

async def receive():
    return {"type": "http.request", "body": b"", "more_body": False}

path = "/1/" + token()
scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": [], "http_version": "1.1"}
desk = Desk()
asyncio.run(create_app(desk, desk, TOKENS, WebOptions("http://127.0.0.1"))(scope, receive, send))
"""


def test_no_trace_of_a_request_is_made_even_where_tracing_is_configured():
    """The web framework traces by itself, with the path in it; our paths are keys."""
    environment = {**os.environ, "FASTAPI_OTEL_AUTO_CONFIGURE": "true"}
    ran = subprocess.run([sys.executable, "-c", TRACED], capture_output=True, text=True, env=environment, check=True)
    assert ran.stdout.split() == ["200"]


def test_what_strangers_send_leaves_nothing_in_the_log(caplog):
    async def story() -> None:
        server = serve(app(Desk()))
        await server.start()
        for request in (
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n",
            b"\0\1\2 nonsense\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(request)
            assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 4")
            writer.close()
        await server.stop()

    run(story)
    assert caplog.records == []


async def taken(server, pieces, most: int) -> int:
    """Return how many bytes of `pieces`, sent again and again, are taken before the connection ends; at most `most`."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.transport.set_write_buffer_limits(0)
    sent = 0
    try:
        first, again = pieces
        writer.write(first)
        while sent < most:
            writer.write(again)
            await asyncio.wait_for(writer.drain(), 10)
            sent += len(again)
        await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        pass
    writer.transport.abort()
    return sent


ENDLESS = {
    "one field": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x" * 4096),
    "many fields": (b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: y\r\n" * 500),
    "address": (b"GET /", b"x" * 4096),
    "nothing": (b"", b"\r\n" * 2000),
    "trailers": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"X: y\r\n" * 500),
    "extension": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * 4096),
    "body after the answer": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000000\r\n\r\n", b"x" * 4096),
}


def test_what_is_sent_without_end_has_an_end():
    most = 20_000_000

    async def story() -> None:
        server = serve(app(Desk()))
        await server.start()
        for name, pieces in ENDLESS.items():
            assert await taken(server, pieces, most) < most, name
        await server.stop()

    run(story)


def test_who_says_nothing_or_stops_in_the_middle_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(wire, "HEAD_PATIENCE", 0.3)

    async def story() -> None:
        server = serve(app(Desk()))
        await server.start()
        for said in (b"", b"\r\n", b"GET / HTTP/1.1\r\nHost", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"):
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(said)
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 10)
            writer.close()
        await server.stop()

    run(story)


def test_more_connections_than_there_is_room_for_are_closed(monkeypatch):
    monkeypatch.setattr(wire, "CONNECTIONS_MOST", 3)

    async def story() -> None:
        server = serve(app(Desk()))
        await server.start()
        held = [await asyncio.open_connection(server.host, server.port) for _ in range(3)]
        async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client:
            with pytest.raises(httpx.TransportError):
                await client.get("/")
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            for _ in range(100):  # until the server has seen that they are gone
                with contextlib.suppress(httpx.TransportError):
                    assert (await client.get("/")).status_code == 404
                    break
                await asyncio.sleep(0.05)
            else:
                pytest.fail("there is no room again")
        await server.stop()

    run(story)


def test_large_bodies_and_many_requests_on_one_connection_are_taken():
    async def length(scope, receive, send):
        size, more = 0, True
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"7")]})
        await send({"type": "http.response.body", "body": b"%07d" % size})

    async def pieces():
        for _ in range(2000):
            yield b"x" * 100

    async def story() -> None:
        server = serve(length)
        await server.start()
        async with httpx.AsyncClient(base_url=f"http://{server.host}:{server.port}") as client:
            assert (await client.post("/", content=b"x" * 3_000_000)).text == "3000000"
            assert (await client.post("/", content=pieces())).text == "0200000"
            for _ in range(50):
                assert (await client.get("/", headers={"X": "y" * 8_000})).text == "0000000"
        await server.stop()

    run(story)
