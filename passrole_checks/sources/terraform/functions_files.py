"""Functions that read files, below the boundary only."""

from __future__ import annotations

import os.path
from dataclasses import replace

from passrole_checks.iam.values import Const, Hole, Mapping, Node, Position, Text
from passrole_checks.sources.terraform.function import Call
from passrole_checks.sources.terraform.functions_collection import table
from passrole_checks.sources.terraform.readers import reader
from passrole_checks.sources.terraform.scope import Scope, evaluate
from passrole_checks.sources.terraform.source import SourceText
from passrole_checks.sources.terraform.symbols import Encoded, defaults_of, failure, hole, known, literal
from passrole_checks.sources.terraform.templates import whole_text


def _path(value: Node, scope: Scope) -> str | None:
    """The path that an argument names, None where it is not known.

    Terraform reads a relative path from where it is run; that is the root module, as a rule.
    """
    found = literal(value)
    if found is None:
        return None
    if os.path.isabs(found) or found.startswith("~"):
        return found
    if isinstance(value, Text) and any(isinstance(part, Hole) and part.reason == "a path" for part in value.parts):
        return os.path.normpath(found)
    return os.path.normpath(os.path.join(scope.module.root_folder, found))


def read_file(value: Node, scope: Scope, words: str, at: Position) -> Node:
    """The text of a file, with positions in that file."""
    path = _path(value, scope)
    if path is None:
        return hole(words, at, "a file whose name is not known")
    content, reason = scope.files.read(path)
    if content is None:
        return failure(words, at, reason) if reason == "no such file" else hole(words, at, reason)
    return whole_text(content, path)


def file(call: Call, arguments: list[Node]) -> Node | None:
    return read_file(arguments[0], call.scope, call.words, call.at)


def file_exists(call: Call, arguments: list[Node]) -> Node | None:
    path = _path(arguments[0], call.scope)
    found = call.scope.files.exists(path) if path is not None else None
    return Const(found, call.at) if found is not None else None


def template_file(call: Call, arguments: list[Node]) -> Node | None:
    content = read_file(arguments[0], call.scope, call.words, call.at)
    return render(content, arguments[1], call.scope, call.words, call.at)


def template_string(call: Call, arguments: list[Node]) -> Node | None:
    return render(arguments[0], arguments[1], call.scope, call.words, call.at)


def render(template: Node, variables: Node | None, scope: Scope, words: str, at: Position) -> Node:
    """A text read as a template, with the variables given to it and no others."""
    if not isinstance(template, Text) or isinstance(template, Encoded):
        return hole(words, at)
    if template.only_hole is not None and not template.only_hole.known:
        return template
    content = known(template).literal
    if content is None:
        return hole(words, at, "a template that is not known")
    source = SourceText(template.at.file, content.encode(), template.at.line, 1)
    values: dict[str, Node] = {}
    if isinstance(variables, Mapping):
        for entry in variables.entries:
            if entry.key.literal is not None:
                values[entry.key.literal] = entry.value
    labels = (*scope.labels, *((name, f"{words} at line {at.line}") for name in values))
    inner = replace(scope, source=source, variables=values, only_variables=True, labels=labels)
    return evaluate(reader().read_template(source), inner)


def directory(call: Call, arguments: list[Node]) -> Node | None:
    """``dirname``, ``basename``, ``abspath``, ``pathexpand``."""
    path = literal(arguments[0])
    if path is None:
        return None
    if call.name == "abspath":
        return arguments[0]  # the same file; where this machine keeps it says nothing
    if call.name == "pathexpand":
        return arguments[0] if not path.startswith("~") else None
    found = os.path.dirname(path) if call.name == "dirname" else os.path.basename(path)
    return Text((found,), call.at, defaults=defaults_of(arguments))


FILES = table({
    "file": (file, 1, 1), "fileexists": (file_exists, 1, 1), "templatefile": (template_file, 2, 2),
    "templatestring": (template_string, 2, 2), "dirname": (directory, 1, 1), "basename": (directory, 1, 1),
    "abspath": (directory, 1, 1), "pathexpand": (directory, 1, 1),
})  # fmt: skip
