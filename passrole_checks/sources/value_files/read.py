"""Read files with values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.errors import InputError
from passrole_checks.files.safe_read import open_error_reason
from passrole_checks.iam import deadline
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.value_file import ValueFile
from passrole_checks.sources.value_files.names import MANIFEST, SAMCONFIG, is_terraform_values

if TYPE_CHECKING:
    from passrole_checks.sources.value_files.manifests import ParameterFile

_MAX_BYTES = 1_000_000  # of a file with parameters; CloudFormation takes 200 parameters of 4,096 bytes
_MAX_BRACES = 50  # of an object whose values are strings, such as dynamic references and texts of policies
# a list of keys and values, or the file of an AWS CodePipeline action
_CERTAIN = lazy_regex(r'\s*(?:\[\s*\{\s*"Parameter(?:Key|Value)"|\{\s*"(?:Parameters|Tags|StackPolicy)"\s*:)')
_MANAGED_POLICY = b":aws:policy/"


def read_value_files(files: Sequence[Path], *, parameters: bool) -> Iterator[ValueFile]:
    """Yield the values in files, those of CloudFormation parameters only if ``parameters`` is true.

    A file that has no values is left out. Never raises for the content of files.
    """
    yield from (_terraform_values(path) for path in files if is_terraform_values(path))
    if parameters:
        yield from _parameter_values([path for path in files if not is_terraform_values(path)])


def _terraform_values(path: Path) -> ValueFile:
    from passrole_checks.sources.terraform.modules.tfvars import read_var_file  # slow to import

    deadline.check()
    try:
        current_boundary().check(path)
    except OSError as error:
        return ValueFile(str(path), is_terraform=True, problem=open_error_reason(path, error))
    parsed = read_var_file(path)
    problem = parsed.problems[0] if parsed.problems else None
    return ValueFile(
        str(path),
        is_terraform=True,
        names=frozenset(attribute.name for attribute in parsed.body.attributes),
        attaches=_MANAGED_POLICY in parsed.source.data,
        problem=problem.reason if problem is not None else "",
        line=(problem.line or None) if problem is not None else None,
    )


def _parameter_values(files: Sequence[Path]) -> Iterator[ValueFile]:
    """Yield the values of CloudFormation parameters. A file that a manifest names is for its template only."""
    named: dict[Path, list[Path]] = {}
    for path in files:
        if path.name in MANIFEST or path.name in SAMCONFIG:
            for item in _in_settings(path):
                if isinstance(item, ValueFile):
                    yield item
                else:
                    named.setdefault(item.path, []).append(item.template)
    for path in files:
        if path.suffix == ".json":
            value_file = _json_values(path)
            if value_file is not None and path in named:
                for template in dict.fromkeys(named[path]):
                    yield replace(value_file, templates=(template,), is_named=True, is_certain=True)
            elif value_file is not None:
                yield value_file


def _in_settings(path: Path) -> Iterator[ValueFile | ParameterFile]:
    from passrole_checks.sources.value_files.manifests import manifest_values, samconfig_values  # slow to import

    try:
        content = _text(path)
        if content is not None:
            yield from (manifest_values if path.name in MANIFEST else samconfig_values)(path, content)
    except InputError as error:
        if path.name in SAMCONFIG:  # any file may be called manifest.yaml
            yield ValueFile(str(path), is_terraform=False, problem=error.reason, line=error.line)


def _json_values(path: Path) -> ValueFile | None:
    content = _text(path)
    return parameters_in(path, content) if content is not None else None


def parameters_in(path: Path, content: str) -> ValueFile | None:
    """Return the values in a JSON file of one of the forms of ``--parameters``; None for other files."""
    from passrole_checks.sources.cloudformation.parameter_values import parse_parameters  # slow to import

    deadline.check()
    is_certain = _CERTAIN.match(content) is not None
    if not is_certain and content.count("{") > _MAX_BRACES:
        return None
    try:
        pairs = parse_parameters(str(path), content)
    except InputError as error:
        if is_certain and content.lstrip().startswith("["):
            return ValueFile(str(path), is_terraform=False, problem=error.reason, line=error.line)
        return None
    names = frozenset(dict(pairs))
    return ValueFile(str(path), False, names, pairs, is_certain=is_certain) if pairs else None


def _text(path: Path) -> str | None:
    """Return the text of a file; None if it cannot be read or is too large for parameters."""
    try:
        return current_boundary().read(path, _MAX_BYTES + 1).decode("utf-8-sig") if _is_small(path) else None
    except (OSError, ValueError):
        return None


def _is_small(path: Path) -> bool:
    return path.stat().st_size <= _MAX_BYTES
