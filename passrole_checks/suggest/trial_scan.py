"""Trying edits: a configuration is read and judged again with them, in a folder of its own.

What is tried never touches the files that were read. A folder is laid out once for each repository, with what its
configurations were read from; then one file at a time is written anew, and put back.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from pathlib import Path

from passrole_checks.errors import InputError, internal_error
from passrole_checks.findings import Finding, Severity
from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import Node, Position, children_of
from passrole_checks.scan.analyze import analyze
from passrole_checks.scan.result import ScanOptions
from passrole_checks.scan.scanner import ReadPaths
from passrole_checks.sources.files.read_boundary import current_boundary, repository_around
from passrole_checks.sources.files.walk import walk
from passrole_checks.sources.model.configuration import Configuration, Framework, Inputs, faults_in
from passrole_checks.suggest.observed_use import Narrowing
from passrole_checks.suggest.suggestion import Edit, StatementChange
from passrole_checks.suggest.verify import (
    NotProvedError,
    StatementSpan,
    TrialUnit,
    Tried,
    compared,
    is_same,
    make_sure,
)
from passrole_checks.suggest.verify_observed_use import make_sure_of_use

_LARGEST = 20_000_000  # bytes of one file that is laid out
_MOST_FILES = 50_000
_MOST_SECONDS = 6.0  # of processor time, for all trials, and for each megabyte of the texts some more
_SECONDS_PER_MEGABYTE = 40.0


@deadline.pooled()
def judged(read: ReadPaths, options: ScanOptions, files: Iterable[str] | None = None) -> tuple[TrialUnit, ...]:
    """The configurations, judged; with ``files`` only those that are read from one of them. Left out are those that
    this package fails on, and those that share files with them: no edit of these could be proved."""
    every = replace(options, checks=frozenset(), minimum_severity=Severity.INFO)
    wanted = None if files is None else set(files)
    found, lost = [], set[str]()
    for path, configuration in read.units:
        own = {*configuration.files, *(resource.at.file for resource in configuration.resources)}
        if wanted is not None and not wanted & own and not _mentions(configuration, wanted):
            continue
        try:
            analyzed = analyze(configuration, every)
        except Exception as error:  # the scan has named it
            internal_error(error)
            lost |= own
            continue
        own |= {one.grant.at.file for one in analyzed.grants}
        if wanted is None or wanted & own:
            found.append(TrialUnit(path, configuration, analyzed, frozenset(own)))
    return tuple(unit for unit in found if not lost & unit.files)


def _mentions(configuration: Configuration, files: set[str]) -> bool:
    """Whether a part of a policy stands in one of these files, which an expression has read."""
    pending: list[Node] = [policy.document for policy in configuration.policies]
    while pending:
        node = pending.pop()
        if node.at.file in files:
            return True
        pending.extend(children_of(node))
    return False


@dataclass(frozen=True, slots=True)
class Proved:
    """``gone``: the findings that are not there any more; ``informs``: checks that only inform and have something to
    say of the new statements."""

    gone: tuple[Finding, ...]
    informs: frozenset[str]


class Trials:
    """Units as they would be with edits, as a context, since it needs a folder to try in. ``texts``: the files as they
    were read."""

    def __init__(self, units: Sequence[TrialUnit], options: ScanOptions, texts: Map[str, str]) -> None:
        self._units, self._options, self._texts = units, options, texts
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tops: dict[Path, Path] = {}
        self._laid_out: set[Path] = set()
        self._count = 0
        size = sum(map(len, texts.values())) / 1_000_000
        self._until = time.process_time() + _MOST_SECONDS + size * _SECONDS_PER_MEGABYTE
        self._longest = 0.0  # that one trial took

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def mended(
        self,
        edits: Sequence[Edit],
        changed: Map[str, str],
        places: Sequence[StatementSpan],
        targets: Sequence[Finding],
        wishes: Sequence[StatementChange | Narrowing],
    ) -> Proved:
        """What the ``edits`` do to these ``places``, in all units that read the files.

        Args:
            changed: the files with the edits made.
            places: the statements that the edits are in.
            targets: the findings that have to be gone.
            wishes: what each of these statements has to say then.

        Raises:
            NotProvedError: a target is still there, something cannot be read any more, or something new is found. What
                a check that only informs says of an edited statement is not new: it says nothing of statements that are
                wider, or wrong in a worse way.
        """
        files = {edit.file for edit in edits}
        gone: dict[int, Finding] = {}
        informs: set[str] = set()
        tried: list[tuple[TrialUnit, Tried]] = []
        for unit in self._units:
            if not files & unit.files:
                continue
            after = self._with(unit, changed)
            found, more = compared(unit, after, edits, places, changed, self._texts)
            gone.update((id(one), one) for one in found)
            informs |= more
            tried.append((unit, after))
        left = [one for one in targets if not any(is_same(one, other) for other in gone.values())]
        if left:
            raise NotProvedError(f"{left[0].check_id} would still be found")
        for unit, after in tried:
            for place, wish in zip(places, wishes, strict=True):
                moved = place.after(edits)
                if isinstance(wish, Narrowing):
                    make_sure_of_use(unit, after, wish, place, moved, self._texts, changed)
                else:
                    make_sure(unit, after, wish, place, moved, self._texts, changed)
        return Proved(tuple(gone.values()), frozenset(informs))

    # -- a unit once more

    def _with(self, unit: TrialUnit, changed: Map[str, str]) -> Tried:
        """The unit, read and judged with other texts of some of its files; files are named as they were."""
        start = time.process_time()
        if start + self._longest > self._until:
            raise NotProvedError("it could not be tried in the time that there is")
        try:
            return self._read_with(unit, changed)
        finally:
            self._longest = max(self._longest, time.process_time() - start)

    def _read_with(self, unit: TrialUnit, changed: Map[str, str]) -> Tried:
        from passrole_checks.sources import detect  # the readers are heavy

        top = _top_of(unit)
        there = self._lay_out(unit, top)
        put = [(file, _moved(file, top, there)) for file in changed if file in unit.files]
        try:
            for file, place in put:
                if place is None:
                    raise NotProvedError("its file lies outside of the repository")
                _write(place, changed[file])
            path = _moved(str(unit.path), top, there)
            assert path is not None
            single = unit.configuration.framework is Framework.TERRAFORM and path.is_file()
            asked = detect.Unit(
                unit.configuration.framework,
                path.parent if single else path,
                only=path if single else None,
                boundary=there,
            )
            found = detect.load(asked, unchanged=self._options.unchanged, inputs=self._inputs(top, there))
        except (InputError, OSError) as error:
            raise NotProvedError(f"the file could not be read any more ({getattr(error, 'reason', error)})") from None
        except NotProvedError:
            raise
        except Exception as error:
            raise NotProvedError(internal_error(error)) from None
        finally:
            for file, place in put:
                if place is not None:
                    _write(place, self._texts[file])
        # what was not read before, as it leads outside, may be missing here
        before = Counter(one.reason for one in unit.configuration.unreadable)
        if Counter(one.reason for one in found.unreadable) - before:
            raise NotProvedError("the file could not be read any more")
        analyzed = analyze(found, unit.analyzed.options)
        if analyzed.out_of_time or faults_in(analyzed.unreadable):
            raise NotProvedError("it could not be judged in full")

        def place_of(at: Position) -> Position:
            prefix = f"{there}{os.sep}"
            return replace(at, file=str(top / at.file[len(prefix) :])) if at.file.startswith(prefix) else at

        findings = (replace(one, at=place_of(one.at)) for one in analyzed.findings if one.suppressed is None)
        return Tried(tuple(findings), analyzed, place_of)

    def _inputs(self, top: Path, there: Path) -> Inputs:
        def moved(path: Path) -> Path:
            place = _moved(os.path.realpath(path), top, there)
            return place if place is not None and place.exists() else path

        inputs = self._options.inputs
        source = moved(inputs.source) if inputs.source is not None else None
        exclusions = inputs.exclusions.relocated(str(top), str(there))
        return replace(inputs, var_files=tuple(map(moved, inputs.var_files)), source=source, exclusions=exclusions)

    def _lay_out(self, unit: TrialUnit, top: Path) -> Path:
        """The folder that stands for ``top``, with all that the unit was read from."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="passrole-checks-")
        if top not in self._tops:
            there = Path(os.path.realpath(self._folder.name), str(len(self._tops)))
            (there / ".git").mkdir(parents=True)  # the sources read no file beyond it
            self._tops[top] = there
        there = self._tops[top]
        if unit.path not in self._laid_out:
            self._laid_out.add(unit.path)
            for file in _files_of(unit):
                self._copy(file, top, there)
        return there

    def _copy(self, file: Path, top: Path, there: Path) -> None:
        place = _moved(str(file), top, there)
        if place is None or place.exists():
            return
        self._count += 1
        if self._count > _MOST_FILES:
            raise NotProvedError("there are too many files to try it")
        try:
            data = current_boundary().read(file, _LARGEST)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        except OSError:
            return  # it could not be read before either


# -- what a unit was read from, and where


def _top_of(unit: TrialUnit) -> Path:
    """The repository that holds a unit, or else the folder around all its files."""
    own = unit.path if unit.path.is_dir() else unit.path.parent
    repository = repository_around(own)
    if repository is not None:
        return repository
    folders = {os.path.dirname(file) for file in unit.files if os.path.isabs(file)} | {str(own)}
    return Path(os.path.commonpath(sorted(folders)))


def _files_of(unit: TrialUnit) -> Iterator[Path]:
    """What a unit can be read from: its files, and in Terraform all that stands in or below its folders."""
    yield from (Path(file) for file in sorted(unit.files))
    own = unit.path if unit.path.is_dir() else unit.path.parent
    if unit.configuration.framework is not Framework.TERRAFORM:
        yield own / "manifest.json"  # of a cloud assembly, which names the account
        return
    folders = sorted({str(own), *(os.path.dirname(file) for file in unit.configuration.files)})
    outer = [one for one in folders if not any(one.startswith(f"{other}{os.sep}") for other in folders)]
    for folder in outer:
        yield from walk(Path(folder), lambda *_: None)


def _moved(file: str, top: Path, there: Path) -> Path | None:
    """A file of ``top`` as it is called in the folder that stands for it; None for one elsewhere."""
    relative = os.path.relpath(file, top)
    return None if relative.split(os.sep)[0] == os.pardir else there / relative


def _write(place: Path, text: str) -> None:
    place.write_bytes(text.encode("utf-8"))
