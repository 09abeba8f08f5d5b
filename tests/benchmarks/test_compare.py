"""The comparison's own expectations hold for this program: its statements, and the published paths."""

from __future__ import annotations

from pathlib import Path

import pytest
from comparison import corpora, tools
from comparison.statements import STATEMENTS

from passrole_checks.aws.escalation_paths import escalation_paths


@pytest.mark.parametrize("form", corpora.FORMS)
def test_exactly_the_unsafe_statements_are_reported(form: str, tmp_path: Path) -> None:
    """Each statement that AWS's pages call unsafe has a finding, in every form, and no other one has."""
    reports = tools.ours().run(corpora.statements(tmp_path), form)
    assert set(reports) == {f"unsafe/{judged.name}" for judged in STATEMENTS if judged.unsafe}


@pytest.mark.parametrize("form", ["terraform", "cloudformation"])
def test_each_path_is_reported_unless_a_condition_closes_it(form: str, tmp_path: Path) -> None:
    """A role's published path is reported in one policy and in two, and not with another service in the condition."""
    tool = tools.ours()
    reports = tool.run(corpora.paths(tmp_path), form)
    reported = {case for case, rules in reports.items() if rules & tool.escalation}
    assert reported == {f"{variant}/{path.id}" for variant in corpora.VARIANTS[:2] for path in escalation_paths()}
