"""The heading of a page, as plain data."""

from __future__ import annotations

from collections.abc import Callable

from passrole_checks.iam.fast_dataclass import dataclass


def no_link(_file: str, _line: int, _end_line: int) -> str | None:
    """Return no URL."""
    return None


@dataclass(frozen=True, slots=True)
class PageHeading:
    """The repository, commit and time of a scan; "" for what is unknown.

    Attributes:
        repository: the name of the git repository.
        commit: the id of the commit that is checked out.
        commit_url: its URL.
        changed: the number of scanned files that differ from the commit or are not in it.
        time: when the page was written, in UTC.
        version: the version of this package.
        account: the account that is deployed to.
        link: returns the URL of lines of a file; None if there is none.
    """

    repository: str = ""
    commit: str = ""
    commit_url: str = ""
    changed: int = 0
    time: str = ""
    version: str = ""
    account: str = ""
    link: Callable[[str, int, int], str | None] = no_link
