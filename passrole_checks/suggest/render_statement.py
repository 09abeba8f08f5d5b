"""Render a proposed statement in the language of its file, with placeholders in angle brackets.

It is for display: the user fills it in and inserts it; files are changed by edits.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from passrole_checks.iam.partial_values import Part, Position, StringNode, UnresolvedKind
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.suggestion import TargetRole

ROLE = "<role ARN>"
SERVICE = "<service>.amazonaws.com"

_HCL = re.compile(r"""(?:^|[\s{,])"?(?:Effect|Action|Resource)"?\s*=(?!=)""")


@dataclass(frozen=True, slots=True)
class StatementLanguage:
    """``name``: ``block`` (a ``statement`` of a Terraform data document), ``hcl``, ``json`` or ``yaml``; ``terraform``:
    True to write Terraform references; ``module``: the Terraform module that contains it.
    """

    name: str
    terraform: bool
    module: str = ""


def language_of(file: str, statement: str, module: str = "") -> StatementLanguage:
    """Return the language of a statement in a file."""
    terraform = is_terraform_file(Path(file))
    if file.endswith(".json"):
        return StatementLanguage("json", terraform, module)
    if terraform:
        if re.match(r"(?:statement|content)\b", statement):
            return StatementLanguage("block", True, module)
        return StatementLanguage("hcl" if _HCL.search(statement) else "json", True, module)
    return StatementLanguage("json" if statement.startswith("{") and '"' in statement else "yaml", False)


def statement_language(located: LocatedGrant, statement: str) -> StatementLanguage:
    """Return the language of a statement given its text; for a plan, that of the configuration."""
    module, file = module_of(located.resource.address), located.grant.at.file
    if located.resource.framework is Framework.POLICY_DOCUMENT:
        return StatementLanguage("json", True)  # its placeholders are written as in Terraform
    if located.resource.framework is Framework.TERRAFORM_PLAN and not is_terraform_file(Path(file)):
        return StatementLanguage("block" if located.grant.statement.block else "hcl", True, module)
    return language_of(file, statement, module)


def render_statement(
    language: StatementLanguage,
    sid: str | None,
    action: str,
    roles: Sequence[TargetRole | StringNode],
    services: Sequence[str] | None,
) -> str:
    """Return an Allow statement. Empty ``roles`` or ``services`` become placeholders; services of None omit the
    condition.
    """
    resources = [_role(language, role) for role in roles] or [_string(language, ROLE)]
    names = [_string(language, one) for one in (services if services else (SERVICE,))] if services is not None else []
    if language.name == "block":
        return _block(sid, action, resources, names)
    if language.name == "yaml":
        return _yaml(sid, action, resources, names)
    return _object(language, sid, action, resources, names)


def _block(sid: str | None, action: str, roles: Sequence[str], services: Sequence[str]) -> str:
    lines = ["statement {"]
    lines += [f'  sid       = "{sid}"'] if sid else []
    lines += [f'  actions   = ["{action}"]', f"  resources = [{', '.join(roles)}]"]
    if services:
        lines += [
            "",
            "  condition {",
            '    test     = "StringEquals"',
            '    variable = "iam:PassedToService"',
            f"    values   = [{', '.join(services)}]",
            "  }",
        ]
    return "\n".join([*lines, "}"])


def _object(
    language: StatementLanguage, sid: str | None, action: str, roles: Sequence[str], services: Sequence[str]
) -> str:
    hcl = language.name == "hcl"
    entries = [("Sid", json.dumps(sid))] if sid else []
    entries += [("Effect", '"Allow"'), ("Action", f'"{action}"'), ("Resource", _one_or_list(roles))]
    if services:
        value = _one_or_list(services)
        inner = f'"iam:PassedToService" = {value}' if hcl else f'"iam:PassedToService": {value}'
        entries.append(
            ("Condition", f"{{ StringEquals = {{ {inner} }} }}" if hcl else f'{{"StringEquals": {{{inner}}}}}')
        )
    width = max(len(key) for key, _ in entries)
    if hcl:
        return "\n".join(["{", *(f"  {key:<{width}} = {value}" for key, value in entries), "}"])
    lines = ",\n".join(f'  "{key}": {value}' for key, value in entries)
    return f"{{\n{lines}\n}}"


def _yaml(sid: str | None, action: str, roles: Sequence[str], services: Sequence[str]) -> str:
    lines = [f"Sid: {sid}"] if sid else []
    lines += ["Effect: Allow", f"Action: {action}", *_yaml_entry("Resource", roles)]
    if services:
        lines += [
            "Condition:",
            "  StringEquals:",
            *(f"    {one}" for one in _yaml_entry("iam:PassedToService", services)),
        ]
    return "\n".join(f"{'  ' if number else '- '}{line}" for number, line in enumerate(lines))


def _yaml_entry(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key}: {values[0]}"] if len(values) == 1 else [f"{key}:", *(f"  - {value}" for value in values)]


def _one_or_list(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"[{', '.join(values)}]"


def _string(language: StatementLanguage, value: str) -> str:
    if language.name != "yaml":
        return json.dumps(value, ensure_ascii=False)
    return f'"{value}"' if re.search(r"[<*&!%@`:#{}\[\],?|>'\"-]", value[:1]) or ": " in value else value


def _role(language: StatementLanguage, role: TargetRole | StringNode) -> str:
    address = role.address if isinstance(role, TargetRole) else ""
    arn = role.arn if isinstance(role, TargetRole) else role
    text = str(arn)
    if address and language.terraform:
        reference = f"{address.removeprefix(module_of(address))}.arn"
        return json.dumps(f"${{{reference}}}") if language.name == "json" else reference
    only = arn.only_unresolved
    if only is not None and language.terraform and language.name != "json":
        return seen_from(language.module, only.expression)
    if language.terraform:
        return json.dumps("".join(map(_in_terraform, arn.parts)), ensure_ascii=False)
    if address:
        return f"!GetAtt {address}.Arn" if language.name == "yaml" else json.dumps({"Fn::GetAtt": [address, "Arn"]})
    if only is not None and only.role is not None:
        return f"!GetAtt {only.role}.Arn" if language.name == "yaml" else json.dumps({"Fn::GetAtt": [only.role, "Arn"]})
    if arn.unresolved_parts:
        return f"!Sub {text}" if language.name == "yaml" else json.dumps({"Fn::Sub": text}, ensure_ascii=False)
    return _string(language, text)


def dedented_text(at: Position, text: str, start: int, end: int) -> str:
    """Return a span of a file, with its further lines dedented to the first. Several YAML list elements keep the first
    dash.
    """
    before = text[text.rfind("\n", 0, start) + 1 : start]
    lines = text[start:end].replace("\r\n", "\n").split("\n")
    blank = " " * (at.column - 1)
    if before.strip() == "-" and any(line.startswith(before) for line in lines[1:]):
        blank = before[: before.index("-")]
        lines[0] = before.removeprefix(blank) + lines[0]
    return "\n".join([lines[0], *(line.removeprefix(blank) for line in lines[1:])])


def _in_terraform(part: Part) -> str:
    """Return a part of an ARN in a Terraform template, with the usual names of data sources."""
    if isinstance(part, str):
        return part
    if part.kind is UnresolvedKind.ACCOUNT_ID and not part.expression.startswith("data."):
        return "${data.aws_caller_identity.current.account_id}"
    return "aws" if part.kind is UnresolvedKind.PARTITION and not part.expression.startswith("data.") else part.written
