"""The files for operators are read by the programs they are for."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import trustme

from gateway import meters

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"


def says(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a program says of a file; it must not complain."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_systemd_understands_every_line_of_the_unit(tmp_path: Path) -> None:
    unit = (DEPLOY / "systemd/consentgate.service").read_text("utf-8")
    program = re.search(r"^ExecStart=(\S+)", unit, re.MULTILINE)
    assert program is not None
    here = tmp_path / "consentgate.service"  # the program of the unit is not installed here
    here.write_text(unit.replace(program[1], "/bin/true").replace("User=consentgate", "User=root"), "utf-8")
    assert "Unknown" not in says("systemd-analyze", "verify", "--man=no", here)


def test_haproxy_takes_its_file(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("consent.acme.example")
    for pem in (certificate.private_key_pem, *certificate.cert_chain_pems):
        pem.write_to_path(tmp_path / "consent.pem", append=True)
    file = tmp_path / "haproxy.cfg"
    text = (DEPLOY / "haproxy/haproxy.cfg").read_text("utf-8")
    file.write_text(text.replace("/etc/haproxy/certs", str(tmp_path)), "utf-8")
    assert "WARNING" not in says("/usr/sbin/haproxy", "-c", "-f", file)


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("consent.acme.example")
    certificate.private_key_pem.write_to_path(tmp_path / "privkey.pem")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "fullchain.pem")
    text = (DEPLOY / "nginx/consentgate.conf").read_text("utf-8")
    site = tmp_path / "consentgate.conf"
    site.write_text(text.replace("/etc/letsencrypt/live/consent.acme.example", str(tmp_path)), "utf-8")
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{ include {site}; }}\n", "utf-8")
    says("/usr/sbin/nginx", "-t", "-e", tmp_path / "errors", "-c", main)


@pytest.mark.parametrize("name", ["in-front", "behind"])
def test_postfix_knows_every_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_text((DEPLOY / f"postfix/{name}.cf").read_text("utf-8"), "utf-8")
    (tmp_path / "master.cf").write_text("smtp unix - - y - - smtp\n", "utf-8")
    assert "warning" not in says("/usr/sbin/postconf", "-c", tmp_path, "-n")


def test_the_board_asks_only_for_figures_that_there_are() -> None:
    board = json.loads((DEPLOY / "grafana/consentgate.json").read_text("utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"consentgate_[a-z_]+", target["expr"])
    }
    page = meters.page({"waiting": 0}, 0.0).decode()
    there = set(re.findall(r"^(consentgate_[a-z_]+)", page, re.MULTILINE)) | meters.names()
    assert asked <= there
    assert {panel["id"] for panel in board["panels"]} == set(range(1, len(board["panels"]) + 1))


def test_the_image_copies_what_there_is_and_installs_the_lock() -> None:
    text = (DEPLOY / "container/Containerfile").read_text("utf-8")
    copied = [name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE) for name in line.split()]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert set(project["project"]["scripts"]) == {"consentgate"}
