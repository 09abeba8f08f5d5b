"""Read the template of a stack set that is defined in the same template.

Source: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet: ``TemplateBody`` is the text of a
template, ``Parameters`` are its parameters. Its logical ids are its own, so its content gets addresses below the stack
set.
"""

from __future__ import annotations

from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import Node, StringNode, Unresolved, map_strings
from passrole_checks.sources.cloudformation.template import Template, child, entries, intrinsic_call, scalar
from passrole_checks.sources.model.configuration import AttachedPolicy, ResourceDefinition


def read_template_body(template: Template, properties: yaml.Node) -> Template | None:
    """Return the template in the ``TemplateBody`` of a stack set; None unless it is stored verbatim in the file.

    Positions are those in the file. Parameters get the stack set's literal ``Parameters``; those with other values lose
    their defaults. Raises :class:`InputError` if the text is not a template.
    """
    node = child(properties, "TemplateBody")
    if not isinstance(node, yaml.ScalarNode) or intrinsic_call(node) is not None:
        return None
    layout = template.layout(node)
    if layout is None:
        return None
    line, column, _ = layout
    if node.style in ("|", ">"):  # the lines keep their indentation, and so their columns
        last = line + node.value.rstrip("\n").count("\n")
        text = "\n".join(template.lines[line - 1 : last]) + "\n"
    else:
        text = " " * (column - 1) + node.value
    arguments = _arguments(properties)
    literals = {name: value for name, value in arguments.items() if value is not None}
    inner = Template(template.file, "\n" * (line - 1) + text, literals)
    for name in arguments.keys() - literals.keys():
        declared = inner.parameters.get(name)
        rows = [entry for entry in entries(declared) if entry[0].value != "Default"]
        if declared is not None:
            inner.parameters[name] = yaml.MappingNode(declared.tag, rows, declared.start_mark, declared.end_mark, True)
    return inner


def _arguments(properties: yaml.Node) -> dict[str, str | None]:
    """Return the arguments of a stack set; None for values that are not literals."""
    node = child(properties, "Parameters")
    arguments = {}
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        name = scalar(child(item, "ParameterKey"))
        if name is not None:
            arguments[name] = scalar(child(item, "ParameterValue"))
    return arguments


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
