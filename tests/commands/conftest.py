"""A gateway of its own for each test, used through its commands only."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.names import Names
from tests.support.shell import TEA, Gate


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway just made by `init`."""
    folder = tmp_path_factory.mktemp("template")
    Gate(folder).run("init", "--hostname", "gate.example.org")
    return folder


@pytest.fixture
def gate(template: Path, tmp_path: Path) -> Gate:
    """A fresh gateway."""
    folder = tmp_path / "gate"
    shutil.copytree(template, folder)
    return Gate(folder)


@pytest.fixture(scope="session")
def tea_template(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gateway with an advertiser and an active list."""
    folder = tmp_path_factory.mktemp("tea") / "gate"
    shutil.copytree(template, folder)
    gate = Gate(folder)
    gate.run("advertiser", "add", "tea", *TEA)
    gate.run("list", "create", "news", "--regime", "opt-in", "--title", "Lettre du thé")
    gate.run("list", "activate", "news")
    return folder


@pytest.fixture
def tea(tea_template: Path, tmp_path: Path) -> Gate:
    """A fresh gateway with the advertiser tea and its active list news."""
    folder = tmp_path / "gate"
    shutil.copytree(tea_template, folder)
    return Gate(folder)


@pytest.fixture
def sheet(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of people."""

    def write(content: str | bytes, name: str = "people.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def names() -> Iterator[Names]:
    """A running name server."""
    with Names() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
