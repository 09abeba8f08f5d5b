"""Check exchanges against Gitea's API description (``slice.json``), both directions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SLICE = Path(__file__).with_name("slice.json")
#: Not named for each operation: a bad token, missing scopes, archived repositories, proxies, Gitea's own errors.
GENERAL = frozenset({401, 403, 404, 422, 423, 429, 500, 502, 503})
#: Ignored where a list has no pages ("API usage", section on pagination).
PAGING = frozenset({"page", "limit"})
_PULL = "/repos/{owner}/{repo}/pulls/{index}"
_COMMENT = {"$ref": "#/definitions/PullReviewComment"}
#: Forgejo's own operations (its API description, version 15), with Gitea's types.
FORGEJO: dict[str, Any] = {
    f"POST {_PULL}/reviews/{{id}}/comments": {
        "query": [],
        "body": {"$ref": "#/definitions/CreatePullReviewComment"},
        "responses": {"200": _COMMENT, "403": None, "404": None, "422": None},
    },
    f"DELETE {_PULL}/reviews/{{id}}/comments/{{comment}}": {
        "query": [],
        "body": None,
        "responses": {"204": None, "403": None, "404": None},
    },
}


@lru_cache(maxsize=1)
def description() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SLICE.read_text(encoding="utf-8"))
    return {**loaded, "operations": {**loaded["operations"], **FORGEJO}}


def violations(method: str, path: str, query: dict[str, str], given: Any, status: int, answer: Any) -> Iterator[str]:
    """Yield the deviations of an exchange, one sentence each, starting with the call."""
    call = f"{method} {path}"
    operation = _operation(call)
    if operation is None:
        yield f"{call}: there is no such operation in Gitea's description"
        return
    yield from (f"{call}: there is no parameter {name!r}" for name in sorted({*query} - {*operation["query"]} - PAGING))
    if given is not None or operation["body"] is not None:
        yield from (f"{call}: the request does not fit: {error}" for error in _errors(operation["body"], given))
    if str(status) in operation["responses"]:
        yield from (
            f"{call}: the response {status} does not fit: {error}"
            for error in _errors(operation["responses"][str(status)], answer)
            if status < 300
        )
    elif status not in GENERAL:
        yield f"{call}: no response {status}"


def _operation(call: str) -> dict[str, Any] | None:
    for name, operation in description()["operations"].items():
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(name)), call):
            found: dict[str, Any] = operation
            return found
    return None


def _errors(schema: Any, value: Any) -> Iterator[str]:
    if schema is None:
        if value is not None:
            yield "there is none"
        return
    validator = Draft202012Validator({**schema, "definitions": description()["definitions"]})
    yield from (f"{error.json_path}: {error.message}"[:300] for error in validator.iter_errors(value))
