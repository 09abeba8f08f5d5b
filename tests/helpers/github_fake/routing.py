"""Requests, responses, refusals, and the routes of operations."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

from github_fake.world import Pull, Repository, Token, World

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass
class Request:
    """``path``: as requested. ``repository``: the one in it, if any."""

    world: World
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    json: Any
    token: Token | None
    found: Repository | None = None

    @property
    def repository(self) -> Repository:
        assert self.found is not None
        return self.found

    @property
    def viewer(self) -> Token:
        if self.token is None:
            refuse(401, "Requires authentication")
        return self.token

    def pull(self, number: str) -> Pull:
        for pull in self.world.pulls:
            if pull.repository is self.repository and pull.number == int(number):
                return pull
        refuse(404, "Not Found")

    def need(self, *permissions: str, access: str = "write") -> None:
        """Require one of the permissions. Raise Refused as GitHub does: 401 without a token, 403 for an app or a
        person."""
        token = self.viewer
        is_for = self.found is None or token.repository in (None, self.found)
        if is_for and any(token.may(permission, access) for permission in permissions):
            return
        kind = "integration" if token.app else "personal access token"
        accepted = "; ".join(f"{permission.replace('-', '_')}={access}" for permission in permissions)
        refuse(403, f"Resource not accessible by {kind}", headers={"x-accepted-github-permissions": accepted})


@dataclass
class Answer:
    """``body``: serialized to JSON; bytes are sent unchanged; None is no body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, answer.body)
        self.answer = answer


def refuse(
    status: int,
    message: str,
    errors: Sequence[Any] | None = None,
    *,
    headers: dict[str, str] | None = None,
    documentation: str = DOCUMENTATION,
) -> NoReturn:
    body: dict[str, Any] = {"message": message}
    if errors is not None:
        body["errors"] = list(errors)
    raise Refused(Answer(status, body | {"documentation_url": documentation, "status": str(status)}, headers or {}))


def invalid(resource: str, field_name: str, code: str, message: str | None = None) -> NoReturn:
    """Return 422, "Validation Failed", about one field."""
    error = {"resource": resource, "field": field_name, "code": code}
    refuse(422, "Validation Failed", [error | ({"message": message} if message else {})])


Handler = Callable[..., Answer]
_ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Declare the operation of ``template``, the part after ``/repos/{owner}/{repo}``. A parameter ``…_id`` or
    ``…number`` matches digits only."""

    def declare(handler: Handler) -> Handler:
        pattern = re.sub(
            r"\{(\w+)\}",
            lambda name: rf"(?P<{name[1]}>{_form(name[1])})",
            re.escape(template).replace(r"\{", "{").replace(r"\}", "}"),
        )
        _ROUTES.append((method, re.compile(pattern), handler))
        return handler

    return declare


def _form(name: str) -> str:
    if name.endswith(("_id", "number")):
        return r"[0-9]+"
    return r".+" if name == "ref" else r"[^/]+"


def handler_of(method: str, path: str) -> tuple[Handler, dict[str, str]] | None:
    for wanted, pattern, handler in _ROUTES:
        match = pattern.fullmatch(path)
        if wanted == method and match:
            return handler, match.groupdict()
    return None


def paged(request: Request, things: Sequence[Any], wrap: Callable[[list[Any]], Any] = lambda page: page) -> Answer:
    """Return one page of 30 elements, or as requested, at most 100, and the ``Link`` to the others, which contains the
    repository id ("Using pagination in the REST API"; the recordings of octokit/fixtures)."""
    size = min(max(_number(request, "per_page", 30), 1), 100)
    page = max(_number(request, "page", 1), 1)
    last = max(-(-len(things) // size), 1)
    there = {"first": 1, "prev": page - 1} if page > 1 else {}
    if page < last:
        there |= {"next": page + 1, "last": last}
    links = ", ".join(f'<{_page_url(request, number)}>; rel="{name}"' for name, number in there.items())
    return Answer(200, wrap(list(things[(page - 1) * size : page * size])), {"link": links} if links else {})


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else default


def _page_url(request: Request, page: int) -> str:
    path = re.sub(r"^/(repos/[^/]+/[^/]+|repositories/\d+)", f"/repositories/{request.repository.id}", request.path)
    return f"{request.world.url}{path}?{urlencode(request.query | {'page': str(page)})}"
