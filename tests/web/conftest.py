"""One public server and one desk for the room's tests; the desk is fresh for each test."""

import shutil

import httpx
import pytest
from playwright.sync_api import Page

from gateway.web.app import WebOptions, create_app
from tests.support.browser import launched
from tests.web.hall import Hall
from tests.web.house import TOKENS, Desk, Running
from tests.web.real import House


@pytest.fixture(scope="session")
def _served():
    desk = Desk()
    running = Running(create_app(desk, desk, TOKENS, WebOptions(public_url="https://mail.example.org", guesses=10_000)))
    yield desk, running
    running.close()


@pytest.fixture
def desk(_served):
    _served[0].reset()
    return _served[0]


@pytest.fixture
def url(_served, desk):
    return _served[1].url


@pytest.fixture
def client(url):
    with httpx.Client(base_url=url) as client:
        yield client


@pytest.fixture(scope="module")
def _hall(sqlite_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hall")
    shutil.copyfile(sqlite_template, folder / "store.db")
    opened = Hall(f"sqlite:///{folder / 'store.db'}", folder)
    yield opened
    opened.close()


@pytest.fixture
def hall(_hall):
    """The real sign-up pages, with no sign-up waiting."""
    _hall.reset()
    return _hall


@pytest.fixture(scope="module")
def house(sqlite_template, tmp_path_factory):
    """The real pages over the real use cases, for one module of tests."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copyfile(sqlite_template, folder / "store.db")
    opened = House(f"sqlite:///{folder / 'store.db'}", folder)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, for one module of tests."""
    with launched() as browser:
        yield browser


@pytest.fixture
def visit(chromium, url):
    """Open a path of the server as a person would: `visit(path, locale=…, width=…, dark=…)` returns the page.

    There is no script, nothing is fetched but from our server, and the browser has nothing to complain about.
    """
    contexts, asked, complaints = [], [], []

    def open_page(path: str, *, locale: str = "fr-FR", width: int = 1280, dark: bool = False) -> Page:
        context = chromium.new_context(
            locale=locale,
            viewport={"width": width, "height": 800},
            java_script_enabled=False,
            color_scheme="dark" if dark else "light",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(url + path)
        return page

    yield open_page
    for context in contexts:
        assert context.cookies() == []
        context.close()
    assert [address for address in asked if not address.startswith(url)] == []
    assert [text for text in complaints if "status of" not in text] == []
