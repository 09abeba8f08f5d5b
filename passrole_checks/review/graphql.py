"""GraphQL queries, which GitHub and GitLab answer alike: errors are in the body, and connections have pages.

Sources: GitHub Docs, GraphQL API, "Using pagination in the GraphQL API"; GitLab Docs, GraphQL API, "Pagination".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from passrole_checks.files.decoded_json import as_list, as_object, get_nested, text_of
from passrole_checks.review.http import ForgeError, Response

PAGE = "pageInfo { hasNextPage endCursor }"
_CALL = "POST /graphql"
_MAX_PAGES = 50


def data_of(response: Response) -> Mapping[str, Any]:
    """Return the data of a response. Raise a :class:`ForgeError` for the first of its errors; their status is 200."""
    errors = as_list(get_nested(response.document, "errors"))
    if errors:
        status = {"FORBIDDEN": 403, "NOT_FOUND": 404}.get(text_of(errors[0], "type"), 200)
        raise ForgeError(_CALL, status, text_of(errors[0], "message"))
    return as_object(get_nested(response.document, "data"))


def pages_of(
    ask: Callable[[Mapping[str, Any]], Mapping[str, Any]], path: tuple[str, str], connection: str
) -> Iterator[Mapping[str, Any]]:
    """Yield the object at a path of the data in each page of its connection. ``ask``: queries with the variable
    ``after``. Raises a :class:`ForgeError` if the connection cannot be read in full."""
    after: object = None
    for _ in range(_MAX_PAGES):
        page = as_object(get_nested(ask({"after": after}), *path))
        if not isinstance(get_nested(page, connection, "nodes"), list):
            raise ForgeError(_CALL, 0, f"the response has no {connection}")
        yield page
        if not get_nested(page, connection, "pageInfo", "hasNextPage"):
            return
        after = get_nested(page, connection, "pageInfo", "endCursor")
    raise ForgeError(_CALL, 0, f"more than {_MAX_PAGES} pages of {connection}")
