"""Write the `.out` of golden cases that have none: `python -m tests.mail.accept`; never over a file.

To add a case, write NN-name.eml (CRLF lines), NN-name.why and NN-name.toml, run this, and read what comes out. Keys of
the toml: `bodies` (numbers of the parts that get the mention, the message being 0), `wrapped`, `unfit` (a code),
`lang`, `fields` (of the mention), `remove`, `dropped` (header lines that go), `placeholders` (how many in each body),
`changed` (other parts that change), `opening` (a first line is wanted), `tracking` (the person agreed to it).
"""

import tomllib
from pathlib import Path

from gateway.mail.rewrite import Unfit
from tests.mail.golden_support import insert_of, plan_of

FOLDER = Path(__file__).parent / "golden"


def main() -> None:
    for eml in sorted(FOLDER.glob("*.eml")):
        out, case = eml.with_suffix(".out"), tomllib.loads(eml.with_suffix(".toml").read_text())
        if not out.exists():
            result = plan_of(eml.read_bytes(), case)
            out.write_bytes(b"" if isinstance(result, Unfit) else result.copy(insert_of(case)))


if __name__ == "__main__":
    main()
