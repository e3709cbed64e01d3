"""Findings of `flow.listcheck` in words."""

from collections.abc import Sequence

from gateway.commands.common import Shell
from gateway.flow.listcheck import Finding


def show_findings(shell: Shell, found: Sequence[Finding]) -> bool:
    """Print what is missing, each with its article and cure; return whether something blocks."""
    rows = [
        {
            "blocks": finding.blocks,
            "code": finding.code,
            "detail": finding.detail,
            "article": finding.article,
            "what": shell.out.say(f"check.{finding.code}", detail=finding.detail),
        }
        for finding in found
    ]
    if rows or shell.out.json:
        shell.out.table(["blocks", "what", "article"], rows)
    blocks = any(finding.blocks for finding in found)
    shell.out.note("check-fails" if blocks else "check-passes")
    return blocks
