"""Policy documents and AWS managed policies that leave the configuration.

They are passed to a module whose source is missing, to a resource of a type that does not attach IAM policies itself
(``vault_aws_secret_backend_role``, ``aws_ssm_parameter``, any type of another provider), or are an output of the root
module. The use of such a document is unknown, but the document itself shows what it can be: a resource-based or trust
policy names a Principal, an identity-based policy never does (IAM User Guide, "IAM JSON policy elements: Principal").
A document without one is therefore checked as an identity-based policy, and so is a statement that is passed as an
object. An AWS managed policy can only be attached, or be a permissions boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import TypedDict

from passrole_checks.iam.values.nodes import Choice, ListNode, Node, ObjectNode, StringNode, nodes_in
from passrole_checks.iam.values.path_conditions import PathCondition
from passrole_checks.iam.values.variants import guard
from passrole_checks.sources.collect.handed_out import (
    MAX_DEPTH,
    TOO_DEEP,
    document_names,
    document_of,
    documents_in_text,
    infer_policy_kind,
    is_document,
    is_scp_module,
    judged_by_name,
    makes_organization_policies,
    managed_policies_in,
    names_principal,
)
from passrole_checks.sources.model.configuration import (
    OUTPUT,
    AttachedPolicy,
    Framework,
    HandedTo,
    ManagedAttachment,
    PolicyKind,
    ResourceDefinition,
    Unreadable,
)
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope, evaluate
from passrole_checks.sources.terraform.evaluation.symbolic_values import MAX_NODES
from passrole_checks.sources.terraform.evaluation.to_plain import to_document, to_plain, to_plain_string
from passrole_checks.sources.terraform.lazy_evaluation import skips_irrelevant
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.module_trust import people_of_module, repositories_of_module
from passrole_checks.sources.terraform.policies.statement_objects import as_statement
from passrole_checks.sources.terraform.policies.text_search import TextSearch, each_text
from passrole_checks.sources.terraform.policies.unknown_resources import HandedOutFilter, holds_no_document
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block
from passrole_checks.sources.terraform.resources import references
from passrole_checks.sources.terraform.resources.blocks import blocks_of, iterator_name

META_ARGUMENTS = frozenset({"source", "version", "providers", "provider", "count", "for_each", "depends_on"})
_NAMES = ("name", "policy_name")  # arguments
_META_BLOCKS = frozenset({"connection", "dynamic", "lifecycle", "provisioner", "timeouts"})


def handed_out_by(
    module: Module, block: Block, documents: TextSearch, search: HandedOutFilter
) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in the arguments of a ``module`` or ``resource`` block.

    The block is their resource; ``path`` leads from the argument to the document.
    """
    for_each = block.body.get("for_each")
    elements = ("each",) if for_each is not None and search.may_hand_out(module, for_each) else ()
    candidates = (
        argument
        for argument in block.body.attributes
        if block.type == "module"
        or (not holds_no_document(block, argument) and _may_be_document(module, argument, search, elements))
    )
    arguments = _arguments_with(documents, module, block, candidates)
    search = search.for_nested  # to expand nested blocks for every value that may come from a file costs too much
    nested = _nested_types(module, block, search, elements)
    if not arguments and not nested:
        return
    for resource, scope, _ in module.definitions(block):
        consumer = _consumer(block, scope)
        values = [(attribute.name, attribute, scope, ()) for attribute in arguments]
        inside = _nested_arguments(module, block, nested, scope, search, elements)
        for path, attribute, inner, when in (*values, *inside):
            value = evaluate(attribute.value, inner.in_source(attribute.source))
            for place, policy in _documents(value, path, MAX_DEPTH, lenient=block.type == "module"):
                if policy is None:
                    _note_too_deep(module, block, resource, place, attribute)
                    continue
                element, kind = _element_in_words(to_plain(value), place), infer_policy_kind(place, policy)
                attached = AttachedPolicy(resource, place, guard(when, policy), kind, element=element, **consumer)
                yield _judged_by_consumer(attached, block, scope, attribute)


def _arguments_with(
    search: TextSearch, module: Module, block: Block, candidates: Iterable[Attribute]
) -> list[Attribute]:
    """Return the arguments of a block whose values may contain what is searched for."""
    each = each_text(block)
    return [
        argument
        for argument in candidates
        if argument.name not in META_ARGUMENTS
        and (not skips_irrelevant() or search.may_lead(module, argument.source_bytes, each))
    ]


def handed_out_by_output(root: Module, block: Block) -> Iterator[AttachedPolicy]:
    """Yield the policy documents in an output of the root module."""
    attribute = block.body.get("value")
    if attribute is not None:
        scope = root.scope(attribute.source)
        at = root.scope(block.source).position(block.span)
        resource = ResourceDefinition(f"output.{block.labels[0]}", OUTPUT, Framework.TERRAFORM, at)
        for path, policy in _documents(evaluate(attribute.value, scope), "value", MAX_DEPTH, lenient=False):
            if policy is not None:
                kind = infer_policy_kind(f"{block.labels[0]}/{path}", policy)
                attached = AttachedPolicy(resource, path, policy, kind, handed_to=HandedTo.OUTPUT)
                names = document_names(attribute.source_bytes.decode("utf-8", "replace"))
                yield judged_by_name(attached, (*block.labels, *names))
            else:
                _note_too_deep(root, block, resource, path, attribute)


def managed_policies_by(module: Module, block: Block, search: TextSearch) -> Iterator[ManagedAttachment]:
    """Yield the AWS managed policies in the arguments of a ``module`` or ``resource`` block, except permissions
    boundaries.

    The block stands in for the principal that gets them.
    """
    arguments = _arguments_with(search, module, block, block.body.attributes)
    for resource, scope, when in module.definitions(block) if arguments else ():
        consumer = _consumer(block, scope)
        for attribute in arguments:
            value = to_plain(evaluate(attribute.value, scope.in_source(attribute.source)))
            for path, facts, arn in managed_policies_in(value, attribute.name, when):
                plain, element = to_plain_string(arn), _element_in_words(value, path)
                yield ManagedAttachment(
                    resource.address, plain, resource, path, arn.at, facts, element=element, **consumer
                )


def documents_of(value: Node) -> Iterator[Node]:
    """Yield the policy documents in a value, at any depth."""
    for _, policy in _documents(value, "", MAX_DEPTH, lenient=False):
        if policy is not None:
            yield policy


def _judged_by_consumer(
    policy: AttachedPolicy, block: Block, scope: EvaluationScope, argument: Attribute
) -> AttachedPolicy:
    """Return a document that a ``module`` or ``resource`` block gets, with the kind that the block states, or that its
    names presume."""
    written = {name: references.value_of(block, name, scope) for name in ("source", *_NAMES, "description")}
    texts = {name: str(value) if isinstance(value, StringNode) else "" for name, value in written.items()}
    arguments = b"".join(attribute.source_bytes for attribute in block.body.attributes).decode("utf-8", "replace")
    if is_scp_module(texts["source"]) or makes_organization_policies(arguments):
        return replace(policy, kind=PolicyKind.SCP)
    documents = document_names(argument.source_bytes.decode("utf-8", "replace"))
    names = (*block.labels, texts["source"], *map(texts.__getitem__, _NAMES), *documents)
    return judged_by_name(policy, names, (texts["description"],))


def _element_in_words(value: Node, path: str) -> str:
    """Return the element of an argument's list or map of objects that a path leads through, by name and place."""
    argument, *keys = path.split("/")
    if len(keys) < 2:
        return ""
    if isinstance(value, ListNode) and keys[0].isdecimal() and int(keys[0]) < len(value.items):
        element: Node | None = value.items[int(keys[0])]
        place = f"{argument}[{keys[0]}]"
    elif isinstance(value, ObjectNode):
        element, place = value.get(keys[0]), f'{argument}["{keys[0]}"]'
    else:
        return ""
    name = element.get("name") if isinstance(element, ObjectNode) else None
    if isinstance(name, StringNode) and name.literal:
        return f'"{name.literal}" (`{place}`)'
    return f"`{place}`" if isinstance(element, ObjectNode) and not is_document(element) else ""


class _Consumer(TypedDict):
    """Facts of the ``module`` or ``resource`` block that gets a policy, for each of its policies."""

    handed_to: HandedTo
    people: tuple[str, ...]
    repositories: tuple[str, ...]


def _consumer(block: Block, scope: EvaluationScope) -> _Consumer:
    return {
        "handed_to": HandedTo.MODULE if block.type == "module" else HandedTo.RESOURCE,
        "people": people_of_module(block, scope),
        "repositories": repositories_of_module(block, scope),
    }


def _nested_types(module: Module, block: Block, search: HandedOutFilter, iterators: tuple[str, ...]) -> tuple[str, ...]:
    """Return the types of nested blocks, also of those that ``dynamic`` blocks generate, that may hold a document.

    ``iterators``: as of :func:`_may_hold_document`.
    """
    if block.type == "module":
        return ()
    may_hold = (inner for inner in block.body.blocks if _may_hold_document(module, inner, search, iterators))
    types = (inner.generated_type for inner in may_hold)
    return tuple(dict.fromkeys(type_ for type_ in types if type_ not in _META_BLOCKS))


def _may_hold_document(module: Module, block: Block, search: HandedOutFilter, iterators: tuple[str, ...]) -> bool:
    """True if an argument of a nested block may hold a document.

    ``iterators``: ``each``, and variables of the ``dynamic`` blocks around it, whose elements may hold one.
    """
    if not search.may_hand_out(module, block) and not iterators:
        return False
    if block.type == "dynamic" and block.labels:
        for_each = block.body.get("for_each")
        if for_each is not None and search.without_files.may_hand_out(module, for_each):
            iterators = (*iterators, iterator_name(block))
    return any(_may_be_document(module, argument, search, iterators) for argument in block.body.attributes) or any(
        _may_hold_document(module, inner, search, iterators) for inner in block.body.blocks
    )


def _may_be_document(module: Module, argument: Attribute, search: HandedOutFilter, iterators: tuple[str, ...]) -> bool:
    if argument.name in ("for_each", "iterator", "labels"):
        return False
    # many loops make tags of elements; a tag has no braces or quotes (Tagging AWS Resources User Guide, "Best practices
    # and strategies": tag naming limits and requirements)
    uses_element = argument.name != "tags" and any(f"{name}.".encode() in argument.source_bytes for name in iterators)
    return uses_element or search.may_hand_out(module, argument)


def _nested_arguments(
    module: Module,
    block: Block,
    types: tuple[str, ...],
    scope: EvaluationScope,
    search: HandedOutFilter,
    iterators: tuple[str, ...],
    prefix: str = "",
    depth: int = 3,
) -> Iterator[tuple[str, Attribute, EvaluationScope, PathCondition]]:
    """Yield the arguments of nested blocks: path, argument, scope, and the path condition of the nested block."""
    for type_ in types:
        for number, (when, inner, inner_scope) in enumerate(blocks_of(block.body, type_, scope)):
            path = f"{prefix}{type_}/{number}"
            for attribute in inner.body.attributes:
                yield f"{path}/{attribute.name}", attribute, inner_scope, when
            if depth:
                inside, below = _nested_types(module, inner, search, iterators), f"{path}/"
                for place, attribute, found, further in _nested_arguments(
                    module, inner, inside, inner_scope, search, iterators, below, depth - 1
                ):
                    yield place, attribute, found, (*when, *further)


def _note_too_deep(module: Module, block: Block, resource: ResourceDefinition, path: str, attribute: Attribute) -> None:
    module.run.not_evaluated.setdefault(
        module.full_address(f"{block.address}: {attribute.name}"),
        Unreadable(block.source.file, f"{resource.address}: {path}: {TOO_DEEP}", attribute.span.line),
    )


def _documents(value: Node, path: str, depth: int, *, lenient: bool) -> Iterator[tuple[str, Node | None]]:
    """Yield (path, document) for each document at or below a path; None for a document below the maximum depth.

    ``lenient``: a text that looks like a policy document is one, even if it cannot be read. A value with too many nodes
    is not searched: its path has None.
    """
    if depth == MAX_DEPTH and next(islice(nodes_in(value), MAX_NODES, None), None) is not None:
        yield path, None
        return
    if isinstance(value, (StringNode, Choice)) or (
        isinstance(value, ObjectNode) and value.get("Statement") is not None
    ):
        candidate = to_document(value)
        if _is_document(candidate) and (lenient or is_document(candidate)):
            yield path, candidate
            return
        if isinstance(value, StringNode):
            if isinstance(candidate, StringNode):
                yield from documents_in_text(candidate, path)
                return
            value = candidate
    if not depth:
        if any(map(_looks_like_policy, nodes_in(value))):
            yield path, None
    elif isinstance(value, (ListNode, ObjectNode)):
        yield from _documents_inside(value, path, depth, lenient)
    elif isinstance(value, Choice):
        for outcome, option in value.options:
            for inner, below in _documents(option, path, depth - 1, lenient=lenient):
                yield inner, guard((outcome,), below) if below is not None else None


def _looks_like_policy(node: Node) -> bool:
    """True if a value looks like a statement or a policy document."""
    document = to_document(node) if isinstance(node, StringNode) else node
    return _is_document(document) or as_statement(node) is not None


def _documents_inside(
    value: ListNode | ObjectNode, path: str, depth: int, lenient: bool
) -> Iterator[tuple[str, Node | None]]:
    """Yield the documents in a list or object. Statements in it form one document; those with a Principal another."""
    single = as_statement(value)
    if single is not None:
        yield path, document_of([single], value.at)
        return
    named = (
        [(f"{path}/{number}", item) for number, item in enumerate(value.items)]
        if isinstance(value, ListNode)
        else [(f"{path}/{entry.key}", entry.value) for entry in value.entries]
    )
    statements: dict[bool, list[Node]] = {}
    for inner, item in named:
        statement = as_statement(item)
        if statement is not None:
            statements.setdefault(names_principal(statement), []).append(statement)
        else:
            yield from _documents(item, inner, depth - 1, lenient=lenient)
    for group in statements.values():
        yield path, document_of(group, value.at)


def _is_document(node: Node) -> bool:
    """True if at least one alternative of a value is a policy document with a known outline."""
    if isinstance(node, ObjectNode):
        return node.get("Statement") is not None
    if isinstance(node, StringNode):
        return any(isinstance(part, str) and '"Statement"' in part for part in node.parts)
    return isinstance(node, Choice) and any(_is_document(option) for _, option in node.options)
