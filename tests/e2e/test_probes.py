"""The places where operations ask how the gateway is."""

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.gateway import World
from tests.support.ports import free_port


def test_probes_answer_at_their_own_place_and_not_on_the_public_one(tmp_path: Path) -> None:
    world, port = World(tmp_path, "maildir:outgoing"), free_port()
    text = world.config.read_text("utf-8")
    world.config.write_text(text.replace("[web]\n", f'[web]\nprobes = "127.0.0.1:{port}"\n'), "utf-8")
    world.start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=10) as answer:
            assert answer.read() == b"ok\n"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
            assert json.load(answer) == {"ready": True, "missing": []}
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{world.url}/healthz", timeout=10)
        refused.value.close()
        assert refused.value.code == 404
    finally:
        world.kill()
