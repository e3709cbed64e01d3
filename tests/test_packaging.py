"""What leaves the repository is one wheel, and it works where there is no checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
# What is no Python file and must travel all the same.
CARRIED = {".toml", ".html", ".txt", ".css", ".svg", ".js", ".mako", ".typed", ".png", ".xml"}


def run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the checkout in sight."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONSENTGATE"))}
    return subprocess.run(command, cwd=cwd, env=clean | env, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what git would carry, with the build tools of the lock."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        [
            "git",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "gateway",
            "plugins",
            "pyproject.toml",
            "README.md",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    made = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=out)
    assert made.returncode == 0, made.stdout + made.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console script in an environment that holds the wheel and what it depends on, but no checkout."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True, with_pip=False)
    python = home / "bin/python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    done = run(
        python, "-m", "pip", "--disable-pip-version-check", "install", "--no-deps", "--no-index", "-q", wheel, cwd=home
    )
    assert done.returncode == 0, done.stderr
    return home / "bin/consentgate"


def test_one_import_name_leaves_the_repository(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gateway"}


def test_everything_the_program_reads_is_in_the_wheel(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gateway").rglob("*")
        if path.suffix in CARRIED | {".py"} and "__pycache__" not in path.parts
    }
    wanted |= {f"gateway/_plugins/{path.name}" for path in (ROOT / "plugins").glob("*.py")}
    assert wanted - names == set()


def test_the_installed_command_says_what_it_can_do_from_an_empty_folder(command: Path, tmp_path: Path) -> None:
    said = run(command, "--help", cwd=tmp_path)
    assert said.returncode == 0, said.stderr
    assert "Usage: consentgate" in said.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_installed_command_makes_a_first_configuration_and_its_database(command: Path, tmp_path: Path) -> None:
    made = run(command, "init", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "config.toml").is_file()

    status = run(command, "--json", "db", "status", cwd=tmp_path)
    assert status.returncode == 0, status.stdout + status.stderr


def test_the_installed_command_knows_the_built_in_plugins(command: Path, tmp_path: Path) -> None:
    python = command.parent / "python"
    code = "import gateway.loader as l; print(l.load('listmonk', None).name, l.load('generic', None).name)"
    said = run(python, "-c", code, cwd=tmp_path)
    assert said.stdout.split() == ["listmonk", "generic"], said.stderr


def pins(name: str) -> dict[str, str]:
    """Return package → pinned version of a lock file."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[^]]*\])?==([^ ;\\]+)", text, re.MULTILINE))


def named(requirement: str) -> str:
    """Return the name that a requirement begins with, as locks spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~! ]", requirement)[0]).lower()


def test_the_locks_agree_and_hold_all_that_the_project_asks_for() -> None:
    run_lock, dev_lock = pins("run.lock"), pins("dev.lock")
    asked = [named(line) for line in PROJECT["project"]["dependencies"]]
    tools = [named(line) for line in PROJECT["dependency-groups"]["dev"]]

    assert run_lock.items() <= dev_lock.items()
    assert set(asked) <= run_lock.keys()
    assert set(tools) <= dev_lock.keys()


def test_every_line_of_a_lock_carries_hashes_and_no_address() -> None:
    for name in ("run.lock", "dev.lock"):
        text = (ROOT / "requirements" / name).read_text("utf-8")
        entries = re.split(r"\n(?=\S)", text.strip())
        assert all("--hash=sha256:" in entry for entry in entries), name
        assert "://" not in text, name
