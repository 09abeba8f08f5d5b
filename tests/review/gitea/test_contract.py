"""The fake of Gitea finds exchanges that do not fit Gitea's API description."""

from __future__ import annotations

from typing import Any

import pytest
from gitea_fake import contract

PULL = "/repos/acme/infra/pulls/7"
COMMENT = {"id": 1, "body": "x", "user": {"id": 2, "login": "someone"}}


@pytest.mark.parametrize(
    ("method", "path", "query", "given", "status", "answer", "words"),
    [
        ("GET", "/repos/acme/infra/pull/7", {}, None, 200, {}, "no such operation"),
        ("GET", f"{PULL}/reviews", {"per_page": "9"}, None, 200, [], "no parameter 'per_page'"),
        ("POST", f"{PULL}/reviews", {}, {"event": "COMMENTED"}, 200, {}, "'COMMENTED' is not one of"),
        ("POST", f"{PULL}/reviews", {}, {"comments": [{"line": 3}]}, 200, {}, "'line' was unexpected"),
        ("POST", f"{PULL}/reviews", {}, {"comments": [{"new_position": "3"}]}, 200, {}, "not of type"),
        ("GET", f"{PULL}/reviews", {}, None, 200, [{"id": "1"}], "response 200 does not fit"),
        ("POST", "/repos/acme/infra/issues/7/comments", {}, {}, 201, COMMENT, "request does not fit"),
        ("POST", "/repos/acme/infra/issues/7/comments", {}, {"body": "x"}, 202, COMMENT, "no response 202"),
        ("DELETE", f"{PULL}/reviews/3", {}, {"a": 1}, 204, None, "there is none"),
        ("POST", "/repos/acme/infra/issues/7/comments", {}, {"body": "x"}, 201, COMMENT, ""),
        ("POST", f"{PULL}/reviews/3/comments", {}, {"path": "a", "new_position": 1, "body": "x"}, 200, {"id": 1}, ""),
    ],
)
def test_deviations_are_found(
    method: str, path: str, query: dict[str, str], given: Any, status: int, answer: Any, words: str
) -> None:
    """An exchange that does not fit is named, in requests and responses; one that fits is not."""
    found = " ".join(contract.violations(method, path, query, given, status, answer))
    assert words in found and bool(found) is bool(words)
