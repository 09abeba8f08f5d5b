"""Expand SAM policy templates.

Source: AWS SAM Developer Guide, "AWS SAM policy templates".
"""

from __future__ import annotations

from typing import Any

import yaml

from passrole_checks.aws.sam_policy_templates import PolicyTemplate, policy_templates
from passrole_checks.sources.cloudformation.template import Template, child, entries

_TAG = "tag:yaml.org,2002:"


def find_policy_template(node: yaml.Node) -> PolicyTemplate | None:
    """Return the policy template that an element of ``Policies`` uses: a mapping whose only key is its name."""
    keys = [key.value for key, _ in entries(node)]
    return policy_templates().get(keys[0]) if len(keys) == 1 else None


def expand_policy_template(policy: PolicyTemplate, template: Template, use: yaml.Node) -> yaml.Node:
    """Return the policy document of a used policy template, with the position of its use.

    A missing argument, which SAM rejects, becomes an unresolved reference.
    """
    ((key, arguments),) = entries(use)
    place = template.position(use, start=key)
    start = yaml.Mark("", key.start_mark.index, place.line - 1, place.column - 1, None, 0)
    end = yaml.Mark("", key.start_mark.index, place.end_line - 1, place.end_column - 1, None, 0)

    def node(value: Any) -> yaml.Node:
        if isinstance(value, dict):
            name = value.get("Ref")
            if name in policy.parameters:
                argument = child(arguments, name)
                return node({"Ref": f"{policy.name}.{name}"}) if argument is None else argument
            rows = [(node(word), node(item)) for word, item in value.items()]
            return yaml.MappingNode(_TAG + "map", rows, start, end, True)
        if isinstance(value, list):
            return yaml.SequenceNode(_TAG + "seq", [node(item) for item in value], start, end, True)
        kind = "bool" if isinstance(value, bool) else "str"
        return yaml.ScalarNode(_TAG + kind, str(value).lower() if kind == "bool" else str(value), start, end)

    return node(dict(policy.definition))
