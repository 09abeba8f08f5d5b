"""The order in which escalation paths through passed roles are named."""

from __future__ import annotations

from passrole_checks.iam.permissions.escalation import PassedRolePath

MOST_USED = ("ec2:", "lambda:", "cloudformation:", "ecs:", "codebuild:", "glue:", "sagemaker:", "ssm:")
"""The services that attackers run code in, the most used first."""


def path_rank(way: PassedRolePath, *, sure: bool) -> tuple[object, ...]:
    """Return a key that is least for the paths to name first: published, sure, of the services that attackers use most,
    short."""
    return (
        way.derived,
        not sure,
        *(not way.actions[0].startswith(service) for service in MOST_USED),
        len(way.actions),
        way.id,
    )
