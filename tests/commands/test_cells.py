"""Hostile cells: what no database takes is refused with its row, and no cell that we write is run by a spreadsheet."""

import pytest

from gateway.commands.spreadsheet import disarmed
from tests.commands.test_import import AT, Sheet
from tests.support.shell import Gate


def test_a_row_that_is_no_text_is_refused_and_the_others_are_taken(tea: Gate, sheet: Sheet) -> None:
    """One of them ended the import in the middle, by a mistake of ours."""
    rows = [
        '"name": "\\ud800"',
        '"name": "a\\u0000b"',
        '"form": ["\\udfff"]',
        '"name": "\\ud83d\\ude00"',
        '"\\ud800": 1',
    ]
    lines = "".join(f'{{"email": "p{number}@example.org", {row}}}\n' for number, row in enumerate(rows))

    done = tea.json("import", sheet(lines), "--list", "news", *AT, code=1)
    assert (done["taken"], done["reasons"]) == (1, {"unreadable": 4})
    done = tea.json(
        "import", sheet("email;nom\nq1@example.org;a\0b\nq2@example.org;c\n"), "--list", "news", *AT, code=1
    )
    assert (done["taken"], done["reasons"]) == (1, {"unreadable": 1})


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("  =1+1", "'  =1+1"),
        ("\tx", "'\tx"),
        ("＝1+1", "'＝1+1"),
        ("a;=1+1;b", "a;'=1+1;b"),  # as a spreadsheet reads it that takes semicolons for separators, as in France
        ("a\n@x", "a\n'@x"),
        ("a=b; c-d + e", "a=b; c-d + e"),
        ("anna@example.org", "anna@example.org"),
    ],
)
def test_no_cell_begins_like_a_formula_in_any_spreadsheet(value: str, cell: str) -> None:
    assert disarmed(value) == cell
