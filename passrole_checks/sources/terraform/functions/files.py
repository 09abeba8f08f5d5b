"""Functions that read files, below the boundary only.

Source: Terraform language documentation, "Functions", "Filesystem Functions", and "path" in "References to Named
Values".
"""

from __future__ import annotations

import base64
import os.path
import re
from dataclasses import replace
from pathlib import Path

from passrole_checks.files.safe_read import NO_SUCH_FILE, OUTSIDE
from passrole_checks.iam.partial_values import Const, ListNode, Node, ObjectNode, Position, StringNode, Unresolved, text
from passrole_checks.sources.files.access_log import log_tree
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import (
    Encoded,
    defaults_of,
    failure,
    hole,
    known,
    literal,
)
from passrole_checks.sources.terraform.evaluation.templates import whole_text
from passrole_checks.sources.terraform.functions.encoding import digest
from passrole_checks.sources.terraform.functions.maps import unknown_entries
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, declare, open_ended
from passrole_checks.sources.terraform.reading import syntax
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import SourceText

_MOST_FILES = 1_000  # of one fileset
_MOST_LOOKED_AT = 20_000


def _path(value: Node, scope: EvaluationScope) -> str | None:
    """The path that an argument names, None where it is not known.

    Terraform reads a relative path from where it is run; that is the root module, as a rule.
    """
    found = literal(value)
    if found is None or found.startswith("~"):
        return None
    if os.path.isabs(found):
        return os.path.normpath(found)
    return os.path.normpath(os.path.join(scope.module.root_folder, found))


def read_file(value: Node, scope: EvaluationScope, words: str, at: Position) -> Node:
    """The text of a file, with positions in that file."""
    path = _path(value, scope)
    if path is None:
        return hole(words, at, "a file whose name is not known")
    content, reason = scope.files.read(path)
    if content is None:
        return failure(words, at, reason) if reason == NO_SUCH_FILE else hole(words, at, reason)
    return whole_text(content, path)


def file(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``file``: the text of a file, whose places are those in that file."""
    return read_file(arguments[0], call.scope, call.words, call.at)


def _of_content(change: str) -> Function:
    """A hash of a file's text, or its Base64."""

    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        content = read_file(arguments[0], call.scope, call.words, call.at)
        found = content.literal if isinstance(content, StringNode) else None
        if found is None:
            return content
        data = found.encode()
        if change == "base64":
            return text(base64.b64encode(data).decode(), call.at)
        return text(digest(change.removeprefix("base64"), data, encoded=change.startswith("base64")), call.at)

    return run


def file_exists(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``fileexists``; a hole for what lies outside of the boundary."""
    path = _path(arguments[0], call.scope)
    if path is None:
        return call.hole("a file whose name is not known")
    found = call.scope.files.exists(path)
    return Const(found, call.at) if found is not None else call.hole(OUTSIDE)


def file_set(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """The files below a folder whose relative path fits a pattern: ``*``, ``?``, ``**``, ``{a,b}``, ``[a-z]``."""
    folder, pattern = _path(arguments[0], call.scope), literal(arguments[1])
    if folder is None or pattern is None:
        return call.hole("a folder whose name is not known" if folder is None else "")
    if call.scope.files.exists(folder) is None:
        return call.hole(OUTSIDE)
    fits = _glob(pattern)
    if fits is None:
        return call.hole("a pattern of files that is not read")
    found: list[str] = []
    looked_at = 0
    log_tree(folder)
    for base, folders, names in os.walk(folder):
        folders.sort()
        looked_at += len(names) + 1
        for name in names:
            relative = os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/")
            if fits.fullmatch(relative) and os.path.isfile(Path(base, name)):
                found.append(relative)
        if len(found) > _MOST_FILES or looked_at > _MOST_LOOKED_AT:
            return call.hole("too many files")
    return ListNode(tuple(StringNode((name,), call.at) for name in sorted(found)), call.at)


def _glob(pattern: str) -> re.Pattern[str] | None:
    """A pattern of paths as a regular expression, None where it is of a form that is not read."""
    if len(pattern) > 200 or pattern.count("*") > 8 or "\\" in pattern or re.search(r"\{[^}]*\{", pattern):
        return None
    pieces: list[str] = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\{[^}]*\}|\[[^\]]*\]|.", pattern, re.DOTALL):
        if piece in ("**/", "**"):
            pieces.append("(?:.*/)?" if piece == "**/" else ".*")
        elif piece in ("*", "?"):
            pieces.append("[^/]*" if piece == "*" else "[^/]")
        elif piece.startswith("{") and len(piece) > 1:
            options = [_glob(option) for option in piece[1:-1].split(",")]
            pieces.append("(?:" + "|".join(option.pattern if option else "(?!)" for option in options) + ")")
        elif piece.startswith("[") and len(piece) > 1:
            inner = piece[1:-1].replace("\\", "")
            if not re.fullmatch(r"[!^]?[\w.-]+", inner):
                return None
            pieces.append(f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]")
        else:
            pieces.append(re.escape(piece))
    try:
        return re.compile("".join(pieces), re.DOTALL)
    except re.error:
        return None


def template_file(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``templatefile``: a file read as a template; not within another template."""
    if call.scope.only_variables:
        return call.fail("a template within a template")
    content = read_file(arguments[0], call.scope, call.words, call.at)
    return render(content, arguments[1], call.scope, call.words, call.at)


def template_string(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``templatestring``: a text read as a template; not within another template."""
    if call.scope.only_variables:
        return call.fail("a template within a template")
    return render(arguments[0], arguments[1], call.scope, call.words, call.at)


def render(template: Node, variables: Node | None, scope: EvaluationScope, words: str, at: Position) -> Node:
    """A text read as a template, with the variables given to it and no others."""
    if not isinstance(template, StringNode) or isinstance(template, Encoded):
        return hole(words, at)
    if template.only_hole is not None and not template.only_hole.known:
        return template
    content = known(template).literal
    if content is None:
        return hole(words, at, "a template that is not known")
    source = SourceText(template.at.file, content.encode(), template.at.line, 1)
    parsed = reader().read_template(source)
    values: dict[str, Node] = {}
    if isinstance(variables, ObjectNode):
        for entry in variables.entries:
            if entry.key.literal is not None:
                values[entry.key.literal] = entry.value
            else:
                values = {**unknown_entries(entry.key, names_in(parsed)), **values}
    elif isinstance(variables, StringNode) and open_ended(variables):
        values = unknown_entries(variables, names_in(parsed))
    where = f"given at {Path(at.file).name}:{at.line}:{at.column}"
    labels = (*scope.labels, *((name, where) for name in values))
    inner = replace(scope, source=source, variables=values, only_variables=True, labels=labels)
    return evaluate(parsed, inner)


def names_in(expression: syntax.Expression) -> set[str]:
    """The names with which the references of an expression begin."""
    found: set[str] = set()
    pending: list[object] = [expression]
    while pending:
        current = pending.pop()
        if isinstance(current, syntax.Name):
            found.add(current.name)
        elif isinstance(current, tuple):
            pending.extend(current)
        elif hasattr(current, "__dataclass_fields__") and not isinstance(current, syntax.Span):
            pending.extend(getattr(current, name) for name in current.__dataclass_fields__)
    return found


def part_of_path(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``dirname`` and ``basename``."""
    path = literal(arguments[0])
    if path is None:
        return None
    clean = os.path.normpath(path) if path else "."
    if call.name == "basename":
        return StringNode((os.path.basename(clean) or "/",), call.at, defaults=defaults_of(arguments))
    found = os.path.dirname(clean) or "."
    value = arguments[0]
    if isinstance(value, StringNode) and any(
        isinstance(part, Unresolved) and part.reason == "a path" for part in value.parts
    ):
        return StringNode((Unresolved(call.words, known=(found,), reason="a path"),), call.at)
    return StringNode((found,), call.at, defaults=defaults_of(arguments))


def absolute(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``abspath``: the same file; where this machine keeps it says nothing."""
    path = _path(arguments[0], call.scope)
    return StringNode((Unresolved(call.words, known=(path,), reason="a path"),), call.at) if path is not None else None


def expanded(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """``pathexpand``: a home folder is not known."""
    path = literal(arguments[0])
    if path is None:
        return None
    return arguments[0] if not path.startswith("~") else call.hole("a folder of whoever runs it")


FILES = declare({
    "file": (file, "s"), "fileexists": (file_exists, "s"), "fileset": (file_set, "ss"),
    "filebase64": (_of_content("base64"), "s"), "filemd5": (_of_content("md5"), "s"),
    "filesha1": (_of_content("sha1"), "s"), "filesha256": (_of_content("sha256"), "s"),
    "filesha512": (_of_content("sha512"), "s"), "filebase64sha256": (_of_content("base64sha256"), "s"),
    "filebase64sha512": (_of_content("base64sha512"), "s"), "templatefile": (template_file, "sm"),
    "templatestring": (template_string, "sm"), "dirname": (part_of_path, "s"), "basename": (part_of_path, "s"),
    "abspath": (absolute, "s"), "pathexpand": (expanded, "s"),
})  # fmt: skip
