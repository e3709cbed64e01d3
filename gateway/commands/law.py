"""`law`: the rules, why one person is or is not mailed, and cases that a lawyer can read and run."""

from pathlib import Path
from typing import Any

import click

from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.flow import check as flow
from gateway.law import cases
from gateway.law.decide import Outcome, Step
from gateway.law.rules import RULES
from gateway.mail.address import parse
from gateway.text import say


@click.group(cls=Noun)
def law() -> None:
    """Read the law as a table, and ask it."""


@law.command()
@pass_shell
def table(shell: Shell) -> None:
    """Print every rule in the order in which it is asked; the first that holds gives the verdict."""
    rows = [
        {
            "gate": rule.gate,
            "rule": rule.name,
            "code": rule.reason.code,
            "fate": rule.reason.fate.value,
            "smtp": rule.reason.smtp,
            "status": rule.reason.status,
            "article": rule.article or rule.reason.article,
            "inject": sorted(token.value for token in rule.reason.inject),
            "sentence": say(f"law.{rule.reason.code}", shell.out.lang),
        }
        for rule in RULES
    ]
    shell.out.table(["gate", "rule", "code", "article"], rows)


@law.command()
@click.argument("address")
@click.option("--list", "list_name", required=True, help="List that would be mailed.")
@click.option("--full", is_flag=True, help="Also the rules that were not asked.")
@pass_shell
def explain(shell: Shell, address: str, list_name: str, full: bool) -> None:
    """Say why a person may or may not be mailed for a list: every rule, what it looked at, what was missing.

    Exit code 1 when the answer is no.
    """
    with shell.context() as context:
        steps = flow.steps(context, list_name, parse(address))
    rows = [_row(step) for step in steps if full or shell.out.json or step.outcome is not Outcome.IDLE]
    shell.out.table(["rule", "outcome", "code", "known", "missing"], rows)
    deciding = next(step for step in steps if step.outcome in {Outcome.DECIDES, Outcome.UNREAD})
    shell.out.note("law-verdict", code=deciding.code, sentence=say(f"law.{deciding.code}", shell.out.lang))
    if not deciding.code.startswith("A-"):
        no()


def _row(step: Step) -> dict[str, Any]:
    return {
        "gate": step.gate,
        "rule": step.rule,
        "outcome": step.outcome.value,
        "code": step.code,
        "article": step.article,
        "known": dict(step.known),
        "missing": list(step.missing),
        "because": list(step.because),
    }


@law.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@pass_shell
def test(shell: Shell, file: Path) -> None:
    """Run a file of cases (TOML, as tests/law/cases.toml). Exit code 1 when one gives another verdict than it says."""
    results = [cases.run(case) for case in cases.load(file)]
    wrong = [one for one in results if not one.passed and one.case.issue is None]
    rows = [
        {
            "id": one.case.id,
            "passed": one.passed,
            "expected": one.case.expect,
            "verdict": one.verdict.code,
            "issue": one.case.issue,
            "says": one.case.says,
            "differences": [f"{found.what}: {found.got} ≠ {found.expected}" for found in one.differences],
        }
        for one in results
    ]
    shown = rows if shell.out.json else [row for row in rows if not row["passed"]]
    shell.out.table(["id", "expected", "verdict", "differences", "issue"], shown)
    shell.out.note("law-cases", passed=sum(one.passed for one in results), total=len(results))
    if wrong:
        no()
