"""Render a new statement in the language of its file, for display: where the existing one cannot be edited."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Position, StringNode
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.files.file_types import is_terraform_file
from passrole_checks.sources.model.addresses import module_of
from passrole_checks.sources.model.configuration import Framework
from passrole_checks.suggest.suggestion import TargetRole

_HCL = lazy_regex(r"""(?:^|[\s{,])"?(?:Effect|Action|Resource)"?\s*=(?!=)""")


def language_of(file: str, statement: str) -> str:
    """Return the language of a statement in a file: ``block`` (a ``statement`` of a Terraform data document), ``hcl``,
    ``json`` or ``yaml``.
    """
    if file.endswith(".json"):
        return "json"
    if is_terraform_file(Path(file)):
        if re.match(r"(?:statement|content)\b", statement):
            return "block"
        if _HCL.search(statement):
            return "hcl"
        return "yaml" if re.match(r"(?:- )?[\"']?(?:Sid|Effect|Action|Resource)[\"']?\s*:", statement) else "json"
    return "json" if statement.startswith("{") and '"' in statement else "yaml"


def statement_language(located: LocatedGrant, statement: str) -> str:
    """Return the language of a statement given its text; for a plan, that of the configuration."""
    file = located.grant.at.file
    if located.resource.framework is Framework.TERRAFORM_PLAN and not is_terraform_file(Path(file)):
        return "block" if located.grant.statement.block else "hcl"
    is_json = located.resource.framework in (Framework.POLICY_DOCUMENT, Framework.ACCOUNT)
    return "json" if is_json else language_of(file, statement)


def render_statement(
    language: str,
    sid: str | None,
    action: str,
    roles: Sequence[TargetRole],
    services: Sequence[str] | None,
    *,
    terraform: bool,
) -> str:
    """Return an Allow statement; services of None omit the condition. ``terraform``: True to write references of
    Terraform, False for intrinsic functions.
    """
    resources = list(dict.fromkeys(_role(language, role, terraform) for role in roles))
    if language == "block":
        lines = ["statement {", *([f'  sid       = "{sid}"'] if sid else [])]
        lines += [f'  actions   = ["{action}"]', f"  resources = [{', '.join(resources)}]"]
        lines += ["", *textwrap.indent(render_condition(language, services), "  ").split("\n")] if services else []
        return "\n".join([*lines, "}"])
    if language == "yaml":
        lines = [f"Sid: {sid}"] if sid else []
        lines += ["Effect: Allow", f"Action: {action}", *_yaml_entry("Resource", resources)]
        lines += render_condition(language, services).split("\n") if services else []
        return with_dash("\n".join(lines))
    entries = [("Sid", _string(language, sid))] if sid else []
    entries += [("Effect", '"Allow"'), ("Action", f'"{action}"'), ("Resource", _one_or_list(resources))]
    entries += [("Condition", _condition_object(language, services))] if services else []
    if language == "hcl":
        width = max(len(key) for key, _ in entries)
        return "\n".join(["{", *(f"  {key:<{width}} = {value}" for key, value in entries), "}"])
    members = ",\n".join(f'  "{key}": {value}' for key, value in entries)
    return f"{{\n{members}\n}}"


def _role(language: str, role: TargetRole, terraform: bool) -> str:
    if not role.address:
        return _string(language, literal_role(role).arn.literal or "")
    if terraform:
        reference = f"{role.address.removeprefix(module_of(role.address))}.arn"
        return f'"${{{reference}}}"' if language == "json" else reference
    return f"!GetAtt {role.address}.Arn" if language == "yaml" else json.dumps({"Fn::GetAtt": [role.address, "Arn"]})


def literal_role(role: TargetRole) -> TargetRole:
    """Return a role as a literal ARN, with a placeholder for a reference."""
    if not role.address and role.arn.literal is not None:
        return role
    only = role.arn.only_unresolved
    return role_placeholder(role.address or (only.expression if only is not None else str(role.arn)), role.arn.at)


def role_placeholder(label: str, at: Position) -> TargetRole:
    """Return a placeholder for the ARN of a role known by a reference or an ARN."""
    _, is_arn, name = label.rpartition(":role/")
    return placeholder(f"ARN of the role {name}" if is_arn else f"ARN of {re.sub(r'[.][Aa]rn$', '', label)}", at)


def placeholder(description: str, at: Position) -> TargetRole:
    """Return a placeholder for the ARN of a role."""
    return TargetRole("", StringNode((f"<{description}>".replace('"', "'"),), at))


def is_named(role: TargetRole) -> bool:
    """True if a role is known, even if its ARN is written as a placeholder."""
    return not (role.arn.literal or "").startswith("<role ARN")


def render_condition(language: str, services: Sequence[str]) -> str:
    """Return the condition on ``iam:PassedToService`` of a statement that has none."""
    names = [_string(language, service) for service in services]
    if language == "block":
        return "\n".join([
            "condition {",
            '  test     = "StringEquals"',
            '  variable = "iam:PassedToService"',
            f"  values   = [{', '.join(names)}]",
            "}",
        ])  # fmt: skip
    if language == "yaml":
        inner = (f"    {line}" for line in _yaml_entry("iam:PassedToService", names))
        return "\n".join(["Condition:", "  StringEquals:", *inner])
    key = "Condition =" if language == "hcl" else '"Condition":'
    return f"{key} {_condition_object(language, services)}"


def _condition_object(language: str, services: Sequence[str]) -> str:
    value = _one_or_list([_string(language, service) for service in services])
    if language == "hcl":
        return f'{{ StringEquals = {{ "iam:PassedToService" = {value} }} }}'
    return f'{{"StringEquals": {{"iam:PassedToService": {value}}}}}'


def _yaml_entry(key: str, values: Sequence[str]) -> list[str]:
    return [f"{key}: {values[0]}"] if len(values) == 1 else [f"{key}:", *(f"  - {value}" for value in values)]


def _one_or_list(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"[{', '.join(values)}]"


def _string(language: str, value: str) -> str:
    if language != "yaml":
        return json.dumps(value, ensure_ascii=False)
    return f'"{value}"' if re.search(r"[<*&!%@`:#{}\[\],?|>'\"-]", value[:1]) or ": " in value else value


def with_dash(text: str) -> str:
    """Return YAML as an element of a list."""
    return "\n".join(f"{'  ' if number else '- '}{line}".rstrip() for number, line in enumerate(text.split("\n")))


def dedented_text(text: str, start: int, end: int) -> str:
    """Return a span of a text, with its further lines dedented to the first. Several YAML list elements, and lines
    indented less than the first, keep what is before the first.
    """
    before = text[text.rfind("\n", 0, start) + 1 : start].lstrip("\ufeff")
    first, *others = text[start:end].replace("\r\n", "\n").split("\n")
    blank = min((line[: len(line) - len(line.lstrip())] for line in others if line.strip()), key=len, default="")
    if before.strip(" \t-"):
        own = before[: len(before) - len(before.lstrip())]
        blank = min(blank, own, key=len)
    elif others and len(blank) < len(before):
        first = before[len(blank) :] + first
    return "\n".join([first, *(line.removeprefix(blank) for line in others)])
