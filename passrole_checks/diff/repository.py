"""Two versions of a repository, laid out side by side and compared: what ``diff`` and ``review`` both begin with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Protocol

from passrole_checks.diff import AccessDifference, Side, difference_between
from passrole_checks.diff.units import AS_BEFORE
from passrole_checks.errors import ConfigurationError, InputError
from passrole_checks.git_versions import Snapshots, VersionPair, relocate
from passrole_checks.git_versions.snapshot import matters
from passrole_checks.git_versions.trees import LINK
from passrole_checks.scan import settings
from passrole_checks.scan.scanner import ScanOptions
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.files.walk import is_ignored_folder
from passrole_checks.sources.model.configuration import Inputs, Unreadable, without_faults
from passrole_checks.sources.recognize import LARGEST_TEMPLATE

_ENVIRONMENT = "pyvenv.cfg"  # marks a virtual environment of Python
_INSTALLED = ".terraform/modules/modules.json"
_VALUES, _LOADED = (".tfvars", ".tfvars.json"), ("terraform.tfvars", "terraform.tfvars.json")
_LOADED_ENDS = (".auto.tfvars", ".auto.tfvars.json")
_READ_BY_TERRAFORM = (".tftpl", ".tfvars")  # beside what may hold infrastructure code
_MODULE = "module "  # how the reason begins that is given for one that is not here
_NO_PARSER = "no parser"  # how the reason begins where none is installed
_MOST_LINKS, _LONGEST_LINK, _MOST_STEPS = 10_000, 4_096, 10


class Find(Protocol):
    """Finds a path that was given as an option: as it is in one version, None where it is in the other one only; what
    is in neither stays as it was given."""

    def __call__(self, name: str, *, folder: bool = False) -> str | None: ...


InputsOf = Callable[[Find], Inputs]
"""Makes the values for one version of what was given as options."""


def sides_of(asked: VersionPair, snapshots: Snapshots, inputs_of: InputsOf) -> tuple[Side, Side]:
    """Both versions, each with its values. Raises an :class:`InputError` for a file of values that cannot be used."""
    first, second = (_side(asked, snapshots, number, inputs_of) for number in (0, 1))
    return first, second


def compared(
    sides: tuple[Side, Side], snapshots: Snapshots, options: ScanOptions, *, judged: bool = False
) -> AccessDifference:
    """What differs between the two; files are named as they are laid out (:func:`named` gives them their names back).

    What is wrong in both versions alike is in ``standing``. ``judged``: also scan both. Another folder may stand in the
    place of the new version; its files are named as if they were laid out there.
    """
    found = difference_between(
        *sides,
        options,
        renames=snapshots.renames,
        changed=[(change.old, change.new) for change in snapshots.changed],
        trusted=False,
        judged=judged,
    )
    if sides[1].path != snapshots.folders[1]:
        found = relocate(found, {str(sides[1].path): str(snapshots.folders[1])})
    lost = dict.fromkeys(_not_read_any_more(found, sides, snapshots))
    hidden = {entry.file for entry in lost}
    aside = [entry for entry in _aside(found, snapshots) if entry.file not in hidden]
    aside += [*_unused_values(sides, snapshots), *_called_otherwise(found, snapshots)]
    left_out = (*found.left_out_files, *aside)
    found = replace(
        found,
        unreadable=(*found.unreadable, *lost),
        not_evaluated=(*found.not_evaluated, *aside),
        left_out_files=left_out,
        left_out=len(left_out),
    )
    return _without_old_news(found, snapshots)


def named(found: AccessDifference, snapshots: Snapshots) -> AccessDifference:
    """The same with files named from the top of the repository; what both versions say is told once."""
    known = relocate(found, names_of(snapshots))
    return replace(
        known,
        unreadable=tuple(dict.fromkeys(known.unreadable)),
        not_evaluated=tuple(dict.fromkeys(known.not_evaluated)),
        standing=tuple(dict.fromkeys(known.standing)),
        excluded=tuple(dict.fromkeys(known.excluded)),
    )


def told_once(found: AccessDifference, snapshots: Snapshots) -> AccessDifference:
    """The same, with what neither version evaluates of a file as the new one says it, where only its line differs."""
    old, new = (f"{folder}/" for folder in snapshots.folders)
    renames = snapshots.renames or {}
    entries = found.not_evaluated
    told = {(entry.file.removeprefix(new), entry.reason) for entry in entries if entry.file.startswith(new)}
    kept = [
        entry
        for entry in entries
        if not entry.file.startswith(old)
        or (renames.get(path := entry.file.removeprefix(old), path), entry.reason) not in told
    ]
    return replace(found, not_evaluated=tuple(kept))


def names_of(snapshots: Snapshots) -> dict[str, str]:
    """For the folders of both versions: the top of the repository."""
    return {str(folder): "" for folder in snapshots.folders}


def found_in(asked: VersionPair, snapshots: Snapshots, number: int) -> Find:
    """Finds what is given as a path of the working tree in one of the versions (0 or 1).

    It raises an :class:`InputError` where a symbolic link in the working tree leads from there out of the repository.
    """

    def there(name: str, *, folder: bool = False) -> str | None:
        top = asked.repository.top
        if top is None:
            return name
        path = os.path.abspath(name.removeprefix("file://"))
        real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        below = os.path.relpath(real, os.path.realpath(top))
        if below.split(os.sep)[0] != os.pardir:
            exists = os.path.isdir if folder else os.path.isfile
            places = [os.path.join(place, below) for place in snapshots.folders]
            if exists(places[number]):
                return places[number]
            if exists(places[1 - number]):
                return None
        is_inside = Path(path).is_relative_to(top)
        if is_inside and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top)):
            raise InputError(name, "not read: a symbolic link leads out of the repository")
        return name

    return there


def _side(asked: VersionPair, snapshots: Snapshots, number: int, inputs_of: InputsOf) -> Side:
    try:
        inputs = inputs_of(found_in(asked, snapshots, number))
    except InputError as error:
        raise InputError(relocate(error.file, names_of(snapshots)), error.reason, error.line) from None
    top = snapshots.folders[number]
    here = str(top / asked.repository.prefix)  # the working directory
    exclusions = replace(inputs.exclusions, roots=tuple((root, "") for root in dict.fromkeys((here, str(top)))))

    def read(entries: Sequence[Unreadable]) -> tuple[Unreadable, ...]:
        return tuple(entry for entry in entries if not exclusions.excludes(entry.file))

    return Side(
        top,
        replace(inputs, exclusions=exclusions),
        read(snapshots.unreadable[number]),
        read(snapshots.skipped[number]),
        sealed=True,
    )


def _without_old_news(found: AccessDifference, snapshots: Snapshots) -> AccessDifference:
    """What cannot be read, or is not evaluated, in both versions alike makes no difference, unless it is touched."""
    touched = snapshots.touched()

    def is_idle(path: str, reason: str) -> bool:
        return path not in touched and not reason.startswith(_NO_PARSER) and not _may_read(path, touched)

    terraform = any(map(_is_terraform, touched))
    as_before = [
        entry
        for path, entry in _in_both(without_faults(found.unreadable), snapshots)
        if is_idle(path, entry.reason) and not (terraform and _is_terraform(path))  # it may hide what another file does
    ]
    standing = [entry for path, entry in _in_both(found.not_evaluated, snapshots) if path not in touched]
    back = [
        entry
        for path, entry in _in_both(found.not_evaluated, snapshots)
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


def _not_read_any_more(found: AccessDifference, sides: tuple[Side, Side], snapshots: Snapshots) -> Iterator[Unreadable]:
    """What of the old version was read, stands in the new one, and is not read there: what it held may all be there,
    and would pass for removed."""
    old, new = (set(files) for files in found.files)
    told = {entry.file for entry in found.unreadable} | {
        entry.file for entry in found.not_evaluated if entry.file not in _left_out(snapshots)
    }
    touched = snapshots.touched()
    was, now = ({entry.path for entry in side} for side in snapshots.entries)
    for file in sorted(old):
        before = file.removeprefix(f"{snapshots.folders[0]}/")
        after = (snapshots.renames or {}).get(before, before)
        place = f"{snapshots.folders[1]}/{after}"
        if after in touched and (shadow := _shadow(after, now)) and place not in new:
            yield Unreadable(
                place, f"was infrastructure code before, has changed, and only Terraform reads it beside {shadow}"
            )
            continue
        stands = next((path for path in (after, *_above(after)) if path in now), None)
        if place in new or place in told or stands is None or (stands != after and stands in was):
            continue
        lost = f"{snapshots.folders[1]}/{stands}"
        if reason := _left_out(snapshots).get(lost):
            said = "was" if stands == after else "held"
            yield Unreadable(lost, f"{said} infrastructure code before, and is not read now: {reason}")
        elif (folder := _passed_over(after, now)) and not _passed_over(before, was):
            yield Unreadable(place, f"was infrastructure code before, and {folder} is passed over now")
        elif _is_excluded(after, snapshots, sides, 1):
            if not _is_excluded(before, snapshots, sides, 0):
                yield Unreadable(place, "was infrastructure code before, and is excluded now")
        elif after in touched and (reason := _is_broken(place)):
            yield Unreadable(place, f"was infrastructure code before, and is {reason}")


def _aside(found: AccessDifference, snapshots: Snapshots) -> Iterator[Unreadable]:
    """What is among the changes, may hold something, and is not looked at where it stands, or by its name."""
    top = snapshots.folders[1]
    old, new = (set(files) for files in found.files)
    links = _links(snapshots)
    touched = snapshots.touched()
    entries = {entry.path for entry in snapshots.entries[1]}
    for change in snapshots.changed:
        path = change.new
        if path is None or path in links:
            continue
        if path.endswith(_INSTALLED):
            yield Unreadable(f"{top}/{path}", "names modules that are believed here; terraform init may get others")
        elif f"{top}/{path}" in new:
            continue
        elif change.old not in (None, path) and not matters(path) and f"{snapshots.folders[0]}/{change.old}" in old:
            yield Unreadable(f"{top}/{path}", f"was infrastructure code as {change.old}, and is not read by this name")
        elif shadow := _shadow(path, entries):
            yield Unreadable(f"{top}/{path}", f"has changed, and only Terraform reads it beside {shadow}")
        elif is_terraform_file(Path(path)) and (folder := _passed_over(path, entries)):
            yield Unreadable(f"{top}/{path}", f"not looked at, because {folder} is passed over")
    for link, leads_to in links.items():
        behind = [path for path in touched if path == leads_to or path.startswith(f"{leads_to}/")]
        if link not in touched and any(map(matters, behind)):
            yield Unreadable(f"{top}/{link}", f"a symbolic link, which is not followed, and {leads_to} has changed")


def _unused_values(sides: tuple[Side, Side], snapshots: Snapshots) -> Iterator[Unreadable]:
    """Files of values for variables that have changed, and that neither their names nor an option makes count.

    Source: Terraform's page "Input Variables", "Variable Definitions (.tfvars) Files".
    """
    given = {os.path.realpath(file) for side in sides for file in side.inputs.var_files}
    for change in snapshots.changed:
        path = change.new
        name = os.path.basename(path or "")
        if path is None or not name.endswith(_VALUES) or name in _LOADED or name.endswith(_LOADED_ENDS):
            continue
        file = f"{snapshots.folders[1]}/{path}"
        if os.path.isfile(file) and os.path.realpath(file) not in given:
            yield Unreadable(file, "values that do not count here, since no --var-file names them")


def _called_otherwise(found: AccessDifference, snapshots: Snapshots) -> Iterator[Unreadable]:
    """The modules that are not here in either version, where the block that calls them has changed: another version of
    a module, or other arguments, may let more be passed."""
    folders = snapshots.folders
    notes = [
        entry for entry in found.not_evaluated if entry.subject and entry.line and entry.reason.startswith(_MODULE)
    ]
    old, new = ([entry for entry in notes if entry.file.startswith(f"{folder}/")] for folder in folders)
    lines: dict[str, list[str]] = {}
    before = {entry.reason: _block(entry, lines) for entry in old}
    for entry in new:
        was = before.get(entry.reason)
        if was is not None and was != _block(entry, lines):
            yield replace(entry, reason=f"{entry.reason}, and is called otherwise now", subject="")


def _block(entry: Unreadable, known: dict[str, list[str]]) -> list[str]:
    """The lines of the block of Terraform that begins where an entry says, without layout and comments."""
    if entry.file not in known:
        try:
            known[entry.file] = Path(entry.file).read_text("utf-8", "replace").split("\n")
        except OSError:
            known[entry.file] = []
    said = []
    for line in known[entry.file][(entry.line or 1) - 1 :]:
        words = " ".join(line.split())
        if words and not words.startswith(("#", "//")):
            said.append(words)
        if line.startswith("}"):
            break
    return said


def _links(snapshots: Snapshots) -> dict[str, str]:
    """The symbolic links of the new version with what they lead to below the top of the repository."""
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
        for _ in range(_MOST_STEPS):  # a link may lead to another one, or through one
            step = next((path for path in (found[link], *_above(found[link])) if path in found), None)
            if step is None:
                break
            found[link] = found[step] + found[link][len(step) :]
    return {link: leads_to for link, leads_to in found.items() if not leads_to.startswith(("/", ".."))}


def _above(path: str) -> list[str]:
    """The folders that a path lies in, the nearest first."""
    return [str(folder) for folder in PurePosixPath(path).parents if str(folder) not in (".", "/")]


def _left_out(snapshots: Snapshots) -> dict[str, str]:
    """What of the new version is not laid out, with the reasons."""
    return {entry.file: entry.reason for entry in snapshots.skipped[1]}


def _shadow(path: str, files: Collection[str]) -> str:
    """The file beside it that OpenTofu reads in a file's place; nothing where it reads that one.

    Source: OpenTofu's page "Files and Directories".
    """
    for theirs, ours in ((".tf.json", ".tofu.json"), (".tf", ".tofu")):
        if path.endswith(theirs):
            other = f"{path.removesuffix(theirs)}{ours}"
            return os.path.basename(other) if other in files else ""
    return ""


def _passed_over(path: str, files: Collection[str]) -> str:
    """The folder because of which a file is not looked for in a version with these files; nothing where it is."""
    for folder in _above(path):
        if is_ignored_folder(os.path.basename(folder)) or f"{folder}/{_ENVIRONMENT}" in files:
            return folder
    return ""


def _is_excluded(path: str, snapshots: Snapshots, sides: tuple[Side, Side], number: int) -> bool:
    return sides[number].inputs.exclusions.excludes(f"{snapshots.folders[number]}/{path}")


def _is_broken(file: str) -> str:
    """Why a text of which something was recognized is recognized no more; nothing where it holds nothing now, or is no
    file at all."""
    import yaml

    try:
        with open(file, "rb") as stream:
            data = stream.read(LARGEST_TEMPLATE + 1)
    except OSError:
        return ""  # it is not laid out, which is told elsewhere
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
    return "several documents of YAML now" if documents > 1 and "AWS::" in text else ""


def _in_both(entries: Sequence[Unreadable], snapshots: Snapshots) -> list[tuple[str, Unreadable]]:
    """Those of ``entries`` that both versions give, of either version, each with its path in the repository."""
    sides: list[dict[tuple[str, str, int | None], Unreadable]] = [{}, {}]
    for entry in entries:
        for side, folder in zip(sides, snapshots.folders, strict=True):
            if entry.file.startswith(f"{folder}/"):
                side[entry.file.removeprefix(f"{folder}/"), entry.reason, entry.line] = entry
    return [(key[0], side[key]) for key in sides[0] if key in sides[1] for side in sides]


def _may_read(path: str, touched: Collection[str]) -> bool:
    """Whether a file of Terraform, which cannot be read, may read something that has changed near by."""
    folder = f"{os.path.dirname(path)}/".lstrip("/")
    return _is_terraform(path) and any(
        other.startswith(folder)
        and not other[len(folder) :].startswith(".")
        and (matters(other) or other.endswith(_READ_BY_TERRAFORM))
        for other in touched
    )


def _is_terraform(path: str) -> bool:
    return ".tf" in path or ".tofu" in path


def about_configuration(asked: VersionPair, snapshots: Snapshots) -> list[Unreadable]:
    """A note where the new version has another configuration, which does not count."""
    tables: list[object] = []
    for folder in snapshots.folders:
        try:
            tables.append(settings.load(folder / asked.repository.prefix))
        except ConfigurationError as error:
            tables.append(str(error))
    if tables[0] == tables[1]:
        return []
    file = snapshots.folders[1] / asked.repository.prefix / settings.FILE
    return [Unreadable(str(file), f"[{settings.TABLE}] differs from that of {asked.base.name}, which is used")]
