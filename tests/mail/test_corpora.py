"""Messages that other people's test suites are made of: nothing but the splices differs, files are byte for byte."""

import os
import re
import sysconfig
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from gateway.mail.rewrite import Unfit, plan
from tests.mail import oracle
from tests.mail.golden_support import STOP, hold_form, insert_of

ROOT = Path(__file__).parent.parent.parent
ARCHIVES = ROOT / ".venv" / "corpus"  # source packages, fetched with the tools for tests
PYTHON = [Path(sysconfig.get_path("stdlib")), *sorted(Path("/usr/lib").glob("python3.*"))]
INSERT = insert_of({})
LARGEST = 2_000_000


def ours(raw: bytes) -> bytes:
    """Return a message as SMTP would bring it: CRLF, without the line that mailboxes begin with."""
    raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    return re.sub(rb"\AFrom [^\r\n]*\r\n", b"", raw)


def of_python() -> dict[str, bytes]:
    folder = next((each / "test/test_email/data" for each in PYTHON if (each / "test/test_email/data").is_dir()), None)
    if folder is None:
        return _missing("Python's own tests", ".ci/packages test installs them")
    return {path.name: path.read_bytes() for path in sorted(folder.glob("msg_*.txt"))}


def of(package: str, where: str) -> dict[str, bytes]:
    archive = next(ARCHIVES.glob(f"{package}-*.tar.gz"), None)
    if archive is None:
        return _missing(f"the messages of {package}", "make test")
    found = {}
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            if member.isfile() and member.size < LARGEST and re.search(where, member.name):
                found[member.name.partition("/")[2]] = opened.extractfile(member).read()
    return found


def _missing(what: str, cure: str) -> dict[str, bytes]:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} are not here: {cure}")
    pytest.skip(f"{what} are not here: {cure}")


CORPORA = {
    "python": (of_python, 40, 33),
    "mail-parser": (lambda: of("mail_parser", r"/tests/mails/"), 20, 18),
    "flufl.bounce": (lambda: of("flufl_bounce", r"/data/[^/]+\.txt$"), 100, 100),
    "dkimpy": (lambda: of("dkimpy", r"/tests/data/.*(?:msg|message)"), 8, 8),
}


@pytest.mark.parametrize("name", CORPORA)
def test_messages_of_others_keep_all_that_is_theirs(name):
    collected, least, served = CORPORA[name]
    messages = collected()
    fates = Counter()
    for title, raw in messages.items():
        content = ours(raw)
        result = plan(content)
        if isinstance(result, Unfit):
            assert result.code in {"R-MSG-OPAQUE", "R-SMTP-SYNTAX", "R-MSG-PLACEHOLDER"}, title
            fates[result.key] += 1
            continue
        fates["served"] += 1
        hold_form(result, INSERT)
        try:
            oracle.hold(
                content,
                result.copy(INSERT),
                STOP,
                wrapped=result.wrapped,
                edits=result.needs_links or result.tracks,
            )
        except AssertionError as error:
            error.add_note(f"in {title}")
            raise
    assert len(messages) >= least
    assert fates["served"] >= served, fates
