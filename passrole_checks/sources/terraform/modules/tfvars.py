"""Values of the input variables of a root module, other than their defaults.

Source: Terraform's page "Input Variables", "Variable Definition Precedence": ``terraform.tfvars``, then
``terraform.tfvars.json``, then ``*.auto.tfvars`` and ``*.auto.tfvars.json`` by name, then ``-var-file`` and ``-var``;
later values take precedence. ``TF_VAR_…`` in the environment is ignored, so that a scan is reproducible.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from passrole_checks.files.safe_read import RefusedError, content_version, read_bounded
from passrole_checks.files.unsaved_texts import is_file, names_in
from passrole_checks.sources.files.file_types import LOADED_FIRST, is_loaded_automatically
from passrole_checks.sources.model.configuration import Inputs, NoteKind, Unreadable
from passrole_checks.sources.terraform.reading.files import parse_bytes, parse_file
from passrole_checks.sources.terraform.reading.reader_json import read as read_json
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
    Object,
    ParsedFile,
    SyntaxProblem,
    TemplateExpression,
    Unparsed,
    children_of,
)

_PRIMITIVE = frozenset({"string", "number", "bool"})
_MAX_BYTES = 20_000_000  # bytes of one file of values
_UNUSED = "unused value: no scanned root module declares the variable {}"


def read_tfvars(folder: Path) -> list[ParsedFile]:
    """Parse the files that Terraform loads automatically for a root module, in its order. Never raises."""
    try:
        names = names_in(folder)
    except OSError:
        return []
    loaded = [name for name in LOADED_FIRST if name in names]
    loaded += [name for name in names if name not in loaded and is_loaded_automatically(name)]
    return [_reject_non_values(parse_file(folder / name)) for name in loaded if not (folder / name).is_dir()]


def read_var_file(path: Path) -> ParsedFile:
    """Parse a file of ``--var-file``: JSON if its name ends with ``.json``, else HCL. Never raises."""
    full = Path(os.path.abspath(path))
    try:  # a pipe can be read only once, but every root module reads the file
        version = content_version(str(full))
        return _read(str(full), version if is_file(full) else None)
    except RefusedError as error:  # too large
        return _failed_file(str(full), 1, str(error.strerror))
    except FileNotFoundError:
        return _failed_file(str(full), None, "variable file not found")
    except (OSError, ValueError) as error:
        return _failed_file(str(full), None, f"cannot be opened: {getattr(error, 'strerror', None) or error}")


@lru_cache(maxsize=64)
def _read(file: str, _version: Hashable) -> ParsedFile:
    data = read_bounded(file, _MAX_BYTES, pipes=True)
    if not file.endswith(".json"):
        return _reject_non_values(parse_bytes(file, data))
    try:
        return _reject_non_values(read_json(SourceText.of(file, data), values=True))
    except NotText as error:
        return _failed_file(file, error.line, error.reason)


def _failed_file(file: str, line: int | None, reason: str) -> ParsedFile:
    return ParsedFile(SourceText(file, b""), Body(), (SyntaxProblem(line or 0, reason),))


def _reject_non_values(parsed: ParsedFile) -> ParsedFile:
    """Add a problem for each item that is no value: Terraform rejects blocks, references and calls."""
    problems = [SyntaxProblem(block.span.line, f"unexpected {block.type} block") for block in parsed.body.blocks]
    for attribute in parsed.body.attributes:
        reason = _non_value_reason(attribute.value)
        if reason is not None:
            problems.append(SyntaxProblem(attribute.span.line, f"{attribute.name}: {reason}"))
    if not problems:
        return parsed
    return ParsedFile(parsed.source, parsed.body, (*parsed.problems, *problems))


def _non_value_reason(expression: Expression) -> str | None:
    """Return why an expression is not a plain value, None if it is one."""
    pending: list[object] = [expression]
    while pending:
        current = pending.pop()
        if isinstance(current, Name):
            return f"variable values cannot refer to {current.name} (put strings in quotes)"
        if isinstance(current, Call):
            return f"variable values cannot call {current.name}()"
        # a loop declares its own names; objects, which may be large, are not built for this
        pending.extend(() if isinstance(current, For | Object) else children_of(current))
    return None


def merge_values(files: Iterable[ParsedFile]) -> dict[str, Attribute]:
    """Return the values of files by variable name; later files take precedence."""
    return {attribute.name: attribute for parsed in files for attribute in parsed.body.attributes}


def command_line_values(
    inputs: Inputs, variables: Mapping[str, Block]
) -> tuple[dict[str, Attribute], tuple[Unreadable, ...]]:
    """Return the values of ``--var`` for the declared variables, and the invalid ones.

    As in Terraform, the text is the value if the variable is a string, a number, a boolean or has no type; otherwise it
    is an expression. An invalid expression leaves the variable unresolved.
    """
    values: dict[str, Attribute] = {}
    invalid: dict[str, Unreadable] = {}
    for name, text in inputs.variables:
        block = variables.get(name)
        if block is None:
            continue
        invalid.pop(name, None)
        values[name], reason = _command_line_value(name, text, block)
        if reason is not None:
            invalid[name] = Unreadable(f"--var {name}", reason)
    return values, tuple(invalid.values())


def _command_line_value(name: str, text: str, block: Block) -> tuple[Attribute, str | None]:
    """Return a value and the reason if it is invalid. Its position is the declaration of the variable."""
    span = block.span
    if _is_taken_literally(block):
        parts = (Fragment(text, span.line, span.column, exact=False),) if text else ()
        return Attribute(name, span, block.source, lambda: TemplateExpression(parts, span)), None
    written = f"{name} = {text}\n".encode("utf-8", "replace")
    source = SourceText(block.source.file, written, span.line, span.column - len(name) - 3)
    parsed = reader().read(source)
    attributes = parsed.body.attributes
    if parsed.problems or parsed.body.blocks or len(attributes) != 1:
        reason: str | None = f"{text!r} is not an HCL expression, which the type of the variable requires"
    else:
        reason = _non_value_reason(attributes[0].value)
    if reason is not None:
        unparsed = Unparsed("the value of --var is not an HCL expression", span)
        return Attribute(name, span, block.source, lambda: unparsed), reason
    return Attribute(name, span, source, lambda: attributes[0].value), None


def _is_taken_literally(block: Block) -> bool:
    """True if the text of ``--var`` is the value of a variable, not an expression."""
    constraint = block.body.get("type")
    if constraint is None:
        return True
    value = constraint.value
    if isinstance(value, TemplateExpression):  # syntax before Terraform 0.12: "string", "list", "map"
        first = value.parts[0] if value.parts else None
        return isinstance(first, Fragment) and first.value in _PRIMITIVE
    return isinstance(value, Name) and value.name in _PRIMITIVE


def undeclared_values(inputs: Inputs, declared: frozenset[str]) -> Iterator[Unreadable]:
    """Yield each given value whose variable no root module declares.

    Terraform warns about such a value in a file and rejects one of ``-var``. A scan covers many root modules, each with
    its own variables, so only a value that none of them declares is reported: most likely a typo.
    """
    for path in inputs.var_files:
        parsed = read_var_file(path)
        for attribute in parsed.body.attributes:
            if attribute.name not in declared:
                file, reason = parsed.source.file, _UNUSED.format(attribute.name)
                yield Unreadable(file, reason, attribute.span.line, kind=NoteKind.VALUE_FILE)
    for name in dict(inputs.variables):
        if name not in declared:
            yield Unreadable(f"--var {name}", _UNUSED.format(name), kind=NoteKind.VALUE_FILE)


def unreadable_inputs(inputs: Inputs) -> tuple[Unreadable, ...]:
    """Return the errors in the files of ``--var-file``."""
    return tuple(
        Unreadable(parsed.source.file, problem.reason, problem.line or None)
        for parsed in map(read_var_file, inputs.var_files)
        for problem in parsed.problems
    )
