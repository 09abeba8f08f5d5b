"""The inputs of the comparison, each case in a folder of its own, in each form that a tool may read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from comparison.statements import STATEMENTS, allow, document, service
from passrole_checks.aws.escalation_paths import escalation_paths

FORMS = ("terraform", "cloudformation", "policies")
SAMPLES = Path(__file__).resolve().parents[3] / "sample_templates"
VARIANTS = ("one-policy", "two-policies", "other-service", "boundary")
OTHER_SERVICE = "mediaconvert.amazonaws.com"  # no published path passes a role to it
CONTROL = "control"  # the clean cases with iam:GetRole in place of iam:PassRole: what is reported there is not about it

_TRUST = document(
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}}
)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*\Z")


def statements(folder: Path) -> Path:
    """Write the judged statements below ``folder/FORM/unsafe``, ``safe`` and ``control``."""
    for judged in STATEMENTS:
        _write(folder, f"{'unsafe' if judged.unsafe else 'safe'}/{judged.name}", [judged.document])
        if not judged.unsafe:
            _write(folder, f"{CONTROL}/{judged.name}", [json.loads(_without(json.dumps(judged.document)))])
    return folder


def paths(folder: Path) -> Path:
    """Write a role for each published path below ``folder/FORM/VARIANT``: its actions and PassRole in one policy, in
    two policies, in two policies with PassRole limited to a service that is not the path's, and in one policy with a
    permissions boundary that allows none of them."""
    for path in escalation_paths():
        actions, together = document(allow(list(path.actions))), document(allow(["iam:PassRole", *path.actions]))
        elsewhere = document(allow(Condition=service("StringEquals", OTHER_SERVICE)))
        _write(folder, f"one-policy/{path.id}", [together])
        _write(folder, f"two-policies/{path.id}", [document(allow()), actions])
        _write(folder, f"other-service/{path.id}", [elsewhere, actions])
        _write(folder, f"boundary/{path.id}", [together], document(allow("s3:GetObject", "arn:aws:s3:::bucket/*")))
    return folder


def samples(folder: Path) -> Path:
    """Write the pairs of the samples below ``folder/FORM/flagged``, ``clean`` and ``control``. The policy documents are
    those of the sample's plan, as somebody would take them from ``terraform show -json``."""
    for check in sorted(SAMPLES.glob("0*")):
        for side in ("flagged", "clean"):
            for form, files in _sample(check, side).items():
                for name, text in files.items():
                    _file(folder / form / side / check.name / name, text)
                    if side == "clean":
                        _file(folder / form / CONTROL / check.name / name, _without(text))
    return folder


def _sample(check: Path, side: str) -> dict[str, dict[str, str]]:
    """The files of one side of a sample, by form."""
    template, plan = check / "cloudformation" / f"{side}.yaml", check / "plan" / f"{side}.json"
    planned = json.loads(plan.read_text("utf-8"))["planned_values"]["root_module"]
    return {
        "terraform": {path.name: path.read_text("utf-8") for path in (check / "terraform" / side).glob("*.tf")},
        "cloudformation": {"template.yaml": template.read_text("utf-8")} if template.is_file() else {},
        "policies": {f"{number}.json": text for number, text in enumerate(_documents(planned))},
    }


def _without(text: str) -> str:
    return re.sub("iam:PassRole", "iam:GetRole", text, flags=re.IGNORECASE)


def _documents(module: Mapping[str, Any]) -> Iterator[str]:
    """The texts of the identity-based policies in the planned values of a module and its children."""
    for resource in module.get("resources", ()):
        values = resource.get("values", {})
        holders = [values, *(values.get("inline_policy") or ())] if resource["type"].startswith("aws_iam_") else []
        for holder in holders:
            if isinstance(holder, dict) and isinstance(holder.get("policy"), str):
                yield holder["policy"]
    for child in module.get("child_modules", ()):
        yield from _documents(child)


def _write(
    folder: Path, case: str, policies: Sequence[Mapping[str, Any]], boundary: Mapping[str, Any] | None = None
) -> None:
    """Write a role with these policies in each form; a document alone cannot have a boundary."""
    for number, policy in enumerate(policies if boundary is None else ()):
        _file(folder / "policies" / case / f"{number}.json", json.dumps(policy, indent=2))
    _file(folder / "cloudformation" / case / "template.json", json.dumps(_template(policies, boundary), indent=2))
    _file(folder / "terraform" / case / "main.tf", "\n".join(_blocks(policies, boundary)))


def _template(policies: Sequence[Mapping[str, Any]], boundary: Mapping[str, Any] | None) -> dict[str, Any]:
    inline = [{"PolicyName": f"p{number}", "PolicyDocument": policy} for number, policy in enumerate(policies)]
    role: dict[str, Any] = {"AssumeRolePolicyDocument": _TRUST, "Policies": inline}
    resources = {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}
    if boundary is not None:
        role["PermissionsBoundary"] = {"Ref": "Boundary"}
        resources["Boundary"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": boundary}}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}


def _blocks(policies: Sequence[Mapping[str, Any]], boundary: Mapping[str, Any] | None) -> Iterator[str]:
    limit = "" if boundary is None else "  permissions_boundary = aws_iam_policy.boundary.arn\n"
    yield f'resource "aws_iam_role" "role" {{\n{limit}  assume_role_policy = jsonencode({_hcl(_TRUST)})\n}}\n'
    for number, policy in enumerate(policies):
        yield (
            f'resource "aws_iam_role_policy" "p{number}" {{\n  role   = aws_iam_role.role.id\n'
            f"  policy = jsonencode({_hcl(policy)})\n}}\n"
        )
    if boundary is not None:
        yield f'resource "aws_iam_policy" "boundary" {{\n  policy = jsonencode({_hcl(boundary)})\n}}\n'


def _hcl(value: object, indent: str = "  ") -> str:
    """A value of JSON in Terraform's own syntax, as it is usually written inside ``jsonencode``."""
    inner = indent + "  "
    if isinstance(value, dict):
        lines = (f"{inner}{_key(key)} = {_hcl(item, inner)}\n" for key, item in value.items())
        return "{\n" + "".join(lines) + indent + "}"
    if isinstance(value, list):
        return "[\n" + "".join(f"{inner}{_hcl(item, inner)},\n" for item in value) + indent + "]"
    return json.dumps(value)


def _key(key: str) -> str:
    return key if _IDENTIFIER.match(key) else json.dumps(key)


def _file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
