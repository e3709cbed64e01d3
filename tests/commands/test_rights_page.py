"""The page about rights is run as it is written."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.shell import Gate

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)  # some fifteen processes, one after the other
def test_every_command_of_the_page_about_rights_works(tea: Gate, sheet: Callable[..., Path]) -> None:
    tea.run("import", sheet("email,date,mode,text\nanna@example.org,2026-02-01,unticked-box,v3\n"), "--list", "news")
    page = (ROOT / "docs/howto/rights.md").read_text("utf-8")
    tea.follow("\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```", page)))

    assert len(list((tea.folder / "answers").iterdir())) == 2
    assert "Attestation" in (tea.folder / "erased.html").read_text("utf-8")
    assert (tea.folder / "erased.json").is_file()
    outcomes = {row["right"]: row["outcome"] for row in tea.json("request", "list", "--all")}
    assert outcomes["erasure"] == "done"
    assert outcomes["portability"] == "refused"
