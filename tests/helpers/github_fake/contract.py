"""Check exchanges against GitHub's own API description (``slice.json``, by ``openapi-core``, both directions). Checked
in addition: a request must not have names that the description lacks (GitHub refuses some, and silently drops
others), and responses that any operation can give (:data:`GENERAL`) are objects with a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

SLICE = Path(__file__).with_name("slice.json")
HOST = "https://api.github.com"

#: Not named for each operation: no or a bad token, missing permission, rate limits, missing resources, GitHub's own
#: errors ("Troubleshooting the REST API", "Rate limits for the REST API").
GENERAL = frozenset({301, 307, 401, 403, 404, 410, 422, 429, 500, 502, 503, 504})


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SLICE.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def _api() -> OpenAPI:
    return OpenAPI.from_dict(description())


def violations(
    method: str, path: str, query: dict[str, str], body: bytes, status: int, kind: str, answer: bytes
) -> Iterator[str]:
    """Return the deviations of an exchange, one sentence each, starting with the call. ``kind``: the content type of
    the response."""
    call = f"{method} {path}"
    found = _operation(method.lower(), path)
    if found is None:
        yield f"{call}: there is no such operation in GitHub's description"
        return
    request = MockRequest(HOST, method.lower(), path, args=query, data=body or None, content_type="application/json")
    try:
        _api().validate_request(request)
    except OpenAPIError as error:
        yield f"{call}: the request does not fit: {_told(error)}"
    if body:
        yield from (f"{call}: the request has {name!r}, which is not described" for name in _undescribed(found, body))
    known = {each["name"] for each in _parameters(found) if each["in"] == "query"}
    yield from (f"{call}: the request has ?{name}, which is not described" for name in sorted(set(query) - known))
    if str(status) in found["responses"]:
        try:
            _api().validate_response(request, MockResponse(answer, status, content_type=kind))
        except OpenAPIError as error:
            yield f"{call}: the answer {status} does not fit: {_told(error)}"
    elif status not in GENERAL:
        yield f"{call}: the answer {status} is not described"
    elif not isinstance(json.loads(answer or b"{}").get("message"), str):
        yield f"{call}: the answer {status} has no message"


def _told(error: BaseException) -> str:
    """Return the innermost reason, and its location in the value."""
    reason = str(error)
    cause: BaseException | None = error
    while cause is not None:
        found = sorted(
            f"at {'/'.join(map(str, each.path)) or 'the top'}: {each.message[-300:]}"
            for each in getattr(cause, "schema_errors", ())
        )
        reason = "; ".join(found) or str(cause)
        cause = cause.__cause__
    return reason[:1000]


def _operation(method: str, path: str) -> dict[str, Any] | None:
    """Find the operation of a path. Literal segments take precedence over parameters, as in openapi-core."""
    parts = path.split("/")
    best: tuple[int, dict[str, Any]] | None = None
    for template, operations in description()["paths"].items():
        names = template.split("/")
        if method not in operations or len(names) != len(parts):
            continue
        pairs = list(zip(names, parts, strict=True))
        if all(name == part or (name.startswith("{") and part) for name, part in pairs):
            written = sum(name == part for name, part in pairs)
            if best is None or written > best[0]:
                best = (written, operations[method])
    return best[1] if best else None


def _resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        target: Any = description()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def _parameters(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [_resolved(each) for each in operation.get("parameters", [])]


def _undescribed(operation: dict[str, Any], body: bytes) -> Iterator[str]:
    content = _resolved(operation.get("requestBody", {})).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    if schema is None:
        yield "a body"
        return
    try:
        value = json.loads(body)
    except ValueError:
        return  # openapi-core tells
    yield from _names(schema, value, "")


def _names(schema: Any, value: Any, at: str) -> Iterator[str]:
    schema = _resolved(schema)
    if isinstance(value, list):
        for each in value:
            yield from _names(schema.get("items", {}), each, at)
    if isinstance(value, dict):
        known = dict(_properties(schema))
        for name, inner in value.items():
            if known and name not in known:
                yield f"{at}{name}"
            elif name in known:
                yield from _names(known[name], inner, f"{at}{name}.")


def _properties(schema: Any) -> Iterator[tuple[str, Any]]:
    schema = _resolved(schema)
    for part in ("oneOf", "anyOf", "allOf"):
        for each in schema.get(part, ()):
            yield from _properties(each)
    yield from schema.get("properties", {}).items()
