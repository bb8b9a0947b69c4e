"""The console's API described as OpenAPI 3.1, from the routes themselves: what each takes stands at
its handler, what it does in the handler's docstring."""

import re
from collections.abc import Callable, Iterable
from inspect import getdoc
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

H = TypeVar("H", bound=Callable[..., Any])

_PARAMETER = re.compile(r"\{(\w+)\}")
_REFUSED = {
    "400": "what was sent is wrong; the text says what",
    "401": "a login is needed",
    "403": "the login's role is not enough",
}


def takes(
    *, query: type[BaseModel] | None = None, body: type[BaseModel] | None = None
) -> Callable[[H], H]:
    """Notes what a handler reads from the address and from the body."""

    def mark(handler: H) -> H:
        handler.__dict__["takes"] = (query, body)
        return handler

    return mark


def openapi(routes: Iterable[web.RouteDef]) -> dict[str, Any]:
    """The description of some routes."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {}
    for route in routes:
        described = _operation(route, schemas)
        paths.setdefault(route.path, {})[route.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "HuixiangDou console", "version": "1"},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(route: web.RouteDef, schemas: dict[str, Any]) -> dict[str, Any]:
    handler: Any = route.handler
    query, body = getattr(handler, "takes", (None, None))
    role = getattr(handler, "role", None)
    refused = {code: {"description": text} for code, text in _REFUSED.items()}
    operation: dict[str, Any] = {
        "summary": " ".join((getdoc(handler) or "").split()),
        "parameters": [*_in_path(route.path), *(_in_query(query) if query else ())],
        "responses": {"200": {"description": "done"}, **refused},
    }
    if role is not None:
        operation["description"] = f"needs the role {role}"
    if body is not None:
        template = "#/components/schemas/{model}"
        schema = body.model_json_schema(ref_template=template)
        schemas |= schema.pop("$defs", {})
        schemas[body.__name__] = schema
        ref = {"$ref": template.format(model=body.__name__)}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": ref}},
        }
    return operation


def _in_path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(path)
    ]


def _in_query(query: type[BaseModel]) -> list[dict[str, Any]]:
    schema = query.model_json_schema()
    wanted = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in wanted, "schema": shape}
        for name, shape in schema["properties"].items()
    ]
