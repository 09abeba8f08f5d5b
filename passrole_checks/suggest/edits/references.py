"""Write a role in each language: as a reference if it is in the same module or template.

Sources: Terraform language documentation, "References to Named Values" and "Strings and Templates" (``$${`` is a
literal ``${``); AWS CloudFormation Template Reference, "Fn::GetAtt", "Fn::Sub" (``${!x}`` is a literal ``${x}``) and
"Pseudo parameters".
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from passrole_checks.files.unsaved_texts import is_folder, names_in
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Part, StringNode, Unresolved, UnresolvedKind
from passrole_checks.suggest.edits.hcl_nodes import HclFile
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.suggestion import TargetRole

_MODULES = lazy_regex(r'((?:module\.[\w-]+(?:\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?\.)*)(.+)', re.DOTALL)
_ADDRESS = lazy_regex(r'([\w-]+)\.([\w-]+)(\[(?:"(?:[^"\\]|\\.)*"|\d+)\])?')
_LOGICAL_ID = lazy_regex(r"[A-Za-z0-9]+")
ACCOUNTS = ("account id", "AWS::AccountId", "data.aws_caller_identity.")
PARTITIONS = ("partition", "AWS::Partition", "data.aws_partition.")
_LOOPING = lazy_regex(r"(each|count|self)\.")

Piece = tuple[str, bool]
"""A part of a string: literal text (False), or an expression (True)."""


def flatten_parts(parts: Iterable[Part]) -> Iterator[str | Unresolved]:
    """Yield the parts of a string, with unresolved values replaced by what is known of them."""
    for part in parts:
        if isinstance(part, Unresolved) and part.known:
            yield from flatten_parts(part.known)
        else:
            yield part


def normalized_parts(text: StringNode) -> tuple[Piece, ...]:
    """Return the parts of a string, normalized for the notations of the account and partition deployed to."""
    parts = flatten_parts(text.parts)
    return _joined((part, False) if isinstance(part, str) else (normalized_expression(part), True) for part in parts)


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Return the parts of a string without empty ones, adjacent literals as one."""
    found: list[Piece] = []
    for text, is_expression in pieces:
        if found and not found[-1][1] and not is_expression:
            found[-1] = (found[-1][0] + text, False)
        elif text:
            found.append((text, is_expression))
    return tuple(found)


def normalized_expression(unresolved: Unresolved) -> str:
    """Return an expression, the same one for all names of the account and of the partition."""
    for kind, names in ((UnresolvedKind.ACCOUNT_ID, ACCOUNTS), (UnresolvedKind.PARTITION, PARTITIONS)):
        if unresolved.kind is kind and unresolved.expression.startswith(names):
            return names[0]
    return unresolved.expression


def is_role(text: StringNode, role: TargetRole) -> bool:
    """True if a value of a policy is this role."""
    unresolved = text.only_unresolved
    if (
        role.address
        and unresolved is not None
        and unresolved.role == role.address
        and unresolved.kind is not UnresolvedKind.NAME
    ):
        return True
    return normalized_parts(text) == normalized_parts(role.arn)


@dataclass(frozen=True)
class ModuleContext:
    """The module of the edited ``file``; ``others``: the other files read with it."""

    file: str
    others: Sequence[str]
    read: Callable[[str], str]

    def files(self) -> Iterator[HclFile]:
        """Yield the readable files of the module, the edited one first."""
        folder = os.path.dirname(self.file)
        others = self.others
        if not others and is_folder(folder):
            others = [os.path.join(folder, name) for name in names_in(folder)]
        beside = [other for other in others if os.path.dirname(other) == folder and other != self.file]
        for name in (self.file, *beside):
            if name.endswith((".tf", ".tofu")):
                try:
                    yield HclFile.of(name, self.read(name))
                except (OSError, KeyError, UnicodeError, NotEditableError):
                    continue

    def declared(self, kind: str, type_: str) -> str | None:
        """Return the name of a block ``kind "type_" "name"`` of the module, preferring ``current``."""
        names = [name for one in self.files() for name in one.labels(kind, type_)]
        return "current" if "current" in names else names[0] if names else None


class TerraformRoles:
    """Writes roles in Terraform, for a statement of the resource ``holder``."""

    def __init__(self, module_context: ModuleContext, holder: str, text: str, *, constant: bool) -> None:
        self.module_context, self.text, self.constant = module_context, text, constant
        self.prefix = _split_module(holder)[0]

    def pieces(self, role: TargetRole) -> tuple[Piece, ...]:
        """Return the parts of the role's ARN. Raises :class:`NotEditableError` if it cannot be written here."""
        if role.address:
            return ((self._reference(role.address), True),)
        parts = flatten_parts(role.arn.parts)
        return _joined((part, False) if isinstance(part, str) else self._unresolved_piece(part) for part in parts)

    def _reference(self, address: str) -> str:
        prefix, local = _split_module(address)
        match = _ADDRESS.fullmatch(local)
        if match is None:
            raise NotEditableError(f"{address} cannot be referenced there")
        self._not_constant(address)
        if prefix != self.prefix and all(
            match[2] not in one.labels("resource", match[1]) for one in self.module_context.files()
        ):
            raise NotEditableError(f"{address} is in another module, which must output its ARN")
        return f"{local}.arn"

    def _unresolved_piece(self, unresolved: Unresolved) -> Piece:
        if unresolved.kind is UnresolvedKind.POLICY_VARIABLE:
            return unresolved.written, False
        standard = normalized_expression(unresolved)
        if standard == PARTITIONS[0]:
            name = self.module_context.declared("data", "aws_partition") if not self.constant else None
            return (f"data.aws_partition.{name}.partition", True) if name else ("aws", False)
        self._not_constant(f"${{{unresolved.expression}}}")
        if standard == ACCOUNTS[0]:
            name = self.module_context.declared("data", "aws_caller_identity")
            if name is None:
                raise NotEditableError('the account id is unknown there: add data "aws_caller_identity" "current" {}')
            return f"data.aws_caller_identity.{name}.account_id", True
        if unresolved.expression in self.text and not _LOOPING.match(unresolved.expression):
            return unresolved.expression, True
        raise NotEditableError(f"the value of {unresolved.expression} is unknown there")

    def _not_constant(self, words: str) -> None:
        if self.constant:
            raise NotEditableError(
                f"{words} cannot be referenced there: a variable's default or value cannot contain references"
            )

    def hcl(self, role: TargetRole) -> str:
        """Return a role in HCL: a bare reference, or a quoted template."""
        pieces = self.pieces(role)
        if len(pieces) == 1 and pieces[0][1]:
            return pieces[0][0]
        return self.heredoc(role)

    def json(self, role: TargetRole) -> str:
        """Return a role in Terraform's JSON syntax: a string template."""
        return json_string(_template(self.pieces(role), escaped_template))

    def heredoc(self, role: TargetRole) -> str:
        """Return a role in a JSON text that is an HCL template: quotes inside ``${...}`` are not escaped."""
        return f'"{_template(self.pieces(role), escaped_hcl)}"'


def _template(pieces: Iterable[Piece], escape: Callable[[str], str]) -> str:
    return "".join(f"${{{text}}}" if is_expression else escape(text) for text, is_expression in pieces)


def _split_module(address: str) -> tuple[str, str]:
    match = _MODULES.fullmatch(address)
    return (match[1], match[2]) if match else ("", address)


def escaped_template(text: str) -> str:
    """Escape literal text for an HCL template."""
    return re.sub(r"([$%])(?=\{)", r"\1\1", text)


def escaped_hcl(text: str) -> str:
    """Escape literal text for a quoted HCL string."""
    return escaped_template(escaped_json(text))


def escaped_json(text: str) -> str:
    """Escape text for a JSON string, without quotes."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def json_string(text: str) -> str:
    """Return a JSON string, which is also an HCL string unless it contains ``${``."""
    return f'"{escaped_json(text)}"'


class CloudFormationRoles:
    """Writes roles in CloudFormation; ``parameters`` are those of the template."""

    def __init__(self, parameters: Collection[str], resources: Collection[str]) -> None:
        self.parameters, self.resources = parameters, resources

    def logical_id(self, role: TargetRole) -> str:
        """Return the logical id of a role. Raises :class:`NotEditableError` if it is not in this template."""
        made_by_sam = role.address.endswith("Role") and role.address[: -len("Role")] in self.resources
        if not _LOGICAL_ID.fullmatch(role.address) or (role.address not in self.resources and not made_by_sam):
            raise NotEditableError(f"{role.address} is in another template, which must export its ARN")
        return role.address

    def parameter(self, role: TargetRole) -> str:
        """Return the parameter whose value is the whole ARN; "" if there is none."""
        unresolved = role.arn.only_unresolved if not role.address else None
        return unresolved.expression if unresolved is not None and unresolved.expression in self.parameters else ""

    def substituted(self, role: TargetRole) -> tuple[str, bool]:
        """Return the ARN as the string of ``Fn::Sub``, and True if there is anything to substitute; else the literal
        ARN.
        """
        if role.address:
            return f"${{{self.logical_id(role)}.Arn}}", True
        parts = list(flatten_parts(role.arn.parts))
        has_unresolved = any(
            isinstance(part, Unresolved) and part.kind is not UnresolvedKind.POLICY_VARIABLE for part in parts
        )
        return "".join(self._part(part, substitutes=has_unresolved) for part in parts), has_unresolved

    def _part(self, part: str | Unresolved, *, substitutes: bool) -> str:
        if isinstance(part, str):
            return part.replace("${", "${!") if substitutes else part
        if part.kind is UnresolvedKind.POLICY_VARIABLE:
            return part.written.replace("${", "${!") if substitutes else part.written
        standard = normalized_expression(part)
        for names, pseudo in ((ACCOUNTS, "AWS::AccountId"), (PARTITIONS, "AWS::Partition")):
            if standard == names[0]:
                return f"${{{pseudo}}}"
        if part.expression.startswith("AWS::") or part.expression in self.parameters:
            return f"${{{part.expression}}}"
        raise NotEditableError(f"the value of {part.expression} is unknown there")

    def json(self, role: TargetRole) -> str:
        """Return a role in a JSON template: an intrinsic function, or the literal ARN."""
        if role.address:
            return json.dumps({"Fn::GetAtt": [self.logical_id(role), "Arn"]})
        if self.parameter(role):
            return json.dumps({"Ref": self.parameter(role)})
        text, substitutes = self.substituted(role)
        return json.dumps({"Fn::Sub": text} if substitutes else text, ensure_ascii=False)

    def inside_sub(self, role: TargetRole) -> str:
        """Return a role in a JSON text that is an argument of ``Fn::Sub``."""
        text, substitutes = self.substituted(role)
        return f'"{escaped_json(text if substitutes else text.replace("${", "${!"))}"'


def literal_only(role: TargetRole) -> str:
    """Return a JSON string in a text without references. Raises :class:`NotEditableError` if the role needs one."""
    if role.address or any(isinstance(part, Unresolved) for part in flatten_parts(role.arn.parts)):
        raise NotEditableError("its text cannot contain references")
    return json.dumps("".join(str(part) for part in flatten_parts(role.arn.parts)), ensure_ascii=False)
