"""The house keeps its shape: who may import whom, who may touch what, and how large a part may grow (docs/flow.md)."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the ground up; a room sees the lines below its own, itself, and nothing else.
LEVELS = [
    "errors clock text",
    "journal meters",
    "law mail tokens certificate proof",
    "plugin settings",
    "store courier loader",
    "flow",
    "smtp web",
    "probes doctor workforce seat",
    "service sample",
    "demo",
    "commands",
]
LEVEL = {room: level for level, line in enumerate(LEVELS) for room in line.split()}
# What only one room may import or name, because it is that room's reason to be there.
RESERVED = {
    "store": {"sqlmodel", "sqlalchemy", "alembic", "psycopg", "psycopg_pool", "sqlite3"},
    "clock": {"time"},
    "journal": {"logging", "structlog"},
    "meters": {"prometheus_client"},
    "commands": {"click", "rich"},
    "mail": {"flufl"},
    "courier": {"aiosmtplib", "httpcore"},
    "smtp": {"aiosmtpd"},
    "web": {"fastapi", "starlette", "jinja2"},
}
# A plugin translates and does nothing: no network, no files, no database, no clock.
IDLE = "asyncio ftplib http multiprocessing os pathlib shutil smtplib socket sqlite3 ssl subprocess threading time"
CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"), ("func", "now")}
PRINTS = {("", "print"), ("stdout", "write"), ("stderr", "write")}
# Written so that this file does not hold what it looks for.
FOREIGN = re.compile(
    r"pypi\.org|pythonh[o]sted|registry\.npmjs|deb\.debian|proxy\.golang|(^|[^A-Za-z0-9._-])/(work|root|farm)/",
    re.MULTILINE,
)


def trees(*roots: str) -> dict[str, ast.Module]:
    """Return dotted name → syntax tree of every Python file under the roots, migrations excepted."""
    files = [path for root in roots for path in sorted((ROOT / root).rglob("*.py")) if "versions" not in path.parts]
    named = {path.relative_to(ROOT).with_suffix(""): path for path in files}
    return {
        ".".join(name.parts).removesuffix(".__init__"): ast.parse(path.read_bytes()) for name, path in named.items()
    }


HOUSE = trees("gateway")
PLUGINS = trees("plugins")


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield every dotted name that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are written in full"
            # `from gateway.store import spool` means the module spool, `from gateway.text import say` the module text
            yield from (
                f"{node.module}.{a.name}" if f"{node.module}.{a.name}" in HOUSE else node.module for a in node.names
            )


def room(module: str) -> str:
    """Return the room of a module of the house; the package itself has none."""
    return (module + ".").split(".")[1]


def test_imports_go_downwards_only() -> None:
    wrong = [
        f"{module} → {name}"
        for module, tree in HOUSE.items()
        for name in imports(tree)
        if name.startswith("gateway.") and room(name) != room(module) and LEVEL[room(name)] >= LEVEL[room(module)]
    ]
    assert wrong == []


def test_no_module_imports_itself_by_a_detour() -> None:
    graph = {module: {name for name in imports(tree) if name in HOUSE} - {module} for module, tree in HOUSE.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_what_belongs_to_one_room_stays_there() -> None:
    owner = {package: name for name, packages in RESERVED.items() for package in packages}
    wrong = [
        f"{module} imports {name}"
        for module, tree in HOUSE.items()
        for name in imports(tree)
        if owner.get(name.split(".")[0], room(module)) != room(module)
    ]
    assert wrong == []


def test_the_law_needs_the_standard_library_only_and_knows_nobody() -> None:
    law = [name for module, tree in HOUSE.items() if room(module) == "law" for name in imports(tree)]
    own = ("gateway.law", "gateway.errors")
    assert [n for n in law if not n.startswith(own) and n.split(".")[0] not in sys.stdlib_module_names] == []


def test_plugins_translate_and_do_nothing() -> None:
    for module, tree in PLUGINS.items():
        for name in imports(tree):
            top = name.split(".")[0]
            idle = top in sys.stdlib_module_names and top not in IDLE.split() and name != "urllib.request"
            assert idle or name == "gateway.plugin", f"{module} imports {name}"


def calls(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (owner, name) of every call; the owner of a plain function is ""."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value).split(".")[-1], node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id


def test_only_the_clock_reads_the_time_and_only_commands_print() -> None:
    wrong = []
    for module, tree in {**HOUSE, **PLUGINS}.items():
        for call in calls(tree):
            if call in CLOCKS and module != "gateway.clock":
                wrong.append(f"{module} reads the time")
            if call in PRINTS and room(module) not in {"commands", "journal"}:
                wrong.append(f"{module} prints")
    assert wrong == []


def test_only_the_journal_makes_an_address_fit_for_a_log() -> None:
    names = [
        module
        for module, tree in HOUSE.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and re.match(r"_?(mask|redact|anonymi[sz]e)", node.name)
    ]
    assert set(names) <= {"gateway.journal"}


def test_every_module_says_what_it_is_and_hides_no_import() -> None:
    for module, tree in {**HOUSE, **PLUGINS}.items():
        assert ast.get_docstring(tree), f"{module} has no docstring"
        assert not any(isinstance(n, ast.Name) and n.id == "TYPE_CHECKING" for n in ast.walk(tree)), module


def test_no_file_and_no_function_outgrows_its_budget() -> None:
    large = []
    for module, tree in trees("gateway", "plugins", "tests", "bench").items():
        ends = [getattr(node, "end_lineno", 0) for node in ast.walk(tree)]
        if max(ends, default=0) > 400:
            large.append(f"{module}: {max(ends)} lines")
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        large += [
            f"{module}.{f.name}: {f.end_lineno - f.lineno + 1} lines"
            for f in functions
            if f.end_lineno - f.lineno >= 50
        ]
    assert large == []


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    texts = ((path, path.read_text("utf-8", errors="replace")) for path in files)
    assert [f"{path.name}: {hit.group()}" for path, text in texts if (hit := FOREIGN.search(text))] == []


def test_the_table_of_rooms_is_complete() -> None:
    assert {room(module) for module in HOUSE} - {""} <= LEVEL.keys()
    assert all(
        low < high for low, high in pairwise(LEVEL[name] for name in ("law", "settings", "store", "flow", "service"))
    )
