"""The public Python API, on which the command line is built.

Stable like the command line: names and parameters are added, and removed only with a major version. Everything else in
the package is internal. Functions never raise for what is in the files: what could not be read is in ``unreadable``,
internal errors are in ``faults``. They raise a :class:`ConfigurationError` for arguments that cannot be used.

>>> from passrole_checks.api import scan
>>> policy = '''
... resource "aws_iam_role_policy" "deploy" {
...   role   = "deployer"
...   policy = jsonencode({
...     Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]
...   })
... }
... '''
>>> [(finding.check_id, finding.severity.value) for finding in scan(text=policy, name="main.tf").findings]
[('PASSROLE_001', 'high')]
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from passrole_checks.errors import ConfigurationError, InputError, PassRoleChecksError
from passrole_checks.escaping.shorten import listed, shortened
from passrole_checks.findings import Confidence, Finding, Severity
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.scan.result import LocatedGrant as Grant
from passrole_checks.scan.result import ScanOptions, ScanResult
from passrole_checks.sources.model.configuration import Inputs, Unreadable
from passrole_checks.suggest.grade import Grade, grades_to_write

if TYPE_CHECKING:
    from passrole_checks.diff import AccessDifference
    from passrole_checks.required.already_allowed import AlreadyAllowed
    from passrole_checks.required.required_grants import Required
    from passrole_checks.scan.cache.store import ResultStore
    from passrole_checks.scan.result import Analysis, ScannedUnit
    from passrole_checks.scan.scanner import ReadPaths, UnitScanner
    from passrole_checks.sources.detect import Unit
    from passrole_checks.sources.model.configuration import Configuration
    from passrole_checks.sources.unit_tasks import Distribute, UnitTask
    from passrole_checks.suggest.observed_use import Evidence
    from passrole_checks.suggest.suggest import Session
    from passrole_checks.suggest.suggestion import Suggestion

__all__ = [
    "Confidence",
    "ConfigurationError",
    "Finding",
    "Grade",
    "Grant",
    "InputError",
    "Inputs",
    "PassRoleChecksError",
    "RequiredResult",
    "ScanOptions",
    "ScanResult",
    "Severity",
    "SuggestResult",
    "Unreadable",
    "diff",
    "explain",
    "grants",
    "inventory",
    "required",
    "scan",
    "scan_each",
    "suggest",
]

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Texts = Mapping[str, str] | Mapping[os.PathLike[str], str]
_DEFAULTS = ScanOptions()
_NO_TEXTS: Texts = MappingProxyType({})
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class RequiredResult:
    """The PassRole grants that a deployment needs. ``files``: those read as infrastructure code. ``already_allowed``:
    the principals of the account that may pass some of the roles; None if the account is not known."""

    required: Required
    files: tuple[str, ...]
    unreadable: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    excluded: tuple[str, ...]
    already_allowed: tuple[AlreadyAllowed, ...] | None = None


@dataclass(frozen=True, slots=True)
class SuggestResult:
    """Narrower statements for findings, each verified by scanning again with its edits.

    ``unread``: what could not be read or checked. ``files``: those read as infrastructure code. ``evidence``: the
    observed use that ``observe`` returned. ``grades``: those of the edits in ``changed``. ``session`` is internal.
    ``texts``: those that were read instead of files.
    """

    findings: tuple[Finding, ...]
    session: Session
    unread: tuple[Unreadable, ...]
    not_evaluated: tuple[Unreadable, ...]
    files: tuple[str, ...]
    excluded: tuple[str, ...]
    evidence: Evidence | None = None
    grades: tuple[Grade, ...] = (Grade.EQUIVALENT,)
    texts: Texts = field(default_factory=dict)

    @property
    def suggestions(self) -> tuple[Suggestion, ...]:
        """Return the suggestions of all grades for each statement with findings."""
        return self.session.suggestions

    @property
    def changed(self) -> dict[str, str]:
        """Return the text of each file with all edits of the ``grades`` that can be made together."""
        with _reading(self.texts):
            return dict(self.session.combine(grades=self.grades, on_request=False).changed)

    @property
    def unreadable(self) -> tuple[Unreadable, ...]:
        """Return ``unread``, and the internal errors in suggestions."""
        return tuple(dict.fromkeys([*self.unread, *self.session.faults]))


def scan(
    paths: Paths = (),
    options: ScanOptions = _DEFAULTS,
    *,
    text: str | None = None,
    name: str = "template.yaml",
    texts: Texts = _NO_TEXTS,
    scanner: UnitScanner | None = None,
    cache: ResultStore | None = None,
    jobs: int | None = 1,
) -> ScanResult:
    """Scan files and folders, or the ``text`` of one file.

    ``name``: the file name of the text, which findings report and whose suffix matters (``main.tf``, ``plan.json``).
    ``texts``: contents by path of files that are not saved yet. They are read as if they were: instead of the file, or
    as a new file in its folder. What is scanned are the ``paths``.
    ``scanner``: how units are scanned, such as ``passrole_checks.scan.parallel.any_executor.scan_with(executor)``;
    default: one after the other in this process, which is the only one that knows the ``texts``.
    ``cache``: where results are kept for the next scan, such as the ``store_of(program())`` of
    ``passrole_checks.scan.cache``; default: nowhere. Scans with ``texts`` are not kept.
    ``jobs``: how many processes scan and evaluate, unless there are ``texts``; None: as many as pay.

    >>> scan(text="AWSTemplateFormatVersion: '2010-09-09'\\nResources: {}").findings
    ()
    """

    _check(options)

    def ask(files: Sequence[Path]) -> ScanResult:
        if cache is not None and not texts:  # which imports the scanner only for what it does not contain
            from passrole_checks.scan.cache.cached_scan import scan_with_cache

            return scan_with_cache(files, options, cache, scanner or _processes(jobs), _distribute(jobs))
        from passrole_checks.scan.scanner import scan_paths, scan_sequentially

        if texts or text is not None:
            return scan_paths(files, options, scanner or scan_sequentially)
        return scan_paths(files, options, scanner or _processes(jobs), _distribute(jobs))

    return _with_files(paths, text, name, texts, ask)


def scan_each(
    paths: Paths,
    report: Callable[[ScanResult], None],
    options: ScanOptions = _DEFAULTS,
    *,
    scanner: UnitScanner | None = None,
    cache: ResultStore | None = None,
    jobs: int | None = 1,
) -> ScanResult:
    """Scan many repositories, and call ``report`` with the result of each one as soon as it is complete.

    The result of a repository is that of its code alone, but for the values and roles of the others that it reads. The
    function returns what concerns no repository alone, without findings; its ``files`` are all that were read. Memory
    does not grow with the findings. Other parameters as of :func:`scan`.

    >>> results = []
    >>> scan_each([], results.append).findings, results
    ((), [])
    """
    from passrole_checks.scan.repositories import scan_repositories

    _check(options)
    processes = _processes(jobs)
    scanner = scanner or processes
    if cache is not None:
        from passrole_checks.scan.cache.cached_scan import CachedScanner

        scanner = CachedScanner(cache, scanner)
    return scan_repositories(_paths(paths), options, report, scanner, _distribute(jobs), processes)


def _processes(jobs: int | None) -> UnitScanner:
    """Return a scanner with ``jobs`` processes, which is imported when it is used."""

    def scanner(units: Sequence[Unit], options: ScanOptions) -> Iterable[ScannedUnit]:
        from passrole_checks.scan.parallel.processes import processes

        return processes(jobs)(units, options)

    return scanner


def _distribute(jobs: int | None) -> Distribute:
    """Return what has ``jobs`` processes do a task, which is imported when it is used."""

    def distribute(units: Sequence[Unit], task: UnitTask[_Result]) -> Iterator[_Result] | None:
        if jobs == 1:
            return None
        from passrole_checks.scan.parallel.processes import in_processes

        return in_processes(units, task, jobs)

    return distribute


def grants(
    paths: Paths = (),
    options: ScanOptions = _DEFAULTS,
    *,
    text: str | None = None,
    name: str = "template.yaml",
    texts: Texts = _NO_TEXTS,
    without_effect: bool = False,
) -> tuple[Grant, ...]:
    """Return every statement that grants or denies PassRole. Parameters as of :func:`scan`.

    ``without_effect``: also statements that grant nothing, such as those of trust policies. The result does not say
    what could not be read: :func:`scan` returns the same grants, and that.

    >>> document = '{"Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}'
    >>> policy = f'resource "aws_iam_user_policy" "p" {{\\n  user = "dev"\\n  policy = jsonencode({document})\\n}}'
    >>> [(grant.principals, grant.grant.granted_by) for grant in grants(text=policy, name="main.tf")]
    [(('dev',), 'iam:*')]
    """
    result = scan(paths, options, text=text, name=name, texts=texts)
    return inventory(result, without_effect=without_effect)


def inventory(result: ScanResult, *, without_effect: bool = False) -> tuple[Grant, ...]:
    """Return the grants of a scan, as :func:`grants` does.

    >>> inventory(scan(text="Resources: {}"))
    ()
    """
    return tuple(grant for grant in result.grants if without_effect or grant.is_about_passrole)


def diff(
    base: str | os.PathLike[str],
    head: str | os.PathLike[str],
    options: ScanOptions = _DEFAULTS,
    *,
    jobs: int | None = 1,
) -> AccessDifference:
    """Compare PassRole access in two files or folders: new, widened, narrowed, removed and moved statements.

    ``jobs``: how many processes read them; None: as many as pay.

    Raises :class:`~passrole_checks.errors.ConfigurationError` for a path that no file can have.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for version, role in (("old", "role/app"), ("new", "*")):
    ...         statement = f'{{ Effect = "Allow", Action = "iam:PassRole", Resource = "{role}" }}'
    ...         policy = f'resource "aws_iam_user_policy" "p" {{\\n  user = "dev"\\n'
    ...         policy += f'  policy = jsonencode({{ Statement = [{statement}] }})\\n}}\\n'
    ...         _ = Path(folder, f"{version}.tf").write_text(policy)
    ...     difference = diff(Path(folder, "old.tf"), Path(folder, "new.tf"))
    >>> len(difference.new) + len(difference.widened)
    1
    """
    from passrole_checks.diff import compare_paths

    _check(options)
    for path in (base, head):
        if "\0" in os.fspath(path):
            raise ConfigurationError(f"{os.fspath(path)!r}: not a path")
    return compare_paths(Path(base), Path(head), options, jobs)


def required(
    paths: Paths = (),
    options: ScanOptions = _DEFAULTS,
    *,
    text: str | None = None,
    name: str = "template.yaml",
    texts: Texts = _NO_TEXTS,
    jobs: int | None = 1,
) -> RequiredResult:
    """Return the smallest PassRole statements that deploying this configuration needs. Parameters as of :func:`scan`.

    >>> function = '''
    ... resource "aws_iam_role" "app" {
    ...   name = "app"
    ... }
    ... resource "aws_lambda_function" "f" {
    ...   role = aws_iam_role.app.arn
    ... }
    ... '''
    >>> [statement.action for statement in required(text=function, name="main.tf").required.statements]
    ['iam:PassRole', 'iam:GetRole']
    """
    from passrole_checks.required.required_grants import compute_required
    from passrole_checks.scan.analyze import unreadable_of
    from passrole_checks.scan.scanner import distinct_notes, isolate_faults

    _check(options)

    def ask(files: Sequence[Path]) -> RequiredResult:
        read, _ = _read(files, options, 1 if texts or text is not None else jobs)
        if options.account_details:
            from passrole_checks.scan.scanner import read_with_account_details

            read = read_with_account_details(read, options)
        configurations = [configuration for _, configuration in read.units]
        grants_needed, faults = isolate_faults(
            read, lambda units: compute_required(units, options.account, read.variants_of)
        )
        malformed = dict.fromkeys(entry for unit in configurations for entry in unreadable_of(unit))
        skipped = distinct_notes(
            [*(entry for unit in configurations for entry in unit.notes.not_evaluated), *read.notes, *read.value_notes]
        )
        return RequiredResult(
            grants_needed,
            tuple(sorted({*(file for unit in configurations for file in unit.files), *read.used_values})),
            (*read.unreadable, *malformed, *faults),
            skipped,
            read.excluded,
            _already_allowed(configurations, grants_needed, options) if options.account_details else None,
        )

    return _with_files(paths, text, name, texts, ask)


def _read(
    files: Sequence[Path], options: ScanOptions, jobs: int | None, *, analyze: bool = False
) -> tuple[ReadPaths, Mapping[int, Analysis]]:
    """Read files and folders in ``jobs`` processes. Returns also what these have found, if ``analyze``."""
    from passrole_checks.scan.parallel.read_units import UnitReader
    from passrole_checks.scan.scanner import read_paths

    units = UnitReader(options, jobs, options if analyze else None)
    read = read_paths(files, options, units.load, ahead=units.ahead, distribute=_distribute(jobs))
    return read, units.analyses


def _already_allowed(
    configurations: Sequence[Configuration], needed: Required, options: ScanOptions
) -> tuple[AlreadyAllowed, ...]:
    """Return the principals of the accounts deployed to that may pass some of the needed roles."""
    from passrole_checks.required.already_allowed import already_allowed
    from passrole_checks.scan.account_context import read_account_details
    from passrole_checks.sources.model.context import contexts_of

    contexts = read_account_details(options.account_details).contexts
    used = dict.fromkeys(one for unit in configurations for one in contexts_of(unit, contexts, options.account))
    return already_allowed(needed.statements, list(used), options.account)


def _observed_use(
    read: ReadPaths, observe: Callable[[Sequence[Configuration]], Evidence]
) -> tuple[Evidence, tuple[Unreadable, ...]]:
    """Return the observed use of what was read, and a fault for each unit that cannot be observed."""
    from passrole_checks.scan.scanner import isolate_faults

    return isolate_faults(
        read, lambda units: observe([*units, *(one for unit in units for one in read.variants_of(unit))])
    )


def suggest(
    paths: Paths,
    options: ScanOptions = _DEFAULTS,
    *,
    select: Callable[[ScanResult], Sequence[Finding]] = lambda result: result.findings,
    include_info: bool = False,
    observe: Callable[[Sequence[Configuration]], Evidence] | None = None,
    grades: Collection[Grade] | None = None,
    texts: Texts = _NO_TEXTS,
    jobs: int | None = 1,
) -> SuggestResult:
    """Return narrower statements for the findings in files and folders. Nothing is written.

    ``select``: returns the findings of a scan to make suggestions for; suppressed ones are left out. Account files
    (``aws iam get-account-authorization-details``) get suggestions only if ``paths`` names them: in a folder, they are
    the context of its code. ``include_info``: also report findings of severity info that an edit makes visible.
    ``observe``: returns the observed use of configurations, to which statements are narrowed even if they have no
    findings. ``grades``: those of the edits in the result's ``changed``; default: equivalent, and with ``observe``
    observed. The result's ``suggestions`` have all grades. ``texts``: as of :func:`scan`; edits are those of these
    texts. ``jobs``: how many processes read and scan, unless there are ``texts``; None: as many as pay. Edits are
    verified in this one.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "main.tf")
    ...     _ = path.write_text(
    ...         'resource "aws_iam_role" "app" {\\n  name = "app"\\n}\\n'
    ...         'resource "aws_lambda_function" "f" {\\n  role = aws_iam_role.app.arn\\n}\\n'
    ...         'resource "aws_iam_user_policy" "p" {\\n  user = "dev"\\n  policy = jsonencode({\\n'
    ...         '    Statement = [{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }]\\n  })\\n}\\n'
    ...     )
    ...     result = suggest(path, grades=[Grade.NARROWED])
    ...     "Resource = aws_iam_role.app.arn" in result.changed[str(path)]
    True
    >>> [suggestion.grade.value for suggestion in result.suggestions]
    ['narrowed']
    """
    from passrole_checks.iam import deadline
    from passrole_checks.scan.scanner import distinct_notes, scan_read
    from passrole_checks.suggest.generated_files import context_files, context_notes
    from passrole_checks.suggest.suggest import Session

    _check(options)
    with deadline.pooled(), _reading(texts):
        read, analyses = _read(_paths(paths), options, 1 if texts else jobs, analyze=True)
        context = context_files(read, _paths(paths))
        result = scan_read(read, options, analyses)
        unread = tuple(dict.fromkeys([*read.unreadable, *result.unreadable]))
        result = replace(result, unreadable=unread, excluded=read.excluded)
        findings = tuple(finding for finding in select(result) if finding.suppressed is None)
        evidence, faults = _observed_use(read, observe) if observe is not None else (None, ())
        session = Session(read, findings, options, include_info=include_info, evidence=evidence, without=context)
    skipped = distinct_notes([*result.not_evaluated, *read.notes, *read.value_notes, *context_notes(findings, context)])
    kept = grades_to_write(with_evidence=observe is not None) if grades is None else tuple(grades)
    unread = (*unread, *faults)
    return SuggestResult(findings, session, unread, skipped, result.files, read.excluded, evidence, kept, texts)


def explain(check: str) -> str:
    """Return the page of a check by its id, number, name or cfn-lint id.

    Raises a :class:`ConfigurationError` if there is no such check.

    >>> explain("any-role").splitlines()[0]
    'PASSROLE_001 any-role (high)'
    """
    from passrole_checks.output import check_pages

    return check_pages.check_page(check_pages.find_check(check))


def _check(options: ScanOptions) -> None:
    """Raise a :class:`ConfigurationError` for options that would let a scan pass without a look."""
    account, ids = options.account, options.checks | options.skip_checks
    if account is not None and not (len(account) == 12 and account.isascii() and account.isdigit()):
        raise ConfigurationError(f"account: {account!r} is not a 12-digit account ID")
    if ids:
        from passrole_checks.checks import ALL

        if unknown := sorted(ids - {check.id for check in ALL}):
            raise ConfigurationError(f"checks: no such ids: {listed(unknown)} (they are PASSROLE_001 and so on)")


def _paths(paths: Paths) -> list[Path]:
    several = [paths] if isinstance(paths, (str, os.PathLike)) else paths
    return [Path(path) for path in several]


@contextmanager
def _reading(texts: Texts) -> Iterator[None]:
    """Let ``texts`` be read instead of files. Raises a :class:`ConfigurationError` for a name that no file can have."""
    if not texts:
        yield
        return
    from passrole_checks.files.unsaved_texts import reading_texts

    contents = {os.fspath(path): text for path, text in texts.items()}
    for path in contents:
        if not path or "\0" in path:
            raise ConfigurationError(f"{path!r}: not a file name")
    with ExitStack() as stack:
        try:
            stack.enter_context(reading_texts(contents))
        except (OSError, ValueError) as error:  # no working directory; a character that no name has
            raise ConfigurationError(f"{listed(list(map(repr, contents)))}: {error}") from None
        yield


def _with_files(
    paths: Paths, text: str | None, name: str, texts: Texts, ask: Callable[[Sequence[Path]], _Result]
) -> _Result:
    """Call ``ask`` with paths, of which some have other ``texts``, or with a temporary file that contains ``text`` and
    is called ``name`` in the result."""
    if text is None:
        with _reading(texts):
            return ask(_paths(paths))
    if texts or _paths(paths):
        raise ConfigurationError("text is that of one file: give no paths and texts beside it")
    if PurePath(name).name != name or name in ("", os.pardir) or "\0" in name:
        raise ConfigurationError(f"{name!r}: not a file name")
    from tempfile import TemporaryDirectory  # slow to import, and needed only here

    from passrole_checks.files.relocate_paths import relocate

    with TemporaryDirectory(prefix="passrole-checks-") as temporary:
        folder = os.path.realpath(temporary)
        path = Path(folder, name)
        try:
            path.write_bytes(text.encode("utf-8", "surrogatepass"))  # not UTF-8 then, and reported
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{shortened(name)!r}: {error}") from None
        return relocate(ask([path]), {folder: ""})
