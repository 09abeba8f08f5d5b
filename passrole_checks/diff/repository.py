"""Write two versions of a repository side by side and compare them: the common start of ``diff`` and ``review``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Protocol

from passrole_checks.diff import AccessDifference, Side, compare_versions
from passrole_checks.diff.changed_values import changed_values
from passrole_checks.diff.changed_without_instance import changed_without_instance
from passrole_checks.diff.module_calls import changed_calls
from passrole_checks.diff.plans import RootPlan
from passrole_checks.diff.units import AS_BEFORE
from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.git_versions import Snapshots, VersionPair, relocate
from passrole_checks.git_versions.snapshot import may_contain_code
from passrole_checks.git_versions.trees import LINK
from passrole_checks.scan import settings
from passrole_checks.scan.other_repositories import repository_name
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.walk import is_ignored_folder
from passrole_checks.sources.model.configuration import Inputs, NoteKind, Unreadable, without_faults
from passrole_checks.sources.recognize import LARGEST_TEMPLATE
from passrole_checks.sources.skipped_paths import leads_to_code
from passrole_checks.sources.value_files.names import is_terraform_values

_ENVIRONMENT = "pyvenv.cfg"  # marks a Python virtual environment
_INSTALLED = ".terraform/modules/modules.json"
_READ_BY_TERRAFORM = (".tftpl", ".tfvars")  # in addition to infrastructure code
_NO_PARSER = "no parser"  # prefix of the reason if none is installed
_MOST_LINKS, _LONGEST_LINK, _MOST_STEPS = 10_000, 4_096, 10
_MOST_BEHIND_LINK = 500  # files that are searched for infrastructure code


class Find(Protocol):
    """Resolves a path given as an option to its path in one version; None if it is only in the other one; unchanged if
    it is in neither.
    """

    def __call__(self, name: str, *, folder: bool = False) -> str | None: ...


InputsOf = Callable[[Find], Inputs]
"""Returns the input values of one version from the options."""


def versions_with_inputs(version_pair: VersionPair, snapshots: Snapshots, inputs_of: InputsOf) -> tuple[Side, Side]:
    """Return both versions with their input values. Raises an :class:`InputError` for an unusable value file."""
    first, second = (_side(version_pair, snapshots, number, inputs_of) for number in (0, 1))
    if snapshots.selection is not None and _inputs_differ((first, second), snapshots):
        snapshots.write_rest()
    return _with_selection((first, second), snapshots)


def _with_selection(sides: tuple[Side, Side], snapshots: Snapshots) -> tuple[Side, Side]:
    if snapshots.selection is None:
        return sides
    first, second = (
        replace(
            side,
            selection=snapshots.selection,
            provide=partial(snapshots.provide, number),
            is_provided=partial(snapshots.is_provided, number),
        )
        for number, side in enumerate(sides)
    )
    return first, second


def _inputs_differ(sides: tuple[Side, Side], snapshots: Snapshots) -> bool:
    """True if the values given by options may differ between the versions; then every unit may be affected."""
    first, second = (side.inputs for side in sides)
    if first.source is not None or second.source is not None:
        return True
    if (first.parameters, first.values, first.variables) != (second.parameters, second.values, second.variables):
        return True
    files = {os.path.relpath(file, side.path) for side in sides for file in side.inputs.var_files}
    return len(first.var_files) != len(second.var_files) or not files.isdisjoint(snapshots.touched())


def compare_snapshots(
    sides: tuple[Side, Side],
    snapshots: Snapshots,
    options: ScanOptions,
    *,
    with_scans: bool = False,
    plans: Sequence[RootPlan] = (),
    jobs: int | None = 1,
) -> AccessDifference:
    """Compare the two; files are named as in the snapshots (:func:`named` restores their names).

    Problems that both versions share are in ``standing``. ``with_scans``: also scan both. Another folder may replace
    the new version; its files are named as if they were in the snapshot. ``jobs``: as for ``compare_versions``.
    """

    def compare(pair: tuple[Side, Side]) -> AccessDifference:
        return compare_versions(
            *pair,
            options,
            renames=snapshots.renames,
            changed=[(change.old, change.new) for change in snapshots.changed],
            trusted=False,
            with_scans=with_scans,
            plans=plans,
            jobs=jobs,
        )

    found = compare(sides)
    while snapshots.selection is not None and (shared := _shared_paths(found, snapshots)):
        snapshots.widen(shared)
        found = compare(_with_selection(sides, snapshots))
    if sides[1].path != snapshots.folders[1]:
        found = relocate(found, {str(sides[1].path): str(snapshots.folders[1])})
    no_longer_read = dict.fromkeys(_no_longer_read(found, sides, snapshots))
    hidden = {entry.file for entry in no_longer_read}
    aside = [entry for entry in _changed_but_unread(found, snapshots) if entry.file not in hidden]
    aside += [*_unused_values(found, snapshots), *changed_calls(found.not_evaluated, snapshots)]
    aside += [*changed_without_instance(found, snapshots), *changed_values(found, snapshots)]
    links = _link_targets(snapshots)
    unrelated = set(_unrelated_links(found.left_out_files, links, snapshots))
    left_out = (*(entry for entry in found.left_out_files if entry not in unrelated), *aside)
    noted_folders = {folder for entry in aside for folder in _parent_folders(entry.file)}
    other_notes = (
        entry
        for entry in found.not_evaluated
        if entry not in unrelated and (entry.line or entry.file not in noted_folders)
    )
    found = replace(
        found,
        unreadable=(*found.unreadable, *no_longer_read),
        not_evaluated=(*other_notes, *aside),
        left_out_files=left_out,
        left_out=len(left_out),
        excluded=tuple(sorted({*found.excluded, *_excluded_elsewhere(sides, snapshots)})),
    )
    return _separate_standing(found, snapshots)


def _excluded_elsewhere(sides: tuple[Side, Side], snapshots: Snapshots) -> Iterator[str]:
    """Yield the excluded paths among the files that are not written; a folder ends in ``/``."""
    for number, side in enumerate(sides):
        exclusions = side.inputs.exclusions
        for path in snapshots.unwritten(number) if exclusions.patterns else ():
            parents = [folder for folder in _parent_folders(path) if folder not in ("", ".")]
            top = f"{snapshots.folders[number]}/"
            for folder in reversed(parents):
                if exclusions.excludes_entry(top + folder, folder=True):
                    yield f"{top}{folder}/"
                    break
            else:
                if may_contain_code(path) and exclusions.excludes_entry(top + path):
                    yield top + path


def _shared_paths(found: AccessDifference, snapshots: Snapshots) -> set[str]:
    """Return the folders and files with a difference that units may use which were not compared: a statement there may
    be in both versions because of them."""
    selection = snapshots.selection
    assert selection is not None
    changes = (*found.new, *found.widened, *found.narrowed, *found.removed, *found.moved)
    files = {change.grant.grant.at.file for change in changes}
    if found.scans is not None:
        old, new = ({finding.fingerprint: finding.at.file for finding in scan.findings} for scan in found.scans)
        files.update(file for one, other in ((old, new), (new, old)) for key, file in one.items() if key not in other)
    paths = {
        Path(file).relative_to(top).as_posix()
        for file in files
        for top in snapshots.folders
        if file.startswith(f"{top}/")
    }
    others = {path for path in paths if not is_terraform_file(Path(path))}
    return {os.path.dirname(path) for path in paths} & selection.shared | others - selection.units


def relocate_to_repository(found: AccessDifference, snapshots: Snapshots) -> AccessDifference:
    """Return the difference with files named from the top of the repository, and entries common to both
    versions once.
    """
    known = relocate(found, snapshot_roots(snapshots))
    return replace(
        known,
        unreadable=tuple(dict.fromkeys(known.unreadable)),
        not_evaluated=tuple(dict.fromkeys(known.not_evaluated)),
        standing=tuple(dict.fromkeys(known.standing)),
        excluded=tuple(dict.fromkeys(known.excluded)),
    )


def drop_repeated_notes(found: AccessDifference, snapshots: Snapshots) -> AccessDifference:
    """Return the difference without old entries in ``not_evaluated`` that differ from a new one only in the line."""
    old, new = (f"{folder}/" for folder in snapshots.folders)
    renames = snapshots.renames or {}
    entries = found.not_evaluated
    already_noted = {(entry.file.removeprefix(new), entry.cause) for entry in entries if entry.file.startswith(new)}
    kept = [
        entry
        for entry in entries
        if not entry.file.startswith(old)
        or (renames.get(path := entry.file.removeprefix(old), path), entry.cause) not in already_noted
    ]
    return replace(found, not_evaluated=tuple(kept))


def snapshot_roots(snapshots: Snapshots) -> dict[str, str]:
    """Map the folders of both versions to the top of the repository."""
    return {str(folder): "" for folder in snapshots.folders}


def path_finder(version_pair: VersionPair, snapshots: Snapshots, number: int) -> Find:
    """Return a function that resolves a path of the working tree in one of the versions (0 or 1).

    It raises an :class:`InputError` if a symbolic link in the working tree leads out of the repository.
    """

    def there(name: str, *, folder: bool = False) -> str | None:
        top = version_pair.repository.top
        if top is None:
            return name
        path = os.path.abspath(name.removeprefix("file://"))
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        below = os.path.relpath(real, os.path.realpath(top))
        if below.split(os.sep)[0] != os.pardir:
            exists = os.path.isdir if folder else os.path.isfile
            places = [os.path.join(place, below) for place in snapshots.folders]
            for side, place in enumerate(places):
                snapshots.provide(side, os.path.normpath(place), below=folder)
            if exists(places[number]):
                return places[number]
            if exists(places[1 - number]):
                return None
        is_inside = Path(path).is_relative_to(top)
        if is_inside and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top)):
            raise InputError(name, "not read: a symbolic link leads out of the repository")
        return name

    return there


def with_details_of_base(options: ScanOptions, version_pair: VersionPair, snapshots: Snapshots) -> ScanOptions:
    """Return options whose account details and inventory are those of BASE, for files that BASE has. A change must not
    be able to replace what it is judged by.

    Raises an :class:`InputError` for a file that only the other version has.
    """
    find = path_finder(version_pair, snapshots, 0)

    def of_base(paths: Iterable[Path], what: str) -> Iterator[Path]:
        for path in map(str, paths):
            found = find(path, folder=os.path.isdir(path))
            if found is None:
                raise InputError(path, f"not read: it is new in this change, and {what} are read from BASE")
            yield Path(found)

    top = version_pair.repository.top
    name = repository_name(top) if options.inventory and top is not None and not options.repository else ""
    return replace(
        options,
        account_details=tuple(of_base(options.account_details, "account details")),
        inventory=tuple(of_base(options.inventory, "inventories")),
        repository=options.repository or name,
    )


def _side(version_pair: VersionPair, snapshots: Snapshots, number: int, inputs_of: InputsOf) -> Side:
    try:
        inputs = inputs_of(path_finder(version_pair, snapshots, number))
    except InputError as error:
        raise InputError(relocate(error.file, snapshot_roots(snapshots)), error.reason, error.line) from None
    top = snapshots.folders[number]
    here = str(top / version_pair.repository.prefix)  # the working directory's counterpart
    exclusions = replace(inputs.exclusions, roots=tuple((root, "") for root in dict.fromkeys((here, str(top)))))

    def read(entries: Sequence[Unreadable]) -> tuple[Unreadable, ...]:
        return tuple(entry for entry in entries if not exclusions.excludes(entry.file))

    unreadable, missing = read(snapshots.unreadable[number]), read(snapshots.skipped[number])
    return Side(top, replace(inputs, exclusions=exclusions), unreadable, missing, sealed=True)


def _separate_standing(found: AccessDifference, snapshots: Snapshots) -> AccessDifference:
    """Move what is unreadable or not evaluated in both versions to ``standing``, unless it was changed."""
    touched = snapshots.touched()

    def is_idle(path: str, reason: str) -> bool:
        return path not in touched and not reason.startswith(_NO_PARSER) and not _may_read(path, touched)

    terraform = any(map(_is_terraform, touched))
    as_before = [
        entry
        for path, entry in _entries_in_both(without_faults(found.unreadable), snapshots)
        if is_idle(path, entry.reason)
        and not (terraform and _is_terraform(path))  # it may hide the effect of another file
    ]
    standing = [entry for path, entry in _entries_in_both(found.not_evaluated, snapshots) if path not in touched]
    back = [
        entry
        for path, entry in _entries_in_both(found.not_evaluated, snapshots)
        if entry.reason.startswith(AS_BEFORE) and not is_idle(path, entry.reason.removeprefix(f"{AS_BEFORE}: "))
    ]
    news = tuple(replace(entry, reason=entry.reason.removeprefix(f"{AS_BEFORE}: ")) for entry in back)
    return replace(
        found,
        unreadable=(*(entry for entry in found.unreadable if entry not in as_before), *news),
        not_evaluated=tuple(entry for entry in found.not_evaluated if entry not in standing and entry not in back),
        standing=(
            *(replace(entry, reason=f"{AS_BEFORE}: {entry.reason}") for entry in as_before),
            *(entry for entry in standing if entry not in back),
        ),
    )


def _no_longer_read(found: AccessDifference, sides: tuple[Side, Side], snapshots: Snapshots) -> Iterator[Unreadable]:
    """Yield files of the old version that still exist but are no longer read: their content would seem removed."""
    old, new = (set(files) for files in found.files)
    already_noted = {entry.file for entry in found.unreadable} | {
        entry.file for entry in found.not_evaluated if entry.file not in _skipped_reasons(snapshots)
    }
    touched = snapshots.touched()
    was, now = ({entry.path for entry in side} for side in snapshots.entries)
    for file in sorted(old):
        before = file.removeprefix(f"{snapshots.folders[0]}/")
        after = (snapshots.renames or {}).get(before, before)
        place = f"{snapshots.folders[1]}/{after}"
        if after in touched and (shadow := _opentofu_override(after, now)) and place not in new:
            yield Unreadable(place, f"was infrastructure code before; changed, but OpenTofu reads {shadow} instead")
            continue
        existing = next((path for path in (after, *_parent_folders(after)) if path in now), None)
        if place in new or place in already_noted or existing is None or (existing != after and existing in was):
            continue
        no_longer_read = f"{snapshots.folders[1]}/{existing}"
        if reason := _skipped_reasons(snapshots).get(no_longer_read):
            verb = "was" if existing == after else "contained"
            yield Unreadable(no_longer_read, f"{verb} infrastructure code before, and is no longer read: {reason}")
        elif (folder := _ignored_folder(after, now)) and not _ignored_folder(before, was):
            yield Unreadable(
                place, f"was infrastructure code before, and {folder} is skipped now", kind=NoteKind.SKIPPED_PATH
            )
        elif _is_excluded(after, snapshots, sides, 1):
            if not _is_excluded(before, snapshots, sides, 0):
                yield Unreadable(place, "was infrastructure code before, and is excluded now")
        elif after in touched and (reason := _why_unrecognized(place)):
            yield Unreadable(place, f"was infrastructure code before, and is {reason}")


def _changed_but_unread(found: AccessDifference, snapshots: Snapshots) -> Iterator[Unreadable]:
    """Yield changed files that may contain infrastructure code but are not read at their place or under their name."""
    top = snapshots.folders[1]
    old, new = (set(files) for files in found.files)
    links = _link_targets(snapshots)
    touched = snapshots.touched()
    entries = {entry.path for entry in snapshots.entries[1]}
    for change in snapshots.changed:
        path, place = change.new, f"{top}/{change.new}"
        if path is None or path in links:
            continue
        was_code = change.old not in (None, path) and f"{snapshots.folders[0]}/{change.old}" in old
        if path.endswith(_INSTALLED):
            reason = "records installed modules, which are trusted here; terraform init may install others"
            yield Unreadable(place, reason)
        elif place in new:
            continue
        elif was_code and not may_contain_code(path):
            yield Unreadable(place, f"was infrastructure code as {change.old}, and is not read under this name")
        elif shadow := _opentofu_override(path, entries):
            yield Unreadable(place, f"has changed; OpenTofu reads {shadow} instead")
        elif is_terraform_file(Path(path)) and (folder := _ignored_folder(path, entries)):
            yield Unreadable(place, f"not read, because {folder} is skipped", kind=NoteKind.SKIPPED_PATH)
    for link, leads_to in links.items():
        behind = [path for path in touched if path == leads_to or path.startswith(f"{leads_to}/")]
        if link not in touched and any(map(may_contain_code, behind)):
            reason = f"a symbolic link (not followed) to {leads_to}, which has changed"
            yield Unreadable(f"{top}/{link}", reason, kind=NoteKind.SKIPPED_PATH)


def _unused_values(found: AccessDifference, snapshots: Snapshots) -> Iterator[Unreadable]:
    """Yield changed files with values that were not evaluated."""
    unused = set(map(os.path.realpath, found.unused_values))
    for change in snapshots.changed:
        file = f"{snapshots.folders[1]}/{change.new}"
        if change.new is not None and os.path.realpath(file) in unused:
            option = "--var-file" if is_terraform_values(Path(file)) else "--parameters"
            yield Unreadable(file, f"values not used: no {option} names this file", kind=NoteKind.VALUE_FILE)


def _link_targets(snapshots: Snapshots) -> dict[str, str]:
    """Map the symbolic links of the new version to their targets inside the repository."""
    links = [entry for entry in snapshots.entries[1] if entry.mode == LINK][:_MOST_LINKS]
    sizes = snapshots.repository.sizes(entry.id for entry in links if entry.id)
    small = {one: size for one, size in sizes.items() if size <= _LONGEST_LINK}
    texts = dict(snapshots.repository.blobs(small)) if small else {}
    found = {}
    for entry in links:
        try:
            text = os.fsdecode(texts[entry.id]) if entry.file is None else os.readlink(entry.file)
        except (KeyError, OSError):
            continue
        found[entry.path] = os.path.normpath(os.path.join(os.path.dirname(entry.path), text))
    for link in found:
        for _ in range(_MOST_STEPS):  # a link may lead to, or through, another one
            step = next((path for path in (found[link], *_parent_folders(found[link])) if path in found), None)
            if step is None:
                break
            found[link] = found[step] + found[link][len(step) :]
    return {link: leads_to for link, leads_to in found.items() if not leads_to.startswith(("/", ".."))}


def _unrelated_links(
    entries: Iterable[Unreadable], links: Mapping[str, str], snapshots: Snapshots
) -> Iterator[Unreadable]:
    """Yield the entries about symbolic links of the new version to files of the repository without infrastructure code,
    and about links in a folder that is skipped, which has its own note. A link in the place of a file may hide what
    that contains.
    """
    top = snapshots.folders[1]
    about_links = [(entry, path) for entry in entries if (path := entry.file.removeprefix(f"{top}/")) in links]
    if not about_links:
        return
    files = {one.path for one in snapshots.entries[0] if one.mode != LINK}
    present = [one.path for one in snapshots.entries[1]]
    for entry, path in about_links:
        if path in files:
            continue
        if any(is_ignored_folder(os.path.basename(folder)) for folder in _parent_folders(path)):
            yield entry
            continue
        inside = [name for name in present if f"{name}/".startswith(f"{links[path]}/")]
        if 0 < len(inside) <= _MOST_BEHIND_LINK:
            snapshots.provide(1, str(top / links[path]), below=True)
        on_disk = bool(inside) and all((top / name).exists() for name in inside)
        is_code = leads_to_code(top / links[path]) if on_disk else not inside or any(map(may_contain_code, inside))
        if not is_code:
            yield entry


def _parent_folders(path: str) -> list[str]:
    """Return the parent folders of a path, the nearest first."""
    return [str(folder) for folder in PurePosixPath(path).parents if str(folder) not in (".", "/")]


def _skipped_reasons(snapshots: Snapshots) -> dict[str, str]:
    """Map files of the new version that are not in the snapshot to the reasons."""
    return {entry.file: entry.reason for entry in snapshots.skipped[1]}


def _opentofu_override(path: str, files: Collection[str]) -> str:
    """Return the name of the file that OpenTofu reads instead of this one; "" if there is none.

    Source: OpenTofu's page "Files and Directories".
    """
    for theirs, ours in ((".tf.json", ".tofu.json"), (".tf", ".tofu")):
        if path.endswith(theirs):
            other = f"{path.removesuffix(theirs)}{ours}"
            return os.path.basename(other) if other in files else ""
    return ""


def _ignored_folder(path: str, files: Collection[str]) -> str:
    """Return the ignored folder that contains the file, given the files of its version; "" if there is none."""
    for folder in _parent_folders(path):
        if is_ignored_folder(os.path.basename(folder)) or f"{folder}/{_ENVIRONMENT}" in files:
            return folder
    return ""


def _is_excluded(path: str, snapshots: Snapshots, sides: tuple[Side, Side], number: int) -> bool:
    return sides[number].inputs.exclusions.excludes(f"{snapshots.folders[number]}/{path}")


def _why_unrecognized(file: str) -> str:
    """Return why a file that was recognized before is no longer; "" if it simply contains nothing now or is
    not a file.
    """
    import yaml

    try:
        with open(file, "rb") as stream:
            data = stream.read(LARGEST_TEMPLATE + 1)
    except OSError:
        return ""  # not in the snapshot, which is reported elsewhere
    if len(data) > LARGEST_TEMPLATE:
        return f"larger than {LARGEST_TEMPLATE:,} bytes now"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "not UTF-8 text now"
    try:
        json.loads(text)
        return ""
    except (ValueError, RecursionError):
        pass
    documents = 0
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            documents += isinstance(event, yaml.DocumentStartEvent)
    except (yaml.YAMLError, RecursionError):
        return "neither JSON nor YAML now"
    return "several YAML documents now" if documents > 1 and "AWS::" in text else ""


def _entries_in_both(entries: Sequence[Unreadable], snapshots: Snapshots) -> list[tuple[str, Unreadable]]:
    """Return the ``entries`` that both versions have, from each version, with their paths in the repository."""
    sides: list[dict[tuple[str, str, int | None], Unreadable]] = [{}, {}]
    for entry in entries:
        for side, folder in zip(sides, snapshots.folders, strict=True):
            if entry.file.startswith(f"{folder}/"):
                side[entry.file.removeprefix(f"{folder}/"), entry.reason, entry.line] = entry
    return [(key[0], side[key]) for key in sides[0] if key in sides[1] for side in sides]


def _may_read(path: str, touched: Collection[str]) -> bool:
    """True if an unreadable Terraform file may use a changed file nearby."""
    folder = f"{os.path.dirname(path)}/".lstrip("/")
    return _is_terraform(path) and any(
        other.startswith(folder)
        and not other[len(folder) :].startswith(".")
        and (may_contain_code(other) or other.endswith(_READ_BY_TERRAFORM))
        for other in touched
    )


def _is_terraform(path: str) -> bool:
    return ".tf" in path or ".tofu" in path


def note_changed_configuration(version_pair: VersionPair, snapshots: Snapshots) -> list[Unreadable]:
    """Return a note if the new version has a different configuration, which is ignored."""
    tables: list[object] = []
    for folder in snapshots.folders:
        try:
            tables.append(settings.load(folder / version_pair.repository.prefix))
        except ConfigurationError as error:
            tables.append(str(error))
    if tables[0] == tables[1]:
        return []
    file = snapshots.folders[1] / version_pair.repository.prefix / settings.FILE
    return [Unreadable(str(file), f"[{settings.TABLE}] differs from that of {version_pair.base.name}, which is used")]
