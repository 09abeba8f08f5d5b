"""Give a file that ``templatefile`` renders a role of the module, as one more variable of its only call.

Source: Terraform language documentation, "templatefile Function": the second argument is an object with the variables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.reading.syntax import (
    Body,
    Call,
    Expression,
    Fragment,
    GetAttribute,
    Interpolation,
    Name,
    Object,
    TemplateExpression,
)
from passrole_checks.suggest.edits.hcl_alignment import with_alignment
from passrole_checks.suggest.edits.hcl_nodes import HclFile, walk_expressions
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.suggestion import Edit

_NAME = lazy_regex(r"[^\W\d]\w*")


@dataclass(frozen=True)
class TemplateCall:
    """The only call that renders a file; ``line``: where it starts."""

    file: HclFile
    path: str
    line: int
    variables: Object

    def names(self) -> dict[str, str]:
        """Return the variables and the text of their values."""
        return {
            self.file.key(key) or self.file.words(key.span): self.file.words(value.span)
            for key, value in self.variables.items
        }

    def variable(self, reference: str) -> str:
        """Return the variable whose value is a reference (``aws_iam_role.app.arn``), or the name of one to add. Raises
        :class:`NotEditableError` if there is another variable of that name, or none can be added.
        """
        known = self.names()
        same = next((name for name, value in known.items() if value == reference), None)
        if same is not None:
            return same
        name = re.sub(r"\W", "_", reference.removeprefix("data.").split(".")[1].partition("[")[0]) + "_arn"
        if name in known or not known or not _NAME.fullmatch(name):
            raise NotEditableError("its text cannot contain references")
        return name

    def added(self, variables: Mapping[str, str]) -> tuple[Edit, ...]:
        """Return the edits that add variables with these values, as far as they are new."""
        known, text = self.names(), self.file.text
        new = {name: value for name, value in variables.items() if name not in known}
        if not new:
            return ()
        key, value = self.variables.items[-1]
        start, end = self.file.bounds(key.span)[0], self.file.bounds(value.span)[1]
        begin = text.rfind("\n", 0, start) + 1
        indent = text[begin:start]
        if indent.strip():  # on one line
            inserted = "".join(f", {name} = {reference}" for name, reference in new.items())
            return (Edit(self.path, end, end, inserted),)
        comma = "," if text[end : end + 1] == "," else ""
        break_ = "\r\n" if text[begin - 2 : begin] == "\r\n" else "\n"
        inserted = "".join(f"{break_}{indent}{name} = {reference}{comma}" for name, reference in new.items())
        edits = (Edit(self.path, end + len(comma), end + len(comma), inserted),)
        return with_alignment(text, edits, *self.file.bounds(self.variables.span))


def only_call(template: str, files: Sequence[str], read: Callable[[str], str]) -> TemplateCall | None:
    """Return the call that renders a file, with variables in an object; None if there is none, or another use of the
    file in one of these files.
    """
    name, found = os.path.basename(template), list[TemplateCall]()
    mentions = 0
    for path in files:
        if not path.endswith((".tf", ".tofu")):
            continue
        try:
            text = read(path)
            if name not in text:
                continue
            mentions += text.count(name)
            file = HclFile.of(path, text)
        except (OSError, ValueError, NotEditableError):
            return None
        for call in _calls(file.body):
            if call.name == "templatefile" and len(call.arguments) == 2 and _is_path(call.arguments[0], path, template):
                variables = call.arguments[1]
                if isinstance(variables, Object) and not call.expand:
                    found.append(TemplateCall(file, path, call.span.line, variables))
    return found[0] if len(found) == mentions == 1 else None


def _calls(body: Body) -> Iterator[Call]:
    for attribute in body.attributes:
        yield from (one for one in walk_expressions(attribute.value) if isinstance(one, Call))
    for block in body.blocks:
        yield from _calls(block.body)


def _is_path(argument: Expression, caller: str, template: str) -> bool:
    """True if the argument of a call in a file is the path of a template beside or below it."""
    parts = argument.parts if isinstance(argument, TemplateExpression) else ()
    if len(parts) != 2 or not isinstance(parts[0], Interpolation) or not isinstance(parts[1], Fragment):
        return False
    folder, rest = parts[0].expression, parts[1].value
    if not (isinstance(folder, GetAttribute) and isinstance(folder.target, Name)):
        return False
    if (folder.target.name, folder.name) != ("path", "module"):
        return False
    return os.path.normpath(os.path.dirname(caller) + rest) == os.path.normpath(template)
