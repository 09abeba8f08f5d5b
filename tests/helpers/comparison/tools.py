"""The tools that are compared: how each is run on a folder of cases, and which of its rules are about PassRole.

A rule counts if it judges how much an identity-based policy allows, and so could be about ``iam:PassRole``. Rules about
other things (encryption, names, users without groups) do not, so that they are neither a hit nor a false alarm. Where a
tool names the actions that it reports, only reports that name ``iam:PassRole`` or a wildcard count.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarking.runs import Command, output

Report = tuple[str, str]  # file, rule
Reports = Mapping[str, frozenset[str]]  # rules by case


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: the ``package`` to install, the forms that it reads, the command for a folder (``prepare`` writes what
    it needs first), the reports in its output, the ``rules`` that count, and those that mean privilege escalation."""

    name: str
    package: str
    forms: tuple[str, ...]
    command: Callable[[Path, str], Command]
    reports: Callable[[str, Path], Iterator[Report]]
    rules: frozenset[str]
    escalation: frozenset[str]
    prepare: Callable[[Path], None] = lambda folder: None

    def run(self, folder: Path, form: str) -> Reports:
        """The rules that count for each case, which is a folder relative to ``folder / form``."""
        where = folder / form
        self.prepare(where)
        found: dict[str, set[str]] = defaultdict(set)
        for file, rule in self.reports(output(self.command(where, form)), where):
            if rule in self.rules:
                found[Path(file).resolve().parent.relative_to(where.resolve()).as_posix()].add(rule)
        return {case: frozenset(rules) for case, rules in found.items()}


def ours() -> Tool:
    ids = frozenset(f"PASSROLE_{number:03}" for number in range(1, 18))

    def command(where: Path, form: str) -> Command:
        scan = ["-m", "passrole_checks", "scan", str(where), "--account", "111122223333", "--no-cache"]
        return Command([*scan, "--format", "json", "--severity", "low", "--quiet"])

    def reports(text: str, where: Path) -> Iterator[Report]:
        for finding in json.loads(text)["findings"]:
            yield finding["file"], finding["check_id"]

    forms = ("terraform", "cloudformation", "policies")
    return Tool("passrole_checks", "passrole-checks", forms, command, reports, ids, frozenset({"PASSROLE_008"}))


def checkov(venv: Path) -> Tool:
    # its checks of identity policies that look at actions or resources, and of attached administrator policies; not
    # those of credentials exposure and data exfiltration, whose lists do not contain iam:PassRole
    numbers = (1, 49, 62, 63, 109, 110, 111, 274, 286, 289, 290, 355, 356)
    rules = frozenset({*(f"CKV_AWS_{number}" for number in numbers), "CKV2_AWS_40", "CKV2_AWS_56"})

    def command(where: Path, form: str) -> Command:
        asked = ["-d", str(where), "--framework", form, "--quiet", "--compact", "--skip-download", "-o", "json"]
        return Command(asked, program=venv / "bin/checkov")

    def reports(text: str, where: Path) -> Iterator[Report]:
        for failed in json.loads(text).get("results", {}).get("failed_checks", ()):
            yield failed["file_abs_path"], failed["check_id"]

    escalation = frozenset({"CKV_AWS_110", "CKV_AWS_286"})
    return Tool("checkov", "checkov", ("terraform", "cloudformation"), command, reports, rules, escalation)


def cfn_lint(venv: Path) -> Tool:
    rules = frozenset({"E3510", "I3510", "W3037", "W2511"})  # policies, their resources, their actions, their version

    def command(where: Path, form: str) -> Command:
        asked = ["--format", "json", "--include-checks", "I", "-t", str(where / "**" / "*.*")]
        return Command(asked, statuses=range(0, 16, 2), program=venv / "bin/cfn-lint")

    def reports(text: str, where: Path) -> Iterator[Report]:
        for match in json.loads(text):
            yield match["Filename"], match["Rule"]["Id"]

    return Tool("cfn-lint", "cfn-lint", ("cloudformation",), command, reports, rules, frozenset())


def parliament(venv: Path, *, community: bool = False) -> Tool:
    """With its default auditors, or with those of the community as well."""
    rules = {"PRIVILEGE_ESCALATION", "PERMISSIONS_MANAGEMENT_ACTIONS", "RESOURCE_STAR", "NOTRESOURCE_WITH_ALLOW"}
    rules |= {"RESOURCE_MISMATCH", "RESOURCE_EFFECTIVELY_STAR", "SINGLE_VALUE_CONDITION_TOO_PERMISSIVE"}
    rules |= {"UNKNOWN_CONDITION_FOR_ACTION", "MISMATCHED_TYPE", "INVALID_ARN"}

    def command(where: Path, form: str) -> Command:
        more = ["--include-community-auditors"] if community else []
        return Command(["--json", *more, "--directory", str(where)], program=venv / "bin/parliament")

    def reports(text: str, where: Path) -> Iterator[Report]:
        for line in text.splitlines():
            found = json.loads(line)
            actions = {*_strings(found.get("detail")), *_strings(found["location"].get("actions"))}
            if not any(":" in action for action in actions) or _about_pass_role(actions):
                yield found["location"]["filepath"], found["issue"]

    escalation = frozenset({"PRIVILEGE_ESCALATION"})
    name = "parliament, with community auditors" if community else "parliament"
    return Tool(name, "parliament", ("policies",), command, reports, frozenset(rules), escalation)


def cloudsplaining(venv: Path) -> Tool:
    """Its scan reads the authorization details of an account: each case becomes a role with inline policies."""
    rules = frozenset({"PrivilegeEscalation", "ResourceExposure", "InfrastructureModification", "ServiceWildcard"})

    def prepare(where: Path) -> None:
        roles = []
        for number, case in enumerate(sorted({file.parent for file in where.rglob("*.json")})):
            policies = [
                {"PolicyName": file.stem, "PolicyDocument": json.loads(file.read_text("utf-8"))}
                for file in sorted(case.glob("*.json"))
            ]
            roles.append(_role(number, case.relative_to(where).as_posix(), policies))
        details = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles, "Policies": []}
        where.with_suffix(".details").write_text(json.dumps(details), "utf-8")

    def command(where: Path, form: str) -> Command:
        asked = ["scan", "--input-file", str(where.with_suffix(".details")), "--output", str(where.parent)]
        return Command([*asked, "--skip-open-report"], program=venv / "bin/cloudsplaining")

    def reports(text: str, where: Path) -> Iterator[Report]:
        results = json.loads((where.parent / f"iam-results-{where.name}.json").read_text("utf-8"))
        cases = {role["name"]: role["path"].strip("/") for role in results["roles"].values()}
        for policy in results["inline_policies"].values():
            for rule in rules:
                findings = policy[rule]["findings"]  # actions, or sets of them
                named = [name for one in findings for name in (one["actions"] if isinstance(one, dict) else [one])]
                for name in policy["AttachedTo"]["roles"] if _about_pass_role(named) else ():
                    yield str(where / cases[name] / "policy.json"), rule

    escalation = frozenset({"PrivilegeEscalation"})
    return Tool("cloudsplaining", "cloudsplaining", ("policies",), command, reports, rules, escalation, prepare)


def _role(number: int, case: str, policies: list[dict[str, Any]]) -> dict[str, Any]:
    """A role as in ``aws iam get-account-authorization-details``; its path is the case."""
    return {
        "Path": f"/{case}/", "RoleName": f"role-{number}", "RoleId": f"AROA{number:012}",
        "Arn": f"arn:aws:iam::111122223333:role/{case}/role-{number}", "CreateDate": "2026-01-01T00:00:00+00:00",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}, "InstanceProfileList": [],
        "RolePolicyList": policies, "AttachedManagedPolicies": [], "Tags": [],
    }  # fmt: skip


def semgrep(venv: Path, rules_folder: Path) -> Tool:
    """The rules for IAM of a clone of https://github.com/semgrep/semgrep-rules."""
    folders = ("terraform/lang/security/iam", "terraform/aws/security")
    escalation = {f"no-iam-priv-esc-{name}" for name in ("roles", "funcs", "other-users")}
    rules = escalation | {"no-iam-admin-privileges", "no-iam-star-actions", "no-iam-resource-exposure"}
    rules |= {"aws-iam-admin-policy", "aws-iam-admin-policy-ssoadmin"}

    def command(where: Path, form: str) -> Command:
        asked = ["scan", "--metrics", "off", "--disable-version-check", "--no-git-ignore", "--json", "--quiet"]
        asked += [part for folder in folders for part in ("--config", str(rules_folder / folder))]
        found = {"PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return Command([*asked, str(where)], environment=found, program=venv / "bin/semgrep")

    def reports(text: str, where: Path) -> Iterator[Report]:
        for result in json.loads(text)["results"]:
            yield result["path"], result["check_id"].rpartition(".")[2]

    return Tool("Semgrep", "semgrep", ("terraform",), command, reports, frozenset(rules), frozenset(escalation))


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _about_pass_role(actions: object) -> bool:
    return any(action.lower() in ("iam:passrole", "iam", "iam:*", "*") for action in _strings(list(actions)))


def version(tool: Tool, venv: Path | None) -> str:
    """The installed version of a tool's package."""
    asked = Command(
        ["-c", "import sys; from importlib.metadata import version; print(version(sys.argv[1]))", tool.package],
        program=venv / "bin/python" if venv else sys.executable,
    )
    return output(asked).strip()
