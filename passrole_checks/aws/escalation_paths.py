"""Published privilege escalation paths: gain the permissions of a role by passing it to a service.

The identifiers and actions are those of https://pathfinding.cloud, a public catalog of privilege escalation paths in
AWS (Apache-2.0, see ``NOTICE``); its texts are not repeated here.
"""

from __future__ import annotations

from functools import cache

from passrole_checks.aws.data_files import expand_principals, read_json
from passrole_checks.iam.fast_dataclass import dataclass

_FILE = "escalation_paths.json"
_URL = "https://pathfinding.cloud/paths/"


@dataclass(frozen=True, slots=True)
class EscalationPath:
    """A published path.

    `actions` are all that are needed besides ``iam:PassRole``. `services` are the values of ``iam:PassedToService`` and
    `trusted` the principals that the role must trust; one of each suffices. `url` is the public reference.
    """

    id: str
    url: str
    actions: tuple[str, ...]
    services: tuple[str, ...]
    trusted: tuple[str, ...]


@cache
def escalation_paths() -> tuple[EscalationPath, ...]:
    """Return all published paths that pass a role, ordered by identifier."""
    return tuple(
        EscalationPath(
            id=identifier,
            url=_URL + identifier,
            actions=tuple(actions),
            services=expand_principals(services),
            trusted=expand_principals(trusted),
        )
        for identifier, (actions, services, trusted) in read_json(_FILE)["paths"].items()
    )
