"""Keys of the API are made, listed and revoked by commands; what their holders send is shown once."""

from gateway.flow import apikeys
from gateway.flow.apikeys import Grant
from gateway.flow.context import open_context
from gateway.settings import load
from tests.support.shell import Gate


def opened(gate: Gate, token: str) -> Grant | None:
    context = open_context(load(gate.config))
    try:
        return apikeys.opened(context, token)
    finally:
        context.close()


def test_a_key_is_shown_once_and_opens_what_it_was_made_for(tea: Gate) -> None:
    made = tea.json("apikey", "add", "shop", "--list", "news", "--may", "check", "--may", "events")
    grant = opened(tea, made["key"])

    assert grant
    assert (grant.name, grant.verbs, grant.advertiser.name) == ("shop", {"check", "events"}, "tea")
    assert len(grant.list_ids) == 1
    [listed] = tea.json("apikey", "list")
    assert listed["lists"] == ["news"]
    assert "key" not in listed
    secret = made["key"].split("_", 2)[2]
    assert secret not in tea.run("apikey", "list").stdout
    assert secret.encode() not in b"".join(file.read_bytes() for file in (tea.folder / "var").glob("*.db*"))


def test_a_revoked_key_opens_nothing(tea: Gate) -> None:
    made = tea.json("apikey", "add", "shop", "--may", "check")

    tea.run("apikey", "revoke", str(made["id"]), "--yes")

    assert opened(tea, made["key"]) is None
    assert tea.json("apikey", "list")[0]["revoked_at"]


def test_what_makes_no_sense_is_misuse(tea: Gate) -> None:
    assert "--may" in tea.run("apikey", "add", "shop", code=2).stderr
    assert "there is no list" in tea.run("apikey", "add", "shop", "--may", "check", "--list", "x", code=2).stderr
    assert "there is no key" in tea.run("apikey", "revoke", "1", "--yes", code=2).stderr
