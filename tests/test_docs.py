"""What the documents say is there."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import settings
from gateway.commands import consentgate

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXTS = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in PAGES}
each_page = pytest.mark.parametrize("name", TEXTS)


SOURCES = [path for place in ("gateway", "plugins", "tests", "bench") for path in (ROOT / place).rglob("*.py")]


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors that readers on the web make of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(TEXTS[name])):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        page = (ROOT / name).parent.joinpath(path).resolve() if path else ROOT / name
        assert page.exists(), f"{name}: {target}"
        assert not anchor or anchor in anchors(page.read_text("utf-8")), f"{name}: {target}"


@each_page
def test_every_file_and_folder_that_is_named_exists(name: str) -> None:
    named = re.findall(r"`((?:gateway|tests|docs|requirements|deploy|bench)/[\w./-]+)`", TEXTS[name])
    assert [path for path in named if not (ROOT / path).exists()] == []


@each_page
def test_every_make_target_that_is_named_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = "\n".join(blocks(TEXTS[name], "sh"))
    named = set(re.findall(r"`make ([a-z]+)", TEXTS[name]) + re.findall(r"^make ([a-z]+)", shown, re.MULTILINE))
    assert named <= targets


@each_page
def test_every_shell_example_is_shell(name: str) -> None:
    for block in blocks(TEXTS[name], "sh"):
        said = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
        assert said.returncode == 0, f"{name}: {said.stderr}\n{block}"


@each_page
def test_every_configuration_example_is_understood(name: str, tmp_path: Path) -> None:
    for block in blocks(TEXTS[name], "toml"):
        assert tomllib.loads(block)
        file = tmp_path / "config.toml"
        file.write_text(block, "utf-8")
        settings.load(file)


def examples(text: str) -> Iterator[list[str]]:
    """Yield the words of every `consentgate …` command line of a page."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["consentgate"]:
                yield words[1:]
    # in running text: only what is a whole command, not `consentgate NOUN …`
    yield from (shlex.split(line) for line in re.findall(r"`consentgate ([a-z][^`…]*)`", prose(text)))


@each_page
def test_every_command_that_is_shown_is_understood(name: str) -> None:
    for words in examples(TEXTS[name]):
        # asking for help reads the whole line first: an unknown command or option is an error, and nothing is done
        said = CliRunner().invoke(consentgate, [*words, "--help"])
        assert said.exit_code == 0, f"{name}: consentgate {shlex.join(words)}: {said.output}"


@pytest.mark.timeout(300)  # nine processes, one after the other
def test_the_first_campaign_of_the_readme_works_as_it_is_written(tmp_path: Path) -> None:
    script = next(block for block in blocks(TEXTS["README.md"], "sh") if "consentgate init" in block)
    program = tmp_path / "consentgate"
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(ROOT / "cli.py"))} "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CONSENTGATE")}
    said = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=clean | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "A-CONSENT" in said.stdout.splitlines()[-2]


def test_the_flow_and_the_glossary_use_the_same_words() -> None:
    known = {word.lower() for word in re.findall(r"^\| \*\*([^*]+)\*\*", TEXTS["docs/glossary.md"], re.MULTILINE)}
    used = {word.lower().removesuffix("s") for word in re.findall(r"\*\*(\w+)\*\*", TEXTS["docs/flow.md"])}
    used.discard("bold")
    assert {word for word in used if word not in known and word + "s" not in known} == set()


def test_every_decision_is_in_the_list_and_weighs_options() -> None:
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", TEXTS["docs/decisions/README.md"]))
    pages = {path.name for path in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}
    assert listed == pages
    for page in pages:
        text = TEXTS[f"docs/decisions/{page}"]
        assert all(f"**{part}.**" in text for part in ("Context", "Options", "Decision", "Consequences")), page


def test_every_make_target_says_what_it_does() -> None:
    lines = (ROOT / "Makefile").read_text("utf-8").splitlines()
    targets = [line for line in lines if re.match(r"[a-z]+:(?!=)", line)]
    assert [line for line in targets if "## " not in line] == []


def test_the_readme_speaks_french_too() -> None:
    readme = TEXTS["README.md"]
    french = readme.split("## En français")[1].split("\n## ")[0]
    assert "L34-5" in french
    assert "make run" in french
    assert len(french) > 1500


def test_a_page_that_the_code_names_is_there_and_has_the_section() -> None:
    pages = {page.name: page for page in PAGES}
    lost = []
    for path in SOURCES:
        for name, section in re.findall(r"([a-z-]+\.md)(?!\w)(?:, ([A-Z][\w ]*))?", path.read_text("utf-8")):
            heading = section.lower().replace(" ", "-")
            if name not in pages or (section and heading not in anchors(pages[name].read_text("utf-8"))):
                lost.append(f"{path.relative_to(ROOT)}: {name} {section}")
    assert lost == []
