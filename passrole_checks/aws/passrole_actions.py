"""Actions that pass a role, the service that receives it, and what the service does with it.

``tools.aws_facts`` writes the data (``passrole_actions.json``); ``NOTICE`` beside it names the sources. The first one
is the Service Authorization Reference, whose tables list ``iam:PassRole`` as a dependent action; many actions that it
omits come from the parameters of the API models.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from passrole_checks.aws.data_files import CONFIDENCE, expand_principals, read_json
from passrole_checks.iam.fast_dataclass import dataclass

_FILE = "passrole_actions.json"
_RUNS = {"c": "code", "a": "calls", "-": ""}


@dataclass(frozen=True, slots=True)
class PassingAction:
    """An action that passes a role.

    `action` is spelled as AWS does. `parameters` are those of the API operation that contain the role (empty if it is
    not a parameter). `services` are the values of ``iam:PassedToService`` for the role with which `runs` happens,
    `trusted` the principals that it must trust; empty if unknown. All values that an action can send are in
    `passing_actions`: of the roles that ``codepipeline:CreatePipeline`` passes, only the pipeline's is included here,
    with which the caller's commands run.

    `confidence`: ``"documented"`` (the Service Authorization Reference lists ``iam:PassRole`` for it),
    ``"corroborated"`` (two sources agree), ``"hint"`` (only the name of a parameter suggests a role).

    `runs` is what a caller of the action can make the service do with the role: ``"code"`` (run the caller's code),
    ``"calls"`` (call APIs of the caller's choice), ``""`` (neither, or unknown). Nothing runs without all of `also`
    and, unless it is empty, one of `also_any`.
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
    """Return all known actions that pass a role, by name in lower case."""
    all_actions: dict[str, PassingAction] = {}
    for service, actions in read_json(_FILE)["actions"].items():
        for name, (letters, parameters, passed, trusted, also, also_any) in actions.items():
            action = f"{service}:{name}"
            all_actions[action.lower()] = PassingAction(
                action=action,
                parameters=tuple(parameters),
                services=expand_principals(passed),
                trusted=expand_principals(trusted),
                confidence=CONFIDENCE[letters[0]],
                runs=_RUNS[letters[1]],
                also=tuple(also),
                also_any=tuple(also_any),
            )
    return MappingProxyType(all_actions)
