"""Parameters that a stack set gives to all its instances, and other values of some of them."""

from __future__ import annotations

from collections.abc import Mapping

from passrole_checks.iam.partial_values import Absent, Choice, Node
from passrole_checks.iam.path_conditions import none_of, one_of

_MAX_GROUPS = 20  # groups of instances whose overrides are evaluated


def with_overrides(
    base: Mapping[str, Node], overrides: Mapping[str, Mapping[str, Node]], subject: str
) -> dict[str, Node]:
    """Return the overridden parameters, each with the value of the stack set and those of the groups of instances.

    ``overrides``: the values that differ, by a name of the group and of the parameter. ``subject``: the subject of the
    path conditions. A parameter without a value of the stack set has its default there.
    """
    groups = dict(list(overrides.items())[:_MAX_GROUPS])
    result: dict[str, Node] = {}
    for name in dict.fromkeys(name for values in groups.values() for name in values):
        own = {group: values[name] for group, values in groups.items() if name in values}
        at = next(iter(own.values())).at
        options = [(one_of(subject, [group]), value) for group, value in own.items()]
        result[name] = Choice(((none_of(subject, own), base.get(name, Absent(at))), *options), at)
    return result
