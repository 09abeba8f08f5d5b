"""Which actions of AWS's services pass a role, to which service, and what that service then does with it.

The data (``passrole_actions.json``) is written by ``tools.aws_facts``; ``NOTICE`` beside it names
the sources. The first of them is the Service Authorization Reference, whose tables list ``iam:PassRole`` as a dependent
action; it leaves out many actions that pass a role, which come from the parameters of the API models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.load import CONFIDENCE, principals, read_json

_FILE = "passrole_actions.json"
_RUNS = {"c": "code", "a": "calls", "-": ""}


@dataclass(frozen=True, slots=True)
class PassingAction:
    """An action that passes a role.

    `action` is spelled as AWS does. `parameters` are those of the API operation that hold the role (none where it is
    not a parameter). `services` are the values of ``iam:PassedToService``, `trusted` the principals that the role has
    to trust; empty where they are not known. Of several roles that ``codepipeline:CreatePipeline`` passes only the
    pipeline's is told, which the caller's commands run with.

    `confidence`: ``"documented"`` (the Service Authorization Reference lists ``iam:PassRole`` for it),
    ``"corroborated"`` (two sources agree), ``"hint"`` (a parameter looks like a role, no more).

    `runs` says what whoever may call the action can make the service do with the role: ``"code"`` (run code of the
    caller's), ``"calls"`` (call APIs of the caller's choice), ``""`` neither, or not known. Without each of `also`, and
    without at least one of `also_any` (where that is not empty), nothing runs.
    """

    action: str
    parameters: tuple[str, ...]
    services: tuple[str, ...]
    trusted: tuple[str, ...]
    confidence: str
    runs: str
    also: tuple[str, ...]
    also_any: tuple[str, ...] = ()


@cache
def passing_actions() -> Mapping[str, PassingAction]:
    """All actions that pass a role, as far as they are known, by their names in lower case."""
    found: dict[str, PassingAction] = {}
    for service, actions in read_json(_FILE)["actions"].items():
        for name, (letters, parameters, passed, trusted, also, also_any) in actions.items():
            action = f"{service}:{name}"
            found[action.lower()] = PassingAction(
                action=action,
                parameters=tuple(parameters),
                services=principals(passed),
                trusted=principals(trusted),
                confidence=CONFIDENCE[letters[0]],
                runs=_RUNS[letters[1]],
                also=tuple(also),
                also_any=tuple(also_any),
            )
    return MappingProxyType(found)
