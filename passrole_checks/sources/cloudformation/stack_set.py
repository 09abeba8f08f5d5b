"""The template of a stack set that stands in the template which defines the stack set.

Source: AWS CloudFormation Template Reference, AWS::CloudFormation::StackSet: ``TemplateBody`` is the text of a
template, ``Parameters`` are its parameters. The logical ids in it are its own, so what is taken from it is named below
the stack set.
"""

from __future__ import annotations

from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import Choice, ListNode, Node, ObjectEntry, ObjectNode, StringNode, Unresolved
from passrole_checks.sources.cloudformation.template import Template, call, child, entries, scalar
from passrole_checks.sources.model.configuration import AttachedPolicy, ResourceDefinition


def body(template: Template, properties: yaml.Node) -> Template | None:
    """The template in the ``TemplateBody`` of a stack set, if it stands letter for letter in the file; None otherwise.

    It keeps its places, and has the stack set's ``Parameters``: their values where they are literals, and where they
    are not, no defaults. Raises :class:`InputError` where the text is no template.
    """
    node = child(properties, "TemplateBody")
    if not isinstance(node, yaml.ScalarNode) or call(node) is not None:
        return None
    layout = template.layout(node)
    if layout is None:
        return None
    line, column, _ = layout
    if node.style in ("|", ">"):  # its lines keep their indentation, and so their columns
        last = line + node.value.rstrip("\n").count("\n")
        text = "\n".join(template.lines[line - 1 : last]) + "\n"
    else:
        text = " " * (column - 1) + node.value
    given = _given(properties)
    known = {name: value for name, value in given.items() if value is not None}
    inner = Template(template.file, "\n" * (line - 1) + text, known)
    for name in given.keys() - known.keys():
        declared = inner.parameters.get(name)
        rows = [entry for entry in entries(declared) if entry[0].value != "Default"]
        if declared is not None:
            inner.parameters[name] = yaml.MappingNode(declared.tag, rows, declared.start_mark, declared.end_mark, True)
    return inner


def _given(properties: yaml.Node) -> dict[str, str | None]:
    """The parameters of a stack set, None for the values that are not literals."""
    node = child(properties, "Parameters")
    given = {}
    for item in node.value if isinstance(node, yaml.SequenceNode) else []:
        name = scalar(child(item, "ParameterKey"))
        if name is not None:
            given[name] = scalar(child(item, "ParameterValue"))
    return given


def prefixed(policy: AttachedPolicy, stack_set: ResourceDefinition) -> AttachedPolicy:
    """A policy of the stack set's template as one of the stack set."""
    inner = policy.resource.address
    return AttachedPolicy(
        stack_set,
        f"TemplateBody/Resources/{inner}/Properties/{policy.path}",
        _below(policy.document, stack_set.address),
        policy.kind,
        tuple(f"{stack_set.address}.{principal}" for principal in policy.principals),
        held=tuple((f"{stack_set.address}.{principal}", facts) for principal, facts in policy.held),
    )


def _below(node: Node, address: str) -> Node:
    """The same value, its references to roles named below the stack set."""
    if isinstance(node, StringNode):
        parts = tuple(part if isinstance(part, str) else _hole(part, address) for part in node.parts)
        return replace(node, parts=parts)
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_below(item, address) for item in node.items))
    if isinstance(node, ObjectNode):
        return replace(node, entries=tuple(ObjectEntry(item.key, _below(item.value, address)) for item in node.entries))
    if isinstance(node, Choice):
        return replace(node, options=tuple((label, _below(option, address)) for label, option in node.options))
    return node


def _hole(hole: Unresolved, address: str) -> Unresolved:
    known = hole.known and tuple(part if isinstance(part, str) else _hole(part, address) for part in hole.known)
    return replace(hole, role=hole.role and f"{address}.{hole.role}", known=known)
