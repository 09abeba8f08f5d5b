"""Values that the variables of a root module are given beside their defaults.

Source: Terraform's page "Input Variables", "Variable Definition Precedence": ``terraform.tfvars``, then
``terraform.tfvars.json``, then ``*.auto.tfvars`` and ``*.auto.tfvars.json`` by name, then ``-var-file`` and ``-var``;
later ones win. ``TF_VAR_…`` in the environment is never read: a scan gives the same answer everywhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path

from passrole_checks.files.safe_read import read_bounded
from passrole_checks.sources.files.access_log import log_file, log_folder
from passrole_checks.sources.model.configuration import Inputs, Unreadable
from passrole_checks.sources.terraform.reading.files import parse_bytes, parse_file
from passrole_checks.sources.terraform.reading.reader_json import read_values
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import NotText, SourceText
from passrole_checks.sources.terraform.reading.syntax import (
    Attribute,
    Block,
    Body,
    Call,
    Expression,
    For,
    Fragment,
    Name,
    ParsedFile,
    Span,
    SyntaxProblem,
    TemplateExpression,
    Unparsed,
)

_FIRST = ("terraform.tfvars", "terraform.tfvars.json")
_AUTOMATIC = (".auto.tfvars", ".auto.tfvars.json")
_PRIMITIVE = frozenset({"string", "number", "bool"})
_LARGEST = 20_000_000  # bytes of one file of values


def read_tfvars(folder: Path) -> list[ParsedFile]:
    """The files that Terraform loads by itself for a root module, in its order. Never raises."""
    log_folder(folder)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    found = [name for name in _FIRST if name in names] + [name for name in names if name.endswith(_AUTOMATIC)]
    return [_only_values(parse_file(folder / name)) for name in found if not (folder / name).is_dir()]


def read_var_file(path: Path) -> ParsedFile:
    """A file given with ``--var-file``: JSON where its name ends so, else HCL. Never raises."""
    full = Path(os.path.abspath(path))
    log_file(full)
    try:
        status = full.stat()
        # a pipe can be read once only, and every root asks
        stamp = (status.st_mtime_ns, status.st_size) if stat.S_ISREG(status.st_mode) else None
        if status.st_size > _LARGEST:
            return _problem(str(full), 1, f"larger than {_LARGEST // 1_000_000} MB")
        return _read(str(full), stamp)
    except FileNotFoundError:
        return _problem(str(full), None, "no such file of variable values")
    except (OSError, ValueError) as error:
        return _problem(str(full), None, f"cannot be opened: {getattr(error, 'strerror', None) or error}")


@lru_cache(maxsize=64)
def _read(file: str, _stamp: tuple[int, int] | None) -> ParsedFile:
    data = read_bounded(file, _LARGEST, pipes=True)
    if not file.endswith(".json"):
        return _only_values(parse_bytes(file, data))
    try:
        return _only_values(read_values(SourceText.of(file, data)))
    except NotText as error:
        return _problem(file, error.line, error.reason)


def _problem(file: str, line: int | None, reason: str) -> ParsedFile:
    return ParsedFile(SourceText(file, b""), Body(), (SyntaxProblem(line or 0, reason),))


def _only_values(parsed: ParsedFile) -> ParsedFile:
    """The file, with a problem for each thing in it that is no value: Terraform refuses blocks, names and calls."""
    problems = [
        SyntaxProblem(block.span.line, f"a {block.type} block among variable values") for block in parsed.body.blocks
    ]
    for attribute in parsed.body.attributes:
        foreign = _foreign(attribute.value)
        if foreign is not None:
            problems.append(SyntaxProblem(attribute.span.line, f"{attribute.name}: {foreign}"))
    if not problems:
        return parsed
    return ParsedFile(parsed.source, parsed.body, (*parsed.problems, *problems))


def _foreign(expression: Expression) -> str | None:
    """What makes an expression more than a value, None where nothing does."""
    pending: list[object] = [expression]
    while pending:
        current = pending.pop()
        if isinstance(current, Name):
            return f"the value of a variable cannot refer to {current.name} (a text stands in quotes)"
        if isinstance(current, Call):
            return f"the value of a variable cannot call {current.name}()"
        if isinstance(current, For):
            continue  # its names are its own
        if isinstance(current, tuple) and not isinstance(current, Span):
            pending.extend(current)
        elif is_dataclass(current) and not isinstance(current, type):
            pending.extend(getattr(current, item.name) for item in fields(current))
    return None


def values_of(files: Iterable[ParsedFile]) -> dict[str, Attribute]:
    """The values that files give, by name; later files win."""
    return {attribute.name: attribute for parsed in files for attribute in parsed.body.attributes}


def given_texts(inputs: Inputs, variables: Mapping[str, Block]) -> tuple[dict[str, Attribute], tuple[Unreadable, ...]]:
    """The values of ``--var`` for the variables that a module declares, and those that cannot be understood.

    As Terraform does, a text is taken as it stands where the variable is a string, a number, a boolean or has no type,
    and is read as an expression everywhere else. One that is no expression leaves the variable unknown.
    """
    values: dict[str, Attribute] = {}
    broken: dict[str, Unreadable] = {}
    for name, text in inputs.variables:
        block = variables.get(name)
        if block is None:
            continue
        broken.pop(name, None)
        values[name], reason = _given(name, text, block)
        if reason is not None:
            broken[name] = Unreadable(f"--var {name}", reason)
    return values, tuple(broken.values())


def _given(name: str, text: str, block: Block) -> tuple[Attribute, str | None]:
    """A value, standing where its variable is declared: it has no other place in a file."""
    span = block.span
    if _takes_text(block):
        parts = (Fragment(text, span.line, span.column, exact=False),) if text else ()
        return Attribute(name, span, block.source, lambda: TemplateExpression(parts, span)), None
    written = f"{name} = {text}\n".encode("utf-8", "replace")
    source = SourceText(block.source.file, written, span.line, span.column - len(name) - 3)
    parsed = reader().read(source)
    found = parsed.body.attributes
    reason = None
    if parsed.problems or parsed.body.blocks or len(found) != 1:
        reason = f"{text!r} is no HCL expression, which the type of the variable asks for"
    elif (foreign := _foreign(found[0].value)) is not None:
        reason = foreign
    if reason is not None:
        unparsed = Unparsed("--var gives no HCL expression", span)
        return Attribute(name, span, block.source, lambda: unparsed), reason
    return Attribute(name, span, source, lambda: found[0].value), None


def _takes_text(block: Block) -> bool:
    """Whether a variable's ``--var`` is its text as it stands."""
    constraint = block.body.get("type")
    if constraint is None:
        return True
    value = constraint.value
    if isinstance(value, TemplateExpression):  # the notation before Terraform 0.12: "string", "list", "map"
        first = value.parts[0] if value.parts else None
        return isinstance(first, Fragment) and first.value in _PRIMITIVE
    return isinstance(value, Name) and value.name in _PRIMITIVE


def not_declared(inputs: Inputs, declared: frozenset[str]) -> Iterator[Unreadable]:
    """Each given value whose variable no root module declares, at its place.

    Terraform warns of one in a file and refuses one of ``-var``. A scan looks at many roots at once, of which each
    declares some, so a value that none of them takes is a note: it is most likely a slip of the pen.
    """
    for path in inputs.var_files:
        parsed = read_var_file(path)
        for attribute in parsed.body.attributes:
            if attribute.name not in declared:
                yield Unreadable(parsed.source.file, _unused(attribute.name), attribute.span.line)
    for name in dict(inputs.variables):
        if name not in declared:
            yield Unreadable(f"--var {name}", _unused(name))


def _unused(name: str) -> str:
    return f"no root module that is scanned declares the variable {name}, so its value is not used"


def unreadable_inputs(inputs: Inputs) -> tuple[Unreadable, ...]:
    """What cannot be read of the files of ``--var-file``."""
    return tuple(
        Unreadable(parsed.source.file, problem.reason, problem.line or None)
        for parsed in map(read_var_file, inputs.var_files)
        for problem in parsed.problems
    )
