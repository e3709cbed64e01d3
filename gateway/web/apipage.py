"""The page of the API, made from its OpenAPI document: nothing is fetched from anywhere, no script."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fastapi import Response

from gateway.web import render


def page(document: Mapping[str, Any]) -> Callable[[], Response]:
    """Return what answers with the page; it is made once."""
    made = render.api(document["info"], list(_operations(document)))
    return lambda: made


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            content = said.get("requestBody", {}).get("content", {})
            model = _named(_schema(content), schemas)
            yield {
                "method": method.upper(),
                "path": path,
                "summary": said["summary"],
                "about": said.get("description", ""),
                "parameters": [_parameter(one) for one in said.get("parameters", []) if one["in"] != "header"],
                "takes": model,
                "type": next(iter(content), ""),
                "gives": _named(_answer(said), schemas),
            }


def _parameter(said: Mapping[str, Any]) -> dict[str, Any]:
    about = said.get("description", "")
    return {"name": said["name"], "kind": _kind(said["schema"]), "required": said.get("required"), "about": about}


def _answer(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return _schema(said["responses"].get("200", {}).get("content", {}))


def _schema(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of the first media type."""
    for kind in content.values():
        found: Mapping[str, Any] = kind.get("schema", {})
        return found
    return {}


def _named(schema: Mapping[str, Any], schemas: Mapping[str, Any], within: str = "") -> list[dict[str, Any]]:
    """Return the fields of a model, those of models inside it behind a dot: name, what it takes, what it is."""
    model = schemas.get(_ref(schema), {})
    required = model.get("required", [])
    found: list[dict[str, Any]] = []
    for name, field in model.get("properties", {}).items():
        about = field.get("description", "")
        found.append({"name": within + name, "kind": _kind(field), "required": name in required, "about": about})
        for one in (field, field.get("items", {}), *field.get("anyOf", [])):
            found += _named(one, schemas, f"{within}{name}.") if _ref(one) else []
    return found


def _ref(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _kind(field: Mapping[str, Any]) -> str:
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(_kind(one) for one in field["anyOf"]))
    if "enum" in field:
        return " | ".join(map(str, field["enum"]))
    if "$ref" in field:
        return "object"
    if "items" in field:
        return f"[{_kind(field['items'])}]"
    return str(field.get("format") or field.get("const") or field.get("type", ""))
