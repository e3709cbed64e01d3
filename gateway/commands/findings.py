"""Findings of `flow.listcheck` in words."""

from collections.abc import Sequence

from gateway.commands.common import Shell
from gateway.flow.listcheck import Finding
from gateway.text import say


def show_findings(shell: Shell, found: Sequence[Finding]) -> bool:
    """Print what is missing, each with its article and cure; return whether something blocks."""
    rows = [
        {
            "blocks": finding.blocks,
            "code": finding.code,
            "detail": finding.detail,
            "article": finding.article,
            "what": _sentence(shell, finding),
        }
        for finding in found
    ]
    if rows or shell.out.json:
        shell.out.table(["blocks", "what", "article"], rows)
    blocks = any(finding.blocks for finding in found)
    shell.out.note("check-fails" if blocks else "check-advises" if rows else "check-passes")
    return blocks


def _sentence(shell: Shell, finding: Finding) -> str:
    """Return the words of a finding; a code with a dot is the key of its own sentence."""
    key = finding.code if "." in finding.code else f"commands.check.{finding.code}"
    return say(key, shell.out.lang, detail=finding.detail)
