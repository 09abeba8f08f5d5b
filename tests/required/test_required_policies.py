"""The policies that ``required`` writes stay valid and as narrow as they are meant, whatever is in the configuration.

Sources: IAM User Guide, "IAM and AWS STS quotas" (6,144 characters a managed policy); IAM API Reference, CreateRole
(``RoleName``); Terraform documentation, "Input Variables" (names that a variable cannot have).
"""

from __future__ import annotations

import json
from pathlib import Path

import tree_sitter
import tree_sitter_hcl
from cfnlint.api import lint_all

from passrole_checks.output.required_policy import policies_json, to_hcl, to_yaml
from passrole_checks.required.policy_statements import ACCOUNT, RequiredStatement, pack_into_policies
from passrole_checks.required.required_grants import Required, compute_required
from passrole_checks.scan.scanner import ScanOptions, read_paths, scan_paths

ACCOUNT_ID = "111122223333"


def required(folder: Path) -> Required:
    units = read_paths([folder], ScanOptions()).units
    return compute_required([configuration for _, configuration in units], ACCOUNT_ID)


def functions(*roles: str) -> str:
    """Functions with these expressions as their roles."""
    return "".join(f'resource "aws_lambda_function" "f{n}" {{\n  role = {role}\n}}\n' for n, role in enumerate(roles))


def of(tmp_path: Path, content: str, name: str = "main.tf") -> Required:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return required(tmp_path)


def resources(found: Required) -> list[str]:
    return [arn for policy in policies_json(found) for arn in policy["Statement"][0]["Resource"]]


def complaints(template: str) -> list[str]:
    """Return the errors that cfn-lint reports for a template, without its suggestions."""
    return [str(match) for match in lint_all(template) if match.rule.severity != "informational"]


def is_hcl(content: str) -> bool:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_hcl.language()))
    return not parser.parse(content.encode()).root_node.has_error


def test_ten_invalid_names_are_listed(tmp_path: Path) -> None:
    """The last of the ten says how many more there are."""
    found = of(tmp_path, functions(*(f'"a*{number}"' for number in range(30))))
    assert len(found.notes) == 10
    assert "(and 20 similar roles)" in found.notes[-1]


HOSTILE = functions(
    '"arn:aws:iam::111122223333:role/${var.n}-x"',
    'module.x.y["a\\"b\\u0007"].z',
    'data.external.e["\\U0001F600\\"$${"].result',
    "var.n[*]",
    'var.source == "%%{if true}" ? "app-1" : data.aws_ssm_parameter.role.value',
    '"arn:aws:iam::111122223333:role/\\u001b[31mü\\U0001F600"',
)


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    """Quotes, line breaks, escape sequences, ``${`` and characters beyond the basic plane leave HCL and YAML valid."""
    found = of(tmp_path, HOSTILE)
    assert len(found.received) == 7
    assert is_hcl(to_hcl(found))
    assert complaints(to_yaml(found)) == []
    assert to_hcl(found).isprintable() is False  # line breaks, and nothing else that is not printed
    assert to_hcl(found).replace("\n", "").isprintable()
    assert to_yaml(found).replace("\n", "").isprintable()


def test_a_description_is_no_forgotten_sub(tmp_path: Path) -> None:
    """cfn-lint takes ``${Name}`` in the description of a parameter for a function that is missing (E1029)."""
    found = of(
        tmp_path,
        "Parameters:\n  Stack:\n    Type: String\nResources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n"
        '      Role: !ImportValue\n        Fn::Sub: "${Stack}-role"\n',
        "template.yaml",
    )
    assert complaints(to_yaml(found)) == []


def test_long_statements_are_packed_into_several_policies(tmp_path: Path) -> None:
    """200 roles with long names: each policy is short enough, lets the roles be read that it passes, and no role is
    lost or told twice."""
    names = [f"application-with-a-long-name-{number:03}" for number in range(200)]
    found = of(tmp_path, functions(*(f'"arn:aws:iam::{ACCOUNT_ID}:role/{name}"' for name in names)))
    documents = policies_json(found)
    assert all(len(json.dumps(document, separators=(",", ":"))) <= 6_144 for document in documents)
    assert [statement["Sid"] for document in documents for statement in document["Statement"]] == [
        "PassRolesToLambda",
        "ReadPassedRoles",
        "PassRolesToLambda2",
        "ReadPassedRoles2",
        "PassRolesToLambda3",
        "ReadPassedRoles3",
        "PassRolesToLambda4",
        "ReadPassedRoles4",
        "PassRolesToLambda5",
        "ReadPassedRoles5",
    ]
    assert resources(found) == [f"arn:aws:iam::{ACCOUNT_ID}:role/{name}" for name in names]
    for document in documents:
        passed, read = document["Statement"]
        assert passed["Resource"] == read["Resource"]
    assert len(found.policies) == 5
    assert len(found.notes) == 1
    (tmp_path / "main.tf").write_text(to_hcl(found), encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(to_yaml(found), encoding="utf-8")
    assert is_hcl(to_hcl(found))
    assert complaints(to_yaml(found)) == []
    assert len(scan_paths([tmp_path / "policy.yaml"], ScanOptions(account=ACCOUNT_ID)).grants) == 5


def test_exceeding_the_policy_quota_is_reported(tmp_path: Path) -> None:
    """A user or a role can have at most ten managed policies."""
    names = (f'"arn:aws:iam::{ACCOUNT_ID}:role/application-with-a-long-name-{number:03}"' for number in range(440))
    found = of(tmp_path, functions(*names))
    assert len(found.policies) == 11
    assert len(found.notes) == 2 and "quota of 10 managed policies" in found.notes[1]


def test_sids_are_unique() -> None:
    """Sids of statements whose services are shortened to the same words are distinguished by a number."""
    same = [
        RequiredStatement(
            "PassRolesToAAndBAnd2More", "iam:PassRole", (("arn:aws:iam::", ACCOUNT, f":role/{name}"),), services
        )
        for name, services in (("one", ("a", "b", "c", "d")), ("two", ("a", "b", "c", "e")))
    ]
    assert [one.sid for policy in pack_into_policies(same) for one in policy] == [
        "PassRolesToAAndBAnd2More",
        "PassRolesToAAndBAnd2More2",
        "ReadPassedRoles",
    ]
