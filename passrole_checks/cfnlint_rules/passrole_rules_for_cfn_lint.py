"""Every check of passrole_checks as a rule of cfn-lint: give this folder to ``--append-rules``.

Nothing is parsed or decided here: the engine reads the template's file once, and each rule carries the findings of its
check out. A match has an explicit location, the statement's, which is exact inside an ``Fn::Sub`` string as well, and a
path below its resource, by which cfn-lint applies ``ignore_checks`` of that resource's Metadata.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from cfnlint.rules import CloudFormationLintRule, RuleMatch

try:
    from passrole_checks import hosts
    from passrole_checks.checks import ALL
    from passrole_checks.findings import Severity
except ImportError as error:
    sys.exit(
        f"passrole_rules_for_cfn_lint: cfn-lint's Python cannot import passrole_checks ({error}): install"
        f" passrole-checks beside cfn-lint, with {sys.executable} -m pip"
    )

if TYPE_CHECKING:
    from cfnlint.template import Template

    from passrole_checks.check import Check
    from passrole_checks.findings import Finding
    from passrole_checks.hosts import Answers
    from passrole_checks.iam.values import Position

_LEVELS = {Severity.HIGH: "E95", Severity.MEDIUM: "W95", Severity.LOW: "W95", Severity.INFO: "I95"}


_given: WeakKeyDictionary[Template, tuple[Answers, str]] = WeakKeyDictionary()


def _asked(template: Template) -> tuple[Answers, str]:
    """The engine's answers on a template, and the name of the file that it read.

    From standard input and from cfn-lint's interface for programs there is no file: the template itself is asked about.
    """
    if template.filename:
        return hosts.ask(template.filename), template.filename
    if template not in _given:
        with TemporaryDirectory() as folder:
            file = os.path.join(folder, "template.json")
            with open(file, "w", encoding="utf-8") as stream:
                json.dump(template.template, stream, default=str)
            _given[template] = hosts.ask(file), file
    return _given[template]


def _matches(check: type[Check], template: Template) -> Iterator[RuleMatch]:
    answers, file = _asked(template)
    if check.id == hosts.UNRESOLVED:
        for line, reason in answers.untold(file):
            place = {"location": (line - 1, 0, line - 1, 1)} if template.filename else {}
            yield RuleMatch(["Resources"], reason, **place)
    for finding in answers.of(check.id):
        if _silenced(finding) or not _shown(finding, check):
            continue
        message = f"{hosts.words(finding)} [{finding.severity.value}]"
        for address in dict.fromkeys((finding.resource.address, *finding.uses)):
            place = _place(finding.at, template.filename) if template.filename else {}
            yield RuleMatch(_path(address, finding, template), message, **place)


def _silenced(finding: Finding) -> bool:
    """Whether one of the other notations silences the finding; cfn-lint applies its own, and its --mandatory-checks."""
    return finding.suppressed is not None and finding.suppressed.origin != "cfn-lint"


def _shown(finding: Finding, check: type[Check]) -> bool:
    """Infos of an info rule are cfn-lint's to show (``-c I95``), unless the environment says what is wanted."""
    return hosts.wanted(finding) or (check.severity is Severity.INFO and hosts.least_severity() is None)


def _path(address: str, finding: Finding, template: Template) -> list[str | int]:
    keys = finding.statement_path.split("/") if finding.statement_path else []
    resources = template.template.get("Resources")
    inside = isinstance(resources, dict) and address in resources  # SAM's Globals stand beside the resources
    # cfn-lint does not know the resources of nested stacks, nor those of a loop whose collection is not known
    head = ["Resources", address, "Properties"] if inside or "${" in address or "." in address else [address]
    return [*head, *(int(key) if key.isdigit() else key for key in keys)]


def _place(at: Position, filename: str) -> dict[str, Any]:
    """Zero-based, the end exclusive, as in the marks of YAML; a statement may stand in another file (an include)."""
    end = (at.end_line, at.end_column) if at.end_line else (at.line, at.column + 1)
    location = (at.line - 1, at.column - 1, end[0] - 1, max(end[1] - 1, 0))
    if os.path.realpath(at.file) == os.path.realpath(filename):
        return {"location": location}
    return {"location": location, "filename": hosts.named(at.file)}


def _rule(check: type[Check]) -> type[CloudFormationLintRule]:
    def match(_rule: CloudFormationLintRule, cfn: Template) -> list[RuleMatch]:
        return list(_matches(check, cfn))

    return type(
        check.__name__,
        (CloudFormationLintRule,),
        {
            "__doc__": check.__doc__,
            "__module__": __name__,
            "id": _LEVELS[check.severity] + check.id[-2:],
            "shortdesc": check.title,
            "description": check.documentation(),
            "source_url": hosts.GUIDE,
            "tags": ["iam", "passrole", check.id],
            "match": match,
        },
    )


# cfn-lint makes an instance of every class that it sees in this module, base classes too: hence no class statement.
# A template is no change, so what compares two versions has nothing to say of it.
RULES = {check.__name__: _rule(check) for check in ALL if not check.compares}
globals().update(RULES)
