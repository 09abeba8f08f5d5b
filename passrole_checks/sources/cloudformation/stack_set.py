"""Read the template of a stack set that is defined in the same template.

Source: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet: ``TemplateBody`` is the text of a
template, ``Parameters`` are its parameters. Its logical ids are its own, so its content gets addresses below the stack
set. AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet StackInstances: ``ParameterOverrides`` are the
parameters of one group of instances, the others have the values of the stack set.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import yaml

from passrole_checks.iam.values.nodes import Node, StringNode, Unresolved, map_strings, unresolved
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.pseudo_parameters import given_to_stack_set
from passrole_checks.sources.cloudformation.stack_values import NestedStackCall, ParameterArgument
from passrole_checks.sources.cloudformation.strings import as_text
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, scalar
from passrole_checks.sources.model.configuration import AttachedPolicy, ResourceDefinition
from passrole_checks.sources.model.embedded_template import with_overrides


def read_template_body(evaluator: Evaluator, properties: yaml.Node, address: str) -> Template | None:
    """Return the template in the ``TemplateBody`` of a stack set; None unless it is in the file: verbatim, or as JSON.

    Positions are those in the file; in JSON that is not stored verbatim, such as a string with escapes, that of the
    string. ``${Name}`` in a text of ``Fn::Sub`` has the value of the outer template. Parameters get the stack set's
    literal ``Parameters``; those with other values lose their defaults. Overridden ones have the value of the stack set
    or that of a group. ``address``: the logical id of the stack set. Raises :class:`InputError` if the text is not a
    template.
    """
    template = evaluator.template
    node, values = _written_body(evaluator, child(properties, "TemplateBody"))
    layout = template.layout(node) if node is not None else None
    if node is None or (layout is None and not _is_json_object(node.value)):
        return None
    line, column, _ = layout or (1, 1, 0)
    text = node.value if layout is None else " " * (column - 1) + node.value
    if layout is not None and node.style in ("|", ">"):  # the lines keep their indentation, and so their columns
        last = line + node.value.rstrip("\n").count("\n")
        text = "\n".join(template.lines[line - 1 : last]) + "\n"
    text = text.replace("${!", "${") if values else text
    arguments = _arguments(properties)
    literals = {name: value for name, value in arguments.items() if value is not None}
    base = {name: StringNode((value,), template.position(node)) for name, value in literals.items()}
    overridden = with_overrides(base, _overrides(template, properties), f"StackInstancesGroup of {address}")
    given = {name: value for name, value in literals.items() if name not in overridden}
    call = NestedStackCall({name: ParameterArgument(value, value) for name, value in overridden.items()})
    inner = Template(
        template.file,
        "\n" * (line - 1) + text,
        {**given, **given_to_stack_set(template.given)},
        call if overridden else None,
        None if layout is not None else template.position(node),
    )
    inner.placeholders = values
    _remove_defaults(inner, arguments.keys() - literals.keys())
    return inner


def _remove_defaults(template: Template, names: Iterable[str]) -> None:
    for name in names:
        declared = template.parameters.get(name)
        rows = [entry for entry in entries(declared) if entry[0].value != "Default"]
        if declared is not None:
            without = yaml.MappingNode(declared.tag, rows, declared.start_mark, declared.end_mark, True)
            template.parameters[name] = without


def _written_body(evaluator: Evaluator, node: yaml.Node | None) -> tuple[yaml.ScalarNode | None, dict[str, StringNode]]:
    """Return the text of a template, and the values of its placeholders if it is that of ``Fn::Sub``; None for no
    text."""
    function = intrinsic_call(node) if node is not None else None
    if node is None or function is None:
        return (node if isinstance(node, yaml.ScalarNode) else None), {}
    at = evaluator.template.position(node)
    found = evaluator.sub_text(function[1], at) if function[0] == "Fn::Sub" else None
    if found is None:
        return None, {}
    return found[0], {name: as_text(value) or unresolved(name, at, "not a string") for name, value in found[2].items()}


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _arguments(properties: yaml.Node) -> dict[str, str | None]:
    """Return the arguments of a stack set; None for values that are not literals."""
    node = child(properties, "Parameters")
    arguments = {}
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        name = scalar(child(item, "ParameterKey"))
        if name is not None:
            arguments[name] = scalar(child(item, "ParameterValue"))
    return arguments


def _overrides(template: Template, properties: yaml.Node) -> dict[str, dict[str, Node]]:
    """Return the overridden parameters of each group of instances, by its index."""
    groups = child(properties, "StackInstancesGroup")
    overrides: dict[str, dict[str, Node]] = {}
    for number, group in enumerate(groups.value if isinstance(groups, yaml.SequenceNode) else ()):
        listed = child(group, "ParameterOverrides")
        for item in listed.value if isinstance(listed, yaml.SequenceNode) else ():
            name, value = scalar(child(item, "ParameterKey")), scalar(child(item, "ParameterValue"))
            if name is not None:
                at = template.position(item)
                literal = (
                    StringNode((value,), at) if value is not None else unresolved(name, at, "set by the stack set")
                )
                overrides.setdefault(str(number), {})[name] = literal
    return overrides


def as_stack_set_policy(policy: AttachedPolicy, stack_set: ResourceDefinition) -> AttachedPolicy:
    """Return a policy of the stack set's template as a policy of the stack set."""
    inner = policy.resource.address
    return replace(
        policy,
        resource=stack_set,
        path=f"TemplateBody/Resources/{inner}/Properties/{policy.path}",
        document=_with_prefixed_roles(policy.document, stack_set.address),
    ).with_principals(lambda principal: f"{stack_set.address}.{principal}")


def _with_prefixed_roles(node: Node, address: str) -> Node:
    """Return the value with its references to roles prefixed by the stack set's address."""

    def prefix(string: StringNode) -> StringNode:
        parts = tuple(part if isinstance(part, str) else _prefix_role(part, address) for part in string.parts)
        return replace(string, parts=parts)

    return map_strings(node, prefix)


def _prefix_role(unresolved: Unresolved, address: str) -> Unresolved:
    known = unresolved.known and tuple(
        part if isinstance(part, str) else _prefix_role(part, address) for part in unresolved.known
    )
    return replace(unresolved, role=unresolved.role and f"{address}.{unresolved.role}", known=known)
