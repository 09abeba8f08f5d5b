"""The IAM entities of accounts as context of what is scanned (``--account-details``).

The files are read once in a process; worker processes that are forked afterwards share them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.errors import InputError
from passrole_checks.files.access_log import FileAccessLog, recording_accesses
from passrole_checks.files.safe_read import NOT_REGULAR, content_version, open_error_reason, open_regular, read_from
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.read_boundary import Boundary, boundary_of_context
from passrole_checks.sources.model.configuration import Configuration, Framework, NoteKind, Unreadable, recording_faults
from passrole_checks.sources.model.context import Context, contexts_of, drift, in_context, with_known_documents

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScanOptions
    from passrole_checks.sources.detect import Unit

NOT_ACCOUNT_DETAILS = "not the output of `aws iam get-account-authorization-details`"

_PIECE = 1 << 20  # bytes
_DATE = lazy_regex(rb'"(?:CreateDate|UpdateDate|LastUsedDate)"\s*:\s*"(\d{4}-\d\d-\d\d)')


@dataclass(frozen=True, slots=True)
class AccountDetails:
    """The content of files with the IAM entities of accounts, and what cannot be read or is missing in them."""

    contexts: tuple[Context, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    notes: tuple[Unreadable, ...] = ()


NO_DETAILS = AccountDetails()

_Version = tuple[str, Hashable]
_last: dict[tuple[_Version, ...], AccountDetails] = {}  # the files that were read last


def read_account_details(paths: Sequence[Path]) -> AccountDetails:
    """Read files with the IAM entities of accounts. Never raises: what cannot be read is in ``unreadable``."""
    key = _versions(paths)
    if key not in _last:
        with recording_accesses(FileAccessLog()):  # they belong to no unit
            found = _read(list(dict.fromkeys(paths)))
        _last.clear()
        _last[key] = found
    return _last[key]


def with_account_details(
    configuration: Configuration, options: ScanOptions
) -> tuple[Configuration, tuple[Unreadable, ...]]:
    """Return a configuration with the IAM entities of its account as context, and a note if no file is of that."""
    if not options.account_details:
        return configuration, ()
    contexts = read_account_details(options.account_details).contexts
    used = contexts_of(configuration, contexts, options.account)
    if contexts and not used:
        account = options.account or configuration.account or configuration.change.home.account
        reason = f"account {account} is in no file of --account-details" if account else _AMBIGUOUS
        file = next(iter(configuration.files), "")
        return configuration, (Unreadable(file, reason, subject=reason, kind=NoteKind.DEFINED_ELSEWHERE),)
    joined = in_context(configuration, used, options.account)
    return joined, tuple(_inferred_names(joined))


def with_account_documents(configuration: Configuration, options: ScanOptions) -> Configuration:
    """Return a configuration with the documents of the managed policies of its account that it attaches or looks up."""
    if not options.account_details:
        return configuration
    return with_known_documents(configuration, read_account_details(options.account_details).contexts, options.account)


def _inferred_names(configuration: Configuration) -> Iterator[Unreadable]:
    """Yield a note on each entity of a configuration whose name is not known, and that is taken for one of the
    account."""
    at = {one.address: one.at for one in configuration.resources}
    for deployed, address in configuration.surroundings.context.inferred:
        reason = f"{address}: taken for {deployed}, the only one in the account with such a name"
        where = at.get(address)
        file, line = (where.file, where.line) if where else (next(iter(configuration.files), ""), None)
        yield Unreadable(file, reason, line, kind=NoteKind.INFERRED_NAME)


def account_drift(configuration: Configuration, options: ScanOptions) -> tuple[Unreadable, ...]:
    """Return a note on each policy that the account does not have as it was before the change that a plan or a change
    set makes."""
    if not options.account_details or configuration.change.before is None:
        return ()
    contexts = contexts_of(configuration, read_account_details(options.account_details).contexts, options.account)
    return tuple(note for context in contexts for note in drift(configuration, context))


_AMBIGUOUS = "--account-details has files of several accounts, and the account deployed to is unknown: set --account"


def _versions(paths: Iterable[Path]) -> tuple[_Version, ...]:
    return tuple((str(path), content_version(str(path))) for path in paths)


def digest_of_account_details(paths: Sequence[Path]) -> str:
    """Return a digest of the content of the files, to verify that another computer has the same ones."""
    return _digest_of(_versions(paths)) if paths else ""


@lru_cache(maxsize=4)
def _digest_of(versions: tuple[_Version, ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path, _ in versions:
        try:
            with open_regular(path) as stream:
                while piece := read_from(stream, _PIECE):
                    digest.update(piece)
        except OSError as error:
            digest.update(f"error {error.errno}".encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _read(paths: Sequence[Path]) -> AccountDetails:
    """Read files; those of one account are one context."""
    from passrole_checks.sources import detect  # the readers are heavy
    from passrole_checks.sources.account_units import join_account_files

    units: list[Unit] = []
    contexts: list[Context] = []
    faults: list[Unreadable] = []
    with boundary_of_context(Boundary.around(*(path.resolve().parent for path in paths))):
        for path in paths:
            with _recording(path, faults):
                units.append(_unit(path))
        for unit in join_account_files(units):
            with _recording(unit.path, faults):
                date = max(_date(page.path) for page in (unit, *unit.pages))
                contexts.append(Context(detect.load(unit), f"the account file of {date}"))
    read = [context.configuration for context in contexts]
    return AccountDetails(
        tuple(contexts),
        (*faults, *(entry for one in read for entry in one.notes.unreadable)),
        tuple(note for one in read for note in one.notes.not_evaluated),
    )


@contextmanager
def _recording(path: Path, faults: list[Unreadable]) -> Iterator[None]:
    """Record that a file cannot be read, or an internal error in it, and continue."""
    with recording_faults(str(path), faults):
        try:
            yield
        except InputError as error:
            faults.append(Unreadable(error.file, error.reason, error.line))


def _unit(path: Path) -> Unit:
    """Return the unit of a file. Raises :class:`InputError`."""
    from passrole_checks.sources import detect
    from passrole_checks.sources.recognize import NOT_INFRASTRUCTURE, recognize

    if not os.path.lexists(path):
        raise InputError(str(path), "no such file")
    if not path.is_file():
        raise InputError(str(path), NOT_REGULAR)
    resolved = path.resolve()
    recognized = recognize(resolved, named=True)
    if recognized.framework is not Framework.ACCOUNT:
        reason = recognized.unreadable
        raise InputError(
            str(path), reason if reason and reason != NOT_INFRASTRUCTURE else NOT_ACCOUNT_DETAILS, recognized.line
        )
    return detect.Unit(Framework.ACCOUNT, resolved, named=True)


_OVERLAP = 100  # more than a key with its date


def _date(path: Path) -> str:
    """Return the newest date in a file, at or after which it was written; without any, that of its last change.

    Copies and checkouts change the time of a file, and the dates of entities and of their last use stay.
    """
    newest, rest = b"", b""
    try:
        with open_regular(path) as stream:
            while piece := read_from(stream, _PIECE):
                newest = max([newest, *_DATE.findall(rest + piece)])
                rest = (rest + piece)[-_OVERLAP:]
        if newest:
            return str(newest, "ascii")
        return datetime.fromtimestamp(path.stat().st_mtime, timezone.utc).date().isoformat()
    except OSError as error:
        raise InputError(str(path), open_error_reason(path, error)) from None
