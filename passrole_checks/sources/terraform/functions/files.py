"""Functions that read files, within the read boundary only.

Source: Terraform language documentation, "Functions", "Filesystem Functions", and "path" in "References to Named
Values".
"""

from __future__ import annotations

import base64
import os.path
import re
from dataclasses import replace
from pathlib import Path

from passrole_checks.files.safe_read import CREATED_LATER, NO_SUCH_FILE, OUTSIDE
from passrole_checks.files.unsaved_texts import files_below
from passrole_checks.iam.values.nodes import (
    Const,
    ListNode,
    Node,
    ObjectNode,
    Position,
    StringNode,
    Unresolved,
    failure,
    text,
    unresolved,
)
from passrole_checks.iam.values.path_conditions import Assumption, Predicate
from passrole_checks.iam.values.variants import choose, defaults_of, same_value
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, fill_known_parts, known_string
from passrole_checks.sources.terraform.evaluation.templates import file_text
from passrole_checks.sources.terraform.functions.encoding import digest
from passrole_checks.sources.terraform.functions.maps import unknown_entries
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, declare, is_untyped
from passrole_checks.sources.terraform.reading import syntax
from passrole_checks.sources.terraform.reading.readers import reader
from passrole_checks.sources.terraform.reading.source import SourceText

_MAX_FILES = 1_000  # in one fileset
_MAX_VISITED = 20_000


def _resolve_path(value: Node, scope: EvaluationScope) -> str | None:
    """Return the normalized path that an argument names; None if it is unresolved or starts with ``~``.

    Terraform resolves relative paths against its working directory, which is normally the root module.
    """
    path = known_string(value)
    if path is None or path.startswith("~"):
        return None
    return os.path.normpath(os.path.join(scope.module.root_folder, path))


def read_file(value: Node, scope: EvaluationScope, source_text: str, at: Position) -> Node:
    """Return the content of a file as a string with positions in that file.

    A file that a resource of the module writes has that content once it is applied. Until then the file that is in the
    folder counts, since functions are evaluated before (documentation of Terraform, "file Function").
    """
    path = _resolve_path(value, scope)
    if path is None:
        return unresolved(source_text, at, "the file name is unknown")
    content, reason = scope.files.read(path)
    written = scope.module.written_content(path, at)
    if content is not None:
        present = file_text(content, path)
        if written is None or same_value(written[1], present):
            return written[1] if written is not None else present
        return choose(Assumption(written[0], predicate=Predicate.EXISTS), written[1], present, at)
    if written is not None and reason == NO_SUCH_FILE:
        return written[1]
    if reason != NO_SUCH_FILE:
        return unresolved(source_text, at, reason)
    if scope.module.creates(path):
        return unresolved(source_text, at, CREATED_LATER)
    return failure(source_text, at, reason)


def file(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``file``: the content with positions in that file."""
    return read_file(arguments[0], call.scope, call.text, call.at)


def _content_function(change: str) -> Function:
    """Return a function that computes a hash of a file's content, or its Base64 form."""

    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        content = read_file(arguments[0], call.scope, call.text, call.at)
        string = content.literal if isinstance(content, StringNode) else None
        if string is None:
            return content
        data = string.encode()
        if change == "base64":
            return text(base64.b64encode(data).decode(), call.at)
        return text(digest(change.removeprefix("base64"), data, encoded=change.startswith("base64")), call.at)

    return run


def file_exists(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``fileexists``; unresolved for a path outside of the read boundary."""
    path = _resolve_path(arguments[0], call.scope)
    if path is None:
        return call.unresolved("the file name is unknown")
    exists = call.scope.files.exists(path)
    return Const(exists, call.at) if exists is not None else call.unresolved(OUTSIDE)


def file_set(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``fileset``: files below a folder that match ``*``, ``?``, ``**``, ``{a,b}`` and ``[a-z]``."""
    folder, pattern = _resolve_path(arguments[0], call.scope), known_string(arguments[1])
    if folder is None or pattern is None:
        return call.unresolved("the folder name is unknown" if folder is None else "")
    if call.scope.files.exists(folder) is None:
        return call.unresolved(OUTSIDE)
    regex = _glob_regex(pattern)
    if regex is None:
        return call.unresolved("unsupported file pattern")
    matches: list[str] = []
    visited = 0
    for base, names in files_below(folder):
        visited += len(names) + 1
        paths = (os.path.relpath(os.path.join(base, name), folder).replace(os.sep, "/") for name in names)
        matches += filter(regex.fullmatch, paths)
        if len(matches) > _MAX_FILES or visited > _MAX_VISITED:
            return call.unresolved("too many files")
    return ListNode(tuple(StringNode((name,), call.at) for name in sorted(matches)), call.at)


def _glob_regex(pattern: str) -> re.Pattern[str] | None:
    """Return the regular expression of a path pattern; None for unsupported syntax."""
    if len(pattern) > 200 or pattern.count("*") > 8 or "\\" in pattern or re.search(r"\{[^}]*\{", pattern):
        return None
    pieces: list[str] = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\{[^}]*\}|\[[^\]]*\]|.", pattern, re.DOTALL):
        if piece in ("**/", "**"):
            pieces.append("(?:.*/)?" if piece == "**/" else ".*")
        elif piece in ("*", "?"):
            pieces.append("[^/]*" if piece == "*" else "[^/]")
        elif piece.startswith("{") and len(piece) > 1:
            options = [_glob_regex(option) for option in piece[1:-1].split(",")]
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


def template(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``templatefile`` and ``templatestring``; an error within another template."""
    if call.scope.only_variables:
        return call.fail("a template within a template")
    is_file = call.name == "templatefile"
    content = read_file(arguments[0], call.scope, call.text, call.at) if is_file else arguments[0]
    return render(content, arguments[1], call.scope, call.text, call.at)


def render(template: Node, variables: Node | None, scope: EvaluationScope, source_text: str, at: Position) -> Node:
    """Evaluate a string as a template, in which only the given variables are defined."""
    if not isinstance(template, StringNode) or isinstance(template, Encoded):
        return unresolved(source_text, at)
    if template.only_unresolved is not None and not template.only_unresolved.known:
        return template
    content = fill_known_parts(template).literal
    if content is None:
        return unresolved(source_text, at, "the template is unknown")
    source = SourceText(template.at.file, content.encode(), template.at.line, 1)
    parsed = reader().read_template(source)
    values: dict[str, Node] = {}
    if isinstance(variables, ObjectNode):
        for entry in variables.entries:
            if entry.key.literal is not None:
                values[entry.key.literal] = entry.value
            else:
                values = {**unknown_entries(entry.key, root_names(parsed)), **values}
    elif isinstance(variables, StringNode) and is_untyped(variables):
        values = unknown_entries(variables, root_names(parsed))
    origin = f"given at {Path(at.file).name}:{at.line}:{at.column}"
    labels = (*scope.labels, *((name, origin) for name in values))
    inner = replace(scope, source=source, variables=values, only_variables=True, labels=labels)
    return evaluate(parsed, inner)


def root_names(expression: syntax.Expression) -> set[str]:
    """Return the first names of all references in an expression."""
    names: set[str] = set()
    pending: list[object] = [expression]
    while pending:
        current = pending.pop()
        names |= {current.name} if isinstance(current, syntax.Name) else set()
        pending.extend(syntax.children_of(current))
    return names


def dirname_or_basename(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``dirname`` and ``basename``."""
    path = known_string(arguments[0])
    if path is None:
        return None
    clean = os.path.normpath(path) if path else "."
    if call.name == "basename":
        return StringNode((os.path.basename(clean) or "/",), call.at, defaults=defaults_of(arguments))
    folder = os.path.dirname(clean) or "."
    value = arguments[0]
    if isinstance(value, StringNode) and any(part.reason == "a path" for part in value.unresolved_parts):
        return StringNode((Unresolved(call.text, known=(folder,), reason="a path"),), call.at)
    return StringNode((folder,), call.at, defaults=defaults_of(arguments))


def absolute_path(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``abspath``: the path stays unresolved, but the file that it names is known."""
    path = _resolve_path(arguments[0], call.scope)
    return StringNode((Unresolved(call.text, known=(path,), reason="a path"),), call.at) if path is not None else None


def expand_home(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``pathexpand``: a path below a home folder is unresolved."""
    path = known_string(arguments[0])
    if path is None:
        return None
    return arguments[0] if not path.startswith("~") else call.unresolved("depends on the user who runs Terraform")


FILES = declare({
    "file": (file, "s"), "fileexists": (file_exists, "s"), "fileset": (file_set, "ss"),
    "filebase64": (_content_function("base64"), "s"), "filemd5": (_content_function("md5"), "s"),
    "filesha1": (_content_function("sha1"), "s"), "filesha256": (_content_function("sha256"), "s"),
    "filesha512": (_content_function("sha512"), "s"), "filebase64sha256": (_content_function("base64sha256"), "s"),
    "filebase64sha512": (_content_function("base64sha512"), "s"), "templatefile": (template, "sm"),
    "templatestring": (template, "sm"), "dirname": (dirname_or_basename, "s"),
    "basename": (dirname_or_basename, "s"),
    "abspath": (absolute_path, "s"), "pathexpand": (expand_home, "s"),
})  # fmt: skip
