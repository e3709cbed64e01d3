"""`law`: the rules, why one person is or is not mailed, and cases that a lawyer can read and run."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from gateway.commands.common import Noun, Shell, no, pass_shell
from gateway.commands.output import cell
from gateway.flow import check as flow
from gateway.law import cases
from gateway.law.decide import Outcome, Step
from gateway.law.reasons import REASONS
from gateway.law.rules import RULES
from gateway.mail.address import parse
from gateway.text import has, say


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
    """Say why a person may or may not be mailed for a list: every rule, what was known, what was not, which article.

    Exit code 1 when the answer is no.
    """
    with shell.context() as context:
        steps = flow.steps(context, list_name, parse(address))
    if shell.out.json:
        shell.out.data([_row(step) for step in steps])
    else:
        asked = [step for step in steps if full or step.outcome is not Outcome.IDLE]
        shell.out.table(["question", "answer", "seen", "article"], [_told(shell, step) for step in asked])
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


def _told(shell: Shell, step: Step) -> dict[str, str]:
    """Return a step in plain words."""
    lang = shell.out.lang
    answer = step.outcome.value if step.outcome is not Outcome.DECIDES else REASONS[step.code].fate.value
    seen = [
        say("explain.say.known", lang, what=_fact(name, lang), value=_value(shell, value)) for name, value in step.known
    ]
    seen += [say("explain.say.missing", lang, what=_fact(name, lang)) for name in step.missing]
    return {
        "question": say(f"explain.rule.{step.rule}", lang),
        "answer": say(f"explain.answer.{answer}", lang),
        "seen": " · ".join(seen),
        "article": step.article,
    }


def _fact(name: str, lang: str) -> str:
    return say(f"explain.fact.{name.replace('.', '-')}", lang)


def _value(shell: Shell, text: str) -> str:
    """Return a value that a rule looked at in plain words; what is not one of ours stays as it is."""
    if text in {"True", "False"}:
        return say(f"explain.say.{'yes' if text == 'True' else 'no'}", shell.out.lang)
    words = [f"explain.value.{word}" for word in text.split(", ")]
    if all(has(word, shell.out.lang) for word in words):
        return ", ".join(say(word, shell.out.lang) for word in words)
    try:
        return cell(datetime.fromisoformat(text), shell.out.zone) if "T" in text else text
    except ValueError:
        return text


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
    if shown or shell.out.json:
        shell.out.table(["id", "expected", "verdict", "differences", "issue"], shown)
    shell.out.note("law-cases", passed=sum(one.passed for one in results), total=len(results))
    if wrong:
        no()
