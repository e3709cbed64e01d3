"""Find, check and load plugins: the operator's folder first, then the built-in ones.

A plugin has one module name, `gateway._plugins.<name>`, whether it lies in the operator's folder, in the installed
package or beside the gateway in a checkout. It is checked before it is run.
"""

import ast
import difflib
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gateway
from gateway.errors import Misuse
from gateway.plugin import BLOCK_STYLES, BUSY, CONSTANTS, HOOKS, REQUIRED, Plugin, Signature

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def load(name: str, folder: Path | None = None) -> Plugin:
    """Return the plugin called `name`; `folder` is the operator's own plugin folder.

    Raises Misuse, naming file, line and cure, when there is none or when it is not a plugin.
    """
    path = _find(name, folder)
    try:
        source = path.read_bytes()
        tree = ast.parse(source, str(path))
    except OSError as error:
        raise Misuse(f"{path}: cannot be read ({error.strerror})") from error
    except (SyntaxError, ValueError) as error:
        raise Misuse(f"{path}: not Python: {error}") from error
    if problems := list(_problems(tree)):
        raise Misuse("\n  ".join([f"{path}: not a plugin", *problems]))
    return _run(name, path, ast.get_docstring(tree) or name)


def available(folder: Path | None = None) -> dict[str, Path]:
    """Return the file of every plugin by name; the operator's go before built-in ones of the same name."""
    return {
        path.stem: path
        for place in reversed(_places(folder))
        for path in sorted(place.glob("*.py"))
        if _NAME.fullmatch(path.stem)
    }


def _places(folder: Path | None) -> list[Path]:
    package = Path(gateway.__file__).resolve().parent
    installed, checkout = package / "_plugins", package.parent / "plugins"
    return [*([folder] if folder else []), installed if installed.is_dir() else checkout]


def _find(name: str, folder: Path | None) -> Path:
    if not _NAME.fullmatch(name):
        raise Misuse(f"{name!r} is not the name of a plugin: lower-case letters, digits and _ only")
    for place in _places(folder):
        if (place / f"{name}.py").is_file():
            return place / f"{name}.py"
    known = sorted(available(folder))
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise Misuse(f"there is no plugin called {name}; {hint}")


def _problems(tree: ast.Module) -> Iterator[str]:
    """Yield what keeps the module from being a plugin, each with its line."""
    names: set[str] = set()
    for statement in ast.walk(tree):
        for name in _busy(statement):
            yield f"it imports {name}; a plugin translates and does nothing"
    for node in tree.body:
        for name in _defined(node):
            names.add(name)
            if not name.startswith("_"):
                yield from _hook(name, node)
    for name in sorted(REQUIRED - names):
        yield f"{name} is missing"


def _busy(node: ast.AST) -> list[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    return [name for name in names if name in BUSY or name.split(".")[0] in BUSY]


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]


def _hook(name: str, node: ast.stmt) -> Iterator[str]:
    place = f"line {node.lineno}"
    if name in CONSTANTS:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield f"{place}: {name} is a value, not a function"
    elif name not in HOOKS:
        known = sorted(CONSTANTS | HOOKS.keys())
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"hooks are {', '.join(known)}"
        yield f"{place}: {name} is not a hook and would never be called; {hint} Names of your own begin with _."
    elif not isinstance(node, ast.FunctionDef):
        yield f"{place}: {name} must be a plain function (def)"
    elif _arguments(node) != HOOKS[name]:
        yield f"{place}: it must read def {name}({', '.join(HOOKS[name])})"


def _arguments(node: ast.FunctionDef) -> tuple[str, ...]:
    given = node.args
    extra = [argument.arg for argument in (given.vararg, given.kwarg, *given.kwonlyargs) if argument]
    return tuple(argument.arg for argument in (*given.posonlyargs, *given.args)) + tuple(extra)


def _run(name: str, path: Path, docstring: str) -> Plugin:
    spec = importlib.util.spec_from_file_location(f"gateway._plugins.{name}", path)
    if spec is None or spec.loader is None:
        raise Misuse(f"{path}: Python cannot load it")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and typing look their module up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise Misuse(f"{path}: it fails when loaded: {type(error).__name__}: {error}") from error
    style = module.BLOCK_STYLE
    if style not in BLOCK_STYLES:
        raise Misuse(f"{path}: BLOCK_STYLE is {style!r}; it must be one of {', '.join(BLOCK_STYLES)}")
    signature = getattr(module, "SIGNATURE", None)
    if not isinstance(signature, Signature | None):
        raise Misuse(f"{path}: SIGNATURE is {signature!r}; it must be a gateway.plugin.Signature")
    title = docstring.split("\n", 1)[0].rstrip(".")
    hooks: dict[str, Any] = {hook: getattr(module, hook, None) for hook in HOOKS}
    return Plugin(name=name, title=title, origin=str(path), block_style=style, signature=signature, **hooks)
