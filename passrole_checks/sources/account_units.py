"""Read the files of one account as one configuration: ``get-account-authorization-details`` returns pages, which may be
saved to separate files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from passrole_checks.errors import InputError
from passrole_checks.files.json_window import decoded_pieces
from passrole_checks.files.safe_read import open_error_reason, read_from, size_of
from passrole_checks.iam import deadline
from passrole_checks.sources import account
from passrole_checks.sources.model.configuration import Configuration, Framework
from passrole_checks.sources.recognize import LARGEST_PLAN
from passrole_checks.sources.unit import Unit


def load_account(unit: Unit) -> Configuration:
    """Read the files of an account piece by piece. Raises :class:`InputError`."""
    return account.load(*((page.path, _pieces(page)) for page in (unit, *unit.pages)))


def join_account_files(units: Sequence[Unit]) -> Sequence[Unit]:
    """Return units of which those that are files of one account are one; the others are unchanged.

    A file without entities of an account, such as a page of AWS managed policies, is of the only account. A file that
    cannot be read stays a unit.
    """
    files = [unit for unit in units if unit.framework is Framework.ACCOUNT]
    if len(files) < 2:
        return units
    pages: dict[tuple[str, str] | None, list[Unit]] = {}
    for unit in files:
        try:
            pages.setdefault(account.owner_of(_pieces(unit, "replace")), []).append(unit)
        except InputError:  # its reader reports it
            continue
    if len(pages) == 2 and None in pages:
        of_any = pages.pop(None)
        next(iter(pages.values())).extend(of_any)
    pages.pop(None, None)
    joined = {id(first): replace(first, pages=tuple(others)) for first, *others in pages.values()}
    later = {id(unit) for _, *others in pages.values() for unit in others}
    return tuple(joined.get(id(unit), unit) for unit in units if id(unit) not in later)


def _pieces(unit: Unit, errors: str = "strict") -> Iterator[str]:
    """Yield the text of a file piece by piece. Raises :class:`InputError`."""
    if unit.content is not None:
        yield unit.content
        return
    path = unit.path
    try:
        with unit.readable.open(path) as stream:
            if size_of(stream) > LARGEST_PLAN:
                raise InputError(str(path), f"larger than {LARGEST_PLAN // 1_000_000} MB")

            def read(size: int) -> bytes:
                data = read_from(stream, size)
                deadline.grant(len(data))
                return data

            yield from decoded_pieces(read, errors)
    except OSError as error:
        raise InputError(str(path), open_error_reason(path, error)) from None
