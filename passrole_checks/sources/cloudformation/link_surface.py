"""Values that a template reads of other roots and passes to them: exports, and SSM parameters that it writes.

Sources: AWS CloudFormation Template Reference, "Outputs section syntax" (``Export``) and AWS::SSM::Parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import yaml

from passrole_checks.iam.partial_values import Node, StringNode, Unresolved, join, map_strings
from passrole_checks.sources.cloudformation.intrinsics import Evaluator
from passrole_checks.sources.cloudformation.strings import as_text
from passrole_checks.sources.cloudformation.template import child, entries, type_of
from passrole_checks.sources.model.links import LinkKind, LinkOffer, LinkSurface, links_reads

_STACK_NAME = "AWS::StackName"


def surface_of(evaluator: Evaluator, account: str | None, stack: str) -> LinkSurface:
    """Return what a template that was read reads of other roots and passes.

    ``account``, ``stack``: the account and the name of its stack, if known.
    """
    offers = tuple(_offers(evaluator, stack))
    return LinkSurface(tuple(dict.fromkeys(links_reads())), offers, account, stack)


def _offers(evaluator: Evaluator, stack: str) -> Iterator[LinkOffer]:
    root = evaluator.template.root
    outputs = child(root, "Outputs")
    for _, output in entries(outputs) if isinstance(outputs, yaml.MappingNode) else ():
        found = _offer(evaluator, LinkKind.EXPORT, child(output, "Export", "Name"), child(output, "Value"), stack)
        yield from (found,) if found is not None else ()
    for resource in evaluator.template.resources.values():
        if type_of(resource) == "AWS::SSM::Parameter":
            name, value = (child(resource, "Properties", key) for key in ("Name", "Value"))
            found = _offer(evaluator, LinkKind.PARAMETER, name, value, stack)
            yield from (found,) if found is not None else ()


def _offer(
    evaluator: Evaluator, kind: LinkKind, name: yaml.Node | None, value: yaml.Node | None, stack: str
) -> LinkOffer | None:
    if name is None or value is None:
        return None
    text = as_text(_in_stack(evaluator.node(name), stack))
    return (
        None
        if text is None
        else LinkOffer(kind, text, _in_stack(evaluator.node(value), stack), evaluator.template.position(value))
    )


def _in_stack(value: Node, stack: str) -> Node:
    """Return a value with the name of its stack, if that is known."""

    def insert(text: StringNode) -> StringNode:
        parts = (
            stack if isinstance(part, Unresolved) and part.expression == _STACK_NAME else part for part in text.parts
        )
        return replace(text, parts=join(list(parts)), starts=())

    return map_strings(value, insert) if stack else value
