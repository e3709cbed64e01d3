"""`dkim` from the key to the DNS and back, with a name server of our own."""

import base64

import dns.rrset

from tests.support.names import Names
from tests.support.shell import Gate


def test_a_key_signs_once_its_record_is_seen_in_dns(tea: Gate, names: Names) -> None:
    made = tea.json("dkim", "new", "--domain", "tea.example", "--selector", "autumn")
    assert [(row["key"], row["state"]) for row in made] == [
        ("autumn-rsa._domainkey.tea.example", "waiting"),
        ("autumn-ed25519._domainkey.tea.example", "waiting"),
    ]

    found = tea.json("dkim", "check", "--nameserver", names.place, code=1)
    assert {row["found"] for row in found} == {"absent"}

    names.records = {row["key"]: row["record"] for row in made}
    names.records[made[1]["key"]] = "v=DKIM1; k=ed25519; p=AAAA"
    found = {row["key"]: row for row in tea.json("dkim", "check", "--nameserver", names.place, code=1)}
    assert found[made[0]["key"]]["state"] == "active"
    assert (found[made[1]["key"]]["state"], found[made[1]["key"]]["found"]) == ("waiting", "different")

    names.records[made[1]["key"]] = made[1]["record"].replace("; ", ";")
    tea.run("dkim", "check", "--domain", "tea.example", "--nameserver", names.place)
    assert {row["state"] for row in tea.json("dkim", "show")} == {"active"}


def test_records_are_printed_in_strings_that_dns_can_hold(tea: Gate) -> None:
    shown = tea.run("dkim", "new", "--domain", "news.tea.example", "--algorithm", "rsa", "--selector", "r").stdout
    line = next(line for line in shown.splitlines() if not line.startswith(";"))
    name, _, rest = line.partition(" 3600 IN TXT ")
    strings = dns.rrset.from_text(name, 60, "IN", "TXT", rest.strip("() "))[0].strings

    assert name == "r._domainkey.news.tea.example."
    assert max(map(len, strings)) <= 255
    assert len(base64.b64decode(b"".join(strings).decode().rpartition("p=")[2])) > 256


def test_a_retired_key_is_gone_for_good(tea: Gate) -> None:
    tea.run("dkim", "new", "--domain", "tea.example", "--algorithm", "ed25519", "--selector", "a", "--activate")
    tea.run("advertiser", "edit", "tea", "--no-upstream-signs")
    assert "not-signed" not in {row["code"] for row in tea.json("advertiser", "check", "tea")}

    assert "--yes" in tea.run("dkim", "retire", "a", code=2).stderr
    assert tea.json("dkim", "retire", "a", "--yes")["state"] == "retired"
    assert "not-signed" in {row["code"] for row in tea.json("advertiser", "check", "tea", code=1)}


def test_a_key_needs_a_domain_of_the_advertiser_and_a_free_selector(tea: Gate) -> None:
    assert "nothing to do" in tea.run("dkim", "new", "--domain", "other.example", code=2).stderr
    tea.run("dkim", "new", "--domain", "tea.example", "--algorithm", "ed25519", "--selector", "a")
    assert "already" in tea.run(
        "dkim", "new", "--domain", "tea.example", "--algorithm", "ed25519", "--selector", "a", code=2
    ).stderr  # fmt: skip
    assert "selector" in tea.run("dkim", "new", "--domain", "tea.example", "--selector", "Ü", code=2).stderr


def test_a_silent_name_server_is_unreachable_and_changes_nothing(tea: Gate, names: Names) -> None:
    tea.run("dkim", "new", "--domain", "tea.example", "--algorithm", "ed25519", "--selector", "a")
    names.shutdown()
    names.server_close()

    assert "DNS" in tea.run("dkim", "check", "--nameserver", names.place, code=3).stderr
    assert tea.json("dkim", "show")[0]["state"] == "waiting"


def test_inspect_tells_what_the_sender_should_know(tea: Gate) -> None:
    tea.run("account", "add", "shop", "--advertiser", "tea", "--list", "news")
    message = tea.folder / "message.eml"
    message.write_text("From: no-reply@news.tea.example\nTo: anna@example.org\nSubject: Tea\n\nTea\n")
    said = tea.json("inspect", message, "--account", "shop", "--to", "anna@example.org", code=1)

    assert [row["code"] for row in said["recipients"]] == ["R-UNKNOWN"]
    assert len(said["warnings"]) == 3
    assert "no-reply@news.tea.example" in said["warnings"][1]
    assert "advertising" in said["warnings"][2]

    message.write_text(message.read_text() + "Tea\n" * 30_000)
    [*_, last] = tea.json("inspect", message, "--account", "shop", "--to", "anna@example.org", code=1)["warnings"]
    assert "Gmail" in last
