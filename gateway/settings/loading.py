"""Read a configuration: every problem at once, each with its place and its cure."""

import dataclasses
import difflib
import secrets
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from gateway.errors import Misuse
from gateway.settings.kinds import Secret
from gateway.settings.section import Section
from gateway.settings.sections import Settings, ToolAt


def load(path: Path | None) -> Settings:
    """Return the settings of a TOML file, or the embedded defaults (everything in ./var) when `path` is None.

    Relative paths count from the folder of the file. Secrets are not opened. Raises Misuse with all problems.
    """
    if path is None:
        return _anchored(Settings(), Path.cwd())
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise Misuse(f"{path}: cannot be read ({error.strerror}); `consentgate init` writes a configuration") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misuse(f"{path}: not TOML: {error}") from error
    try:
        settings = Settings.model_validate(data)
    except ValidationError as error:
        problems = sorted(set(_problems(error)))
        head = f"{path}: {len(problems)} problem{'s' if len(problems) > 1 else ''} in the configuration"
        raise Misuse("\n  ".join([head, *problems])) from error
    return _anchored(settings, path.resolve().parent)


def lacking(settings: Settings) -> list[str]:
    """Return what the settings name but this machine does not have: secrets, files, folders."""
    found = []
    for version, secret in settings.gateway.secrets.items():
        found += _trouble(f"gateway.secrets.{version}", secret, least=32)
    if settings.upstream.password is not None:
        found += _trouble("upstream.password", settings.upstream.password, least=1)
    for login, tool in settings.plugins.tools.items():
        if tool.password is not None:
            found += _trouble(f"plugins.tools.{login}.password", tool.password, least=1)
        if tool.hook is not None:
            found += _trouble(f"plugins.tools.{login}.hook", tool.hook, least=16)
    for place, file in (
        ("smtp.certificate", settings.smtp.certificate),
        ("smtp.private_key", settings.smtp.private_key),
        ("plugins.folder", settings.plugins.folder),
        ("gateway.mentions", settings.gateway.mentions),
        ("gateway.sectors", settings.gateway.sectors),
    ):
        if file is not None and not file.exists():
            found.append(f"{place}: {file} does not exist; correct the path or create it")
    return found


def provide(settings: Settings) -> None:
    """Create what the settings need and may be made on the spot: folders, and secret files not there yet (0600).

    Never changes a file that exists.
    """
    for place in _folders(settings):
        place.mkdir(parents=True, exist_ok=True)
    for secret in settings.gateway.secrets.values():
        kind, _, name = secret.source.partition(":")
        file = secret.folder / name
        if kind == "file" and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(48) + "\n", "ascii")


def _folders(settings: Settings) -> Iterator[Path]:
    scheme, _, rest = settings.store.url.partition(":///")
    if scheme == "sqlite" and rest:
        yield Path(rest).parent
    kind, _, rest = settings.upstream.url.partition(":")
    if kind == "maildir":
        yield Path(rest).parent


def _trouble(place: str, secret: Secret, least: int) -> list[str]:
    try:
        length = len(secret.read_bytes())
    except Misuse as error:
        return [f"{place}: {error}"]
    if length < least:
        return [
            f"{place}: {length} bytes are too few, at least {least} are needed; `consentgate init` writes good ones"
        ]
    return []


def _anchored(settings: Settings, folder: Path) -> Settings:
    """Return the settings with every relative path made absolute."""
    scheme, _, rest = settings.store.url.partition(":///")
    if scheme == "sqlite" and rest and rest != ":memory:":
        settings = _changed(settings, "store", url=f"sqlite:///{folder / rest}")
    kind, _, rest = settings.upstream.url.partition(":")
    if kind == "maildir":
        settings = _changed(settings, "upstream", url=f"maildir:{folder / rest}")
    paths = {name: folder / value for name in ("certificate", "private_key") if (value := getattr(settings.smtp, name))}
    settings = _changed(settings, "smtp", **paths)
    if settings.plugins.folder:
        settings = _changed(settings, "plugins", folder=folder / settings.plugins.folder)
    paths = {name: folder / value for name in ("mentions", "sectors") if (value := getattr(settings.gateway, name))}
    settings = _changed(settings, "gateway", **paths)
    if settings.upstream.password:
        settings = _changed(settings, "upstream", password=_homed(settings.upstream.password, folder))
    tools = {login: _homed_tool(tool, folder) for login, tool in settings.plugins.tools.items()}
    settings = _changed(settings, "plugins", tools=tools)
    keys = {version: _homed(secret, folder) for version, secret in settings.gateway.secrets.items()}
    return _changed(settings, "gateway", secrets=keys)


def _homed(secret: Secret, folder: Path) -> Secret:
    return dataclasses.replace(secret, folder=folder)


def _homed_tool(tool: ToolAt, folder: Path) -> ToolAt:
    secrets = {name: _homed(secret, folder) for name in ("password", "hook") if (secret := getattr(tool, name))}
    return tool.model_copy(update=secrets)


def _changed(settings: Settings, section: str, **values: object) -> Settings:
    part: Section = getattr(settings, section)
    return settings.model_copy(update={section: part.model_copy(update=values)})


def _problems(error: ValidationError) -> Iterator[str]:
    for entry in error.errors(include_url=False):
        place = ".".join(str(part) for part in entry["loc"] if part != "[key]")
        if entry["type"] == "extra_forbidden":
            yield f"{place}: {_unknown(entry['loc'])}"
        elif entry["type"] == "value_error":
            text = str(entry["ctx"]["error"])
            # A check of a whole section names its own setting.
            yield text if text.startswith(f"{place}.") else f"{place}: {text}"
        else:
            yield f"{place}: {_sentence(entry)}"


def _unknown(loc: tuple[int | str, ...]) -> str:
    model: type[BaseModel] = Settings
    parts = iter(loc[:-1])
    for part in parts:
        kind = model.model_fields[str(part)].annotation
        if not isinstance(kind, type):  # a table of sections by names of the user's own
            next(parts)
            kind = get_args(kind)[1]
        model = kind
    known = list(model.model_fields)
    word = "setting" if len(loc) > 1 else "section"
    near = difflib.get_close_matches(str(loc[-1]), known, n=1, cutoff=0.5)
    if near:
        return f"unknown {word}; did you mean {near[0]}?"
    return f"unknown {word}; known are {', '.join(known)}"


def _sentence(entry: Mapping[str, Any]) -> str:
    given = entry["input"]
    shown = repr(given) if isinstance(given, (str, int, float)) else "this"
    for prefix, text in _SENTENCES.items():
        if entry["type"].startswith(prefix):
            return text.format(shown=shown, **entry.get("ctx", {}))
    return str(entry["msg"])


# What pydantic's error types mean to the person who writes the file, by the beginning of their names.
_SENTENCES = {
    "literal_error": "{shown} is not one of {expected}",
    "greater_than_equal": "{shown} is too small; at least {ge}",
    "less_than_equal": "{shown} is too large; at most {le}",
    "model_": "is a section; write it as a table, [name] on a line of its own",
    "dict_type": 'is a table; write for example [gateway.secrets] and below it 1 = "file:var/secret-1"',
    "string_type": "{shown} is not text; put it in quotes",
    "path_type": "{shown} is not a path; put it in quotes",
    "bool_": "{shown} is neither true nor false; write it without quotes",
    "int_": "{shown} is not a whole number; write it in digits without quotes",
    "byte_size": '{shown} is not a size; write bytes or for example "25MiB"',
    "too_short": "at least one is needed",
    "tuple_": 'is a list; write for example ["5m", "1h"] with square brackets',
    "frozen_set_": 'is a list; write for example ["FR"] with square brackets',
}
