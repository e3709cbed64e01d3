"""Coverage-guided fuzzing of the mail room: `make fuzz ARGS="mime 3600"` (a target and how many seconds).

What is found new goes to var/fuzz/<target>; an input that breaks something is written to var/fuzz/ as <target>-crash-*.
Inputs worth keeping go to tests/fuzz/seeds/<target>, which the suite replays.
"""

import sys
from pathlib import Path

import atheris

HERE = Path(__file__).parent
WORK = Path("var/fuzz")


def main() -> None:
    """Fuzz one target for a time."""
    name, seconds = (*sys.argv[1:], "mime", "600")[:2] if len(sys.argv) < 3 else sys.argv[1:3]
    with atheris.instrument_imports(include=["gateway.mail"]):
        from tests.fuzz.targets import LARGEST, TARGETS  # noqa: PLC0415 - instrumented as it is imported
    found = WORK / name
    found.mkdir(parents=True, exist_ok=True)
    folders = [found, HERE / "seeds" / name, *([HERE.parent / "mail" / "golden"] if name == "mime" else [])]
    arguments = [
        *[str(folder) for folder in folders if folder.is_dir()],
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST}",
        f"-dict={HERE / 'words.dict'}",
        f"-artifact_prefix={WORK}/{name}-",
        "-timeout=60",
        "-rss_limit_mb=4000",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
