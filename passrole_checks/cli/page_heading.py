"""The heading of a page: the repository and commit that were scanned, the time, and links to lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passrole_checks import __version__
from passrole_checks.cli.write_outputs import print_error
from passrole_checks.errors import ConfigurationError, PassRoleChecksError
from passrole_checks.escaping.given_paths import given_paths

if TYPE_CHECKING:
    from passrole_checks.git_versions.checkout import Checkout
    from passrole_checks.output.page_heading import PageHeading
    from passrole_checks.scan.result import ScanResult


def page_heading(paths: Sequence[str], result: ScanResult, account: str | None, options: dict[str, Any]) -> PageHeading:
    """Return the heading of a page about a scan of ``paths``. Unless ``--quiet``, report if git refuses to read.

    Raises a :class:`~passrole_checks.errors.ConfigurationError` if SOURCE_DATE_EPOCH is not a number of seconds.
    """
    from passrole_checks.output.page_heading import PageHeading

    heading = PageHeading(time=_now(), version=__version__, account=account or "")
    checkout = _checkout(paths, result, quiet=options["quiet"])
    if checkout is None:
        return heading
    links = checkout.links(*_forge_of_run())

    def link(file: str, line: int, end_line: int) -> str | None:
        path = checkout.paths.get(file)
        return links.blob(path, line, end_line) if path is not None else None

    return PageHeading(
        repository=checkout.name,
        commit=checkout.commit,
        commit_url=links.commit_url() or "",
        changed=len(checkout.changed | checkout.new),
        time=heading.time,
        version=heading.version,
        account=heading.account,
        link=link,
    )


def _checkout(paths: Sequence[str], result: ScanResult, *, quiet: bool) -> Checkout | None:
    """Return the checkout that contains the first path; None without one, or without git."""
    from passrole_checks.git_versions.checkout import checkout_of

    if paths[0] in given_paths().renamed:  # standard input, in a temporary file that may be in some checkout
        return None
    first = Path(paths[0])
    folder = first if first.is_dir() else first.parent
    files = {*result.files, *(located.grant.at.file for located in result.grants)}
    try:
        return checkout_of(folder, files) if folder.is_dir() else None
    except PassRoleChecksError as error:
        if not quiet:
            print_error(f"{error}; the page names no commit")
        return None


def _forge_of_run() -> tuple[str, str, str]:
    """Return forge, server and repository of the pipeline that this runs in; "" for what is unknown."""
    from passrole_checks.review.ci_context import read_context

    try:
        context = read_context(os.environ)
    except PassRoleChecksError:
        return "", "", ""
    return context.forge, context.server_url, context.repository


def _now() -> str:
    """Return the time in UTC, or that of SOURCE_DATE_EPOCH (https://reproducible-builds.org/specs/source-date-epoch/)."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        moment = datetime.fromtimestamp(int(given), timezone.utc) if given else datetime.now(timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise ConfigurationError(f"SOURCE_DATE_EPOCH: {given!r} is not a number of seconds") from None
    return f"{moment:%Y-%m-%d %H:%M}"
