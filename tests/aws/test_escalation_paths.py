"""The published escalation paths."""

from __future__ import annotations

import pytest

from passrole_checks.aws.escalation_paths import EscalationPath, escalation_paths
from passrole_checks.aws.passrole_actions import passing_actions
from passrole_checks.aws.service_principals import known_services


def _path(identifier: str) -> EscalationPath:
    (found,) = [path for path in escalation_paths() if path.id == identifier]
    return found


def test_escalation_path_fields() -> None:
    """A path has its identifier, its actions without iam:PassRole, its services and its public reference."""
    assert _path("glue-003") == EscalationPath(
        id="glue-003",
        url="https://pathfinding.cloud/paths/glue-003",
        actions=("glue:CreateJob", "glue:StartJobRun"),
        services=("glue.amazonaws.com",),
        trusted=("glue.amazonaws.com",),
    )


@pytest.mark.parametrize(
    ("identifier", "services", "trusted"),
    [
        ("apprunner-001", ["apprunner", "bullet"], ["tasks.apprunner"]),
        ("batch-001", ["ecs-tasks"], ["ecs-tasks"]),
        ("emr-001", ["ec2"], ["ec2"]),
        ("gamelift-001", ["gamelift"], ["gamelift"]),
        ("ecs-004", ["ecs-tasks"], ["ecs-tasks"]),
    ],
)
def test_the_service_of_a_path_is_what_aws_documents(identifier: str, services: list[str], trusted: list[str]) -> None:
    """Where the catalogue and AWS's pages differ, the value that AWS documents is in."""
    path = _path(identifier)
    assert path.services == tuple(f"{name}.amazonaws.com" for name in services)
    assert path.trusted == tuple(f"{name}.amazonaws.com" for name in trusted)


def test_all_published_paths_are_included() -> None:
    """The 47 paths of the catalog that pass a role, each once."""
    identifiers = [path.id for path in escalation_paths()]
    assert len(identifiers) == len(set(identifiers)) == 47
    assert identifiers == sorted(identifiers)


def test_every_path_passes_a_role() -> None:
    """Each path names an action that is known to pass a role to a service of the path; its services are known."""
    known = known_services()
    for path in escalation_paths():
        assert path.services and path.trusted
        assert {*path.services, *path.trusted} <= known, path
        assert "iam:PassRole" not in path.actions
        passing = [passing_actions()[a.lower()] for a in path.actions if a.lower() in passing_actions()]
        assert any({*action.services} & {*path.services} for action in passing), path
