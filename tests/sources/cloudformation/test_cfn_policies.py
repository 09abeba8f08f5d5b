"""Policies, roles, principals and suppressions of a template."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from passrole_checks.checks import ALL
from passrole_checks.findings import Severity
from passrole_checks.sources.cloudformation import load
from passrole_checks.sources.model.configuration import Configuration


def read(content: str) -> Configuration:
    return load(Path("t.yaml"), dedent(content))


SUPPRESSED = """\
# checkov:skip=PASSROLE_012:whole file
Metadata: {cfn-lint: {config: {ignore_checks: [W9502, E3001]}}}
Resources:
  # passrole:skip=PASSROLE_003 above its header
  A:
    Type: AWS::IAM::Role
    Metadata:
      checkov: {skip: [{id: PASSROLE_001, comment: agreed}, {id: CKV_AWS_1}]}
      cfn-lint: {config: {ignore_checks: [E9501, I9512, W95]}}  # reviewed
    Properties:
      # checkov:skip=PASSROLE_002:inside
      Description: "# checkov:skip=PASSROLE_004:quoted"
      Script: |
        # checkov:skip=PASSROLE_005:a script
        echo
      # passrole:skip=PASSROLE_006, PASSROLE_007
  B:
    Type: AWS::IAM::Role # checkov:skip=PASSROLE_010
Outputs:
  # passrole:skip=PASSROLE_014 too late
  X: {Value: x}
"""


def test_suppressions() -> None:
    """Comments belong to the resource around them or to the file; both tools' Metadata count, as far as these tools go
    (cfn-lint takes W95 in the template's Metadata only); scripts do not."""
    configuration = load(Path("t.yaml"), SUPPRESSED)
    spans = {resource.address: resource.at for resource in configuration.resources}
    found = {
        (entry.check_id, entry.origin): (entry.reason, entry.resource, entry.span, entry.at.line)
        for entry in configuration.notes.suppressions
    }
    reason, resource, late, _ = found.pop(("PASSROLE_014", "passrole"))
    assert found == {
        ("PASSROLE_012", "checkov"): ("whole file", None, None, 1),
        ("PASSROLE_002", "cfn-lint"): ("", None, None, 2),
        ("PASSROLE_003", "passrole"): ("above its header", "A", spans["A"], 4),
        ("PASSROLE_001", "checkov"): ("agreed", "A", None, 8),
        ("PASSROLE_001", "cfn-lint"): ("reviewed", "A", None, 9),
        ("PASSROLE_012", "cfn-lint"): ("reviewed", "A", None, 9),
        ("PASSROLE_002", "checkov"): ("inside", "A", spans["A"], 11),
        ("PASSROLE_006", "passrole"): ("", "A", spans["A"], 16),
        ("PASSROLE_007", "passrole"): ("", "A", spans["A"], 16),
        ("PASSROLE_010", "checkov"): ("", "B", spans["B"], 18),
    }
    assert (reason, resource) == ("too late", None)
    assert late is not None
    assert (late.line, late.end_line) == (20, 20)


def test_cfn_lint_id_prefix_suppresses_its_checks() -> None:
    """A prefix of cfn-lint ids in Metadata (E95, W95, I95) suppresses only the checks of that level."""
    template = "Metadata: {{cfn-lint: {{config: {{ignore_checks: [{letter}95]}}}}}}\nResources: {{}}\n"
    silenced = {
        letter: {item.check_id for item in read(template.format(letter=letter)).notes.suppressions} for letter in "EWI"
    }
    letters = {Severity.HIGH: "E", Severity.MEDIUM: "W", Severity.LOW: "W", Severity.INFO: "I"}
    for check in ALL:
        assert [letter for letter in "EWI" if check.id in silenced[letter]] == [letters[check.severity]], check.id
