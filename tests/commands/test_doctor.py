"""The doctor, on installations that are well and on such that are not."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from gateway.doctor import hop
from gateway.text import languages, say, sentences
from tests.support.gateway import running
from tests.support.names import Names
from tests.support.ports import free_port
from tests.support.postfix import next_hop
from tests.support.shell import Gate


def codes(gate: Gate, *areas: str, names: Names | None = None, code: int = 0) -> dict[str, str]:
    """Return what was found in the areas: code and sentence."""
    words = [word for area in areas for word in ("--only", area)] + (["--nameserver", names.place] if names else [])
    return {row["code"]: row["what"] for row in gate.json("doctor", *words, code=code)}


def setting(gate: Gate, section: str, *lines: str) -> None:
    text = gate.config.read_text("utf-8")
    keys = [line.partition(" =")[0] for line in lines]
    text = re.sub(rf"(?m)^({'|'.join(keys)}) = .*\n", "", text)
    added = "\n".join(lines)
    gate.config.write_text(text.replace(f"[{section}]\n", f"[{section}]\n{added}\n", 1), "utf-8")


def test_every_finding_has_its_cure_in_every_language() -> None:
    for language in languages():
        known = {key for key in sentences(language) if key.startswith("doctor.")}
        cures = {key.replace(".cure.", ".") for key in known if key.startswith("doctor.cure.")}
        good = {f"doctor.{name}" for name in ("config-read", "store-answers", "certificate-good", "advertiser-complete",
                "domain-good", "dkim-published", "hop-answers", "pages-good", "counts")}  # fmt: skip
        assert cures <= known
        assert {key for key in known if ".cure." not in key} - cures == good


def test_a_fresh_gateway_is_told_what_to_do_next(gate: Gate) -> None:
    found = codes(gate, "config", "store", "tls", "advertisers")
    assert {"config-read", "store-answers", "no-certificate", "no-advertiser", "public-url-local"} == set(found)
    assert "→ consentgate advertiser add" in gate.run("doctor", "--only", "advertisers").stdout


def test_secrets_that_others_may_read_and_loosened_readings_are_said(gate: Gate) -> None:
    secret = next((gate.folder / "var").glob("secret*"))
    secret.chmod(0o644)
    setting(gate, "law", "b2b_freemail = true")
    found = codes(gate, "config", code=1)
    assert str(secret) in found["secret-open"]
    assert "b2b_freemail" in found["law-loosened"]


def test_a_database_that_is_away_is_a_finding_and_not_the_end(gate: Gate) -> None:
    setting(gate, "store", f'url = "postgresql://nobody@127.0.0.1:{free_port()}/none"')
    found = codes(gate, "store", "advertisers", "tls", code=1)
    assert {"store-away", "not-looked", "no-certificate"} == set(found)


@pytest.mark.parametrize(
    ("host", "days", "found"),
    [("gate.example.org", 90, "certificate-good"), ("*.example.org", 90, "certificate-good"),
     ("other.example.org", 90, "certificate-name"), ("gate.example.org", 5, "certificate-ends"),
     ("gate.example.org", -1, "certificate-ended")],
)  # fmt: skip
def test_the_certificate_is_looked_at(gate: Gate, host: str, days: int, found: str) -> None:
    now = datetime.now(UTC)
    made = trustme.CA().issue_cert(host, not_before=now - timedelta(days=9), not_after=now + timedelta(days=days))
    made.private_key_pem.write_to_path(gate.folder / "key.pem")
    made.cert_chain_pems[0].write_to_path(gate.folder / "cert.pem")
    setting(gate, "smtp", 'certificate = "cert.pem"', 'private_key = "key.pem"')
    bad = found in {"certificate-name", "certificate-ended"}
    assert set(codes(gate, "tls", code=int(bad))) == {found}


def test_a_key_that_does_not_fit_is_said(gate: Gate) -> None:
    one, other = (trustme.CA().issue_cert("gate.example.org") for _ in range(2))
    one.cert_chain_pems[0].write_to_path(gate.folder / "cert.pem")
    other.private_key_pem.write_to_path(gate.folder / "key.pem")
    setting(gate, "smtp", 'certificate = "cert.pem"', 'private_key = "key.pem"')
    assert set(codes(gate, "tls", code=1)) == {"certificate-unusable"}


def test_domains_are_looked_up(tea: Gate, names: Names) -> None:
    names.others[("gate.example.org", "AAAA")] = "::1"
    found = codes(tea, "dns", names=names, code=1)
    assert set(found) == {"no-spf", "no-dmarc", "no-return-path"}

    names.records = {"news.tea.example": "v=spf1 ip4:192.0.2.1 -all", "_dmarc.tea.example": "v=DMARC1; p=none"}
    names.others[("news.tea.example", "MX")] = "10 mx.tea.example."
    assert set(codes(tea, "dns", names=names)) == {"domain-good"}

    names.others[("news.tea.example", "TXT")] = '"v=spf1 -all"\n"v=spf1 ~all"'
    del names.records["news.tea.example"]
    assert set(codes(tea, "dns", names=names, code=1)) == {"many-spf"}

    names.records["news.tea.example"] = "v=spf1 " + " ".join(f"include:{n}.example" for n in range(11)) + " -all"
    assert set(codes(tea, "dns", names=names, code=1)) == {"long-spf"}


def test_keys_and_the_inbound_domain_are_looked_up(tea: Gate, names: Names) -> None:
    setting(tea, "inbound", 'domain = "in.tea.example"')
    tea.run("advertiser", "edit", "tea", "--no-upstream-signs")
    made = tea.json("dkim", "new", "--domain", "news.tea.example", "--algorithm", "rsa", "--activate")
    found = codes(tea, "dns", names=names, code=1)
    assert {"dkim-absent", "inbound-no-mx", "hostname-unknown"} <= set(found)

    setting(tea, "inbound", 'domain = "in.tea.example"', 'listen = "127.0.0.1:2526"', 'postmaster = "a@tea.example"')
    names.records["news.tea.example"] = "v=spf1 -all"
    assert "in.tea.example" in codes(tea, "dns", names=names, code=1)["no-spf"]
    names.records["in.tea.example"] = "v=spf1 -all"
    assert "no-spf" not in codes(tea, "dns", names=names, code=1)

    names.records[made[0]["key"]] = made[0]["record"]
    assert "dkim-published" in codes(tea, "dns", names=names, code=1)
    names.records[made[0]["key"]] = "v=DKIM1; p=AAAA"
    assert "dkim-different" in codes(tea, "dns", names=names, code=1)


def test_a_next_hop_that_is_away_waits_for_nobody(gate: Gate) -> None:
    setting(gate, "upstream", f'url = "smtp://127.0.0.1:{free_port()}"')
    assert set(codes(gate, "hop", code=1)) == {"hop-away"}


def test_a_next_hop_is_asked_what_it_can(gate: Gate) -> None:
    with next_hop() as relay:
        setting(gate, "upstream", f'url = "smtp://127.0.0.1:{relay.port}"')
        found = codes(gate, "hop")
        assert set(found) == {"hop-answers", "hop-small"}  # Postfix takes 10 MB unless told otherwise, we take 25 MiB
        assert "PIPELINING" in found["hop-answers"]


@pytest.mark.parametrize("host", ["email-smtp.eu-west-3.amazonaws.com", "smtp.sendgrid.net", "in-v3.mailjet.com"])
def test_a_relay_that_adds_its_own_opt_out_is_named(host: str) -> None:
    [finding] = hop.hosted(f"smtp://{host}:587")
    assert say(f"doctor.cure.{finding.code}", "en")
    assert list(hop.hosted("smtp://mail.acme.example")) == []


@contextmanager
def proxy(status: int, **headers: str) -> Iterator[str]:
    """A web server that answers every POST in one way."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


OURS = {"X_Robots_Tag": "noindex, nofollow, noarchive"}


@pytest.mark.parametrize(
    ("status", "headers", "found"),
    [(301, {"Location": "https://www.example.org/"}, "pages-redirect"), (200, {}, "pages-foreign"),
     (404, OURS | {"Set_Cookie": "a=b"}, "pages-cookie"), (503, OURS, "pages-trouble"), (404, OURS, "pages-strange"),
     (200, OURS, "pages-good")],
)  # fmt: skip
def test_a_proxy_that_breaks_one_click_is_found(gate: Gate, status: int, headers: dict[str, str], found: str) -> None:
    with proxy(status, **headers) as url:
        setting(gate, "web", f'public_url = "{url}"')
        assert set(codes(gate, "pages", code=int(found != "pages-good"))) == {found}


def test_a_running_gateway_is_well(tmp_path: Path) -> None:
    with running(tmp_path, "maildir:outgoing") as world:
        said = world.run("doctor", "--only", "pages", "--only", "store", "--only", "tls", "--json")
        assert [line["code"] for line in json.loads(said.stdout)] == [
            "store-answers", "certificate-good", "pages-good",
        ]  # fmt: skip
        assert said.returncode == 0
