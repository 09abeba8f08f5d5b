"""Values that a root module reads of other roots and passes to them: its outputs, SSM parameters that it writes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.values.nodes import Node, Position, StringNode
from passrole_checks.sources.model.links import Key, LinkKind, LinkOffer, LinkSurface, links_reads
from passrole_checks.sources.model.secrets import hides_secrets
from passrole_checks.sources.terraform.evaluation.symbolic_values import fill_known_parts, known_string
from passrole_checks.sources.terraform.evaluation.to_plain import to_document, to_plain
from passrole_checks.sources.terraform.modules.folder import is_local_source, module_source, resolve_local_source
from passrole_checks.sources.terraform.modules.module import Module, is_secret
from passrole_checks.sources.terraform.modules.providers import account_of
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources.entities import value_of
from passrole_checks.sources.terraform.resources.linked_data import LINKED_TYPES, backend_location, location_of

_PARAMETER = "aws_ssm_parameter"
_READ = ("outputs", "values", "value")  # attributes that look up what others pass


def surface_of(
    root: Module,
    kinds: Collection[LinkKind],
    keys: Container[Key] | None,
    modules: Callable[[Path], bool],
    *,
    with_reads: bool,
) -> LinkSurface:
    """Return what a root module passes of some kinds, and what it reads for that, or ``with_reads`` all that it reads.

    ``keys``: as of :func:`offers_of`. ``modules`` is False for the folder of a module that, with those that it calls,
    reads and passes nothing.
    """
    concerned = list(_walk(root, modules)) if with_reads or LinkKind.PARAMETER in kinds else []
    offers = tuple(offers_of(root, concerned, kinds, keys))
    for module in concerned if with_reads else ():
        for block in module.folder.data:
            if block.labels[0] in LINKED_TYPES:
                at = _position(block)
                for instance in module.instances(block).items:  # what others pass, so that its names are recorded
                    address = f"{block.address}{instance.suffix}"
                    reference = module.reference(address, f"data.{block.labels[0]}", block, at)
                    for attribute in _READ:
                        module.attribute(replace(reference, instance=instance), attribute, at)
    return LinkSurface(tuple(dict.fromkeys(links_reads())), offers, account_of(root))


def offers_of(
    root: Module, modules: Iterable[Module], kinds: Collection[LinkKind], keys: Container[Key] | None = None
) -> Iterator[LinkOffer]:
    """Yield what a root module passes of some kinds; ``modules``: those that may write parameters.

    ``keys``: the values to evaluate; None to yield all, without values.
    """
    if LinkKind.STATE in kinds:
        yield from _outputs(root, keys)
    if LinkKind.PARAMETER in kinds:
        yield from _parameters(modules, keys)


def _walk(root: Module, modules: Callable[[Path], bool]) -> Iterator[Module]:
    """Iterate over the modules that may read or pass values; the others are not evaluated."""
    pending = [root]
    while pending:
        module = pending.pop(0)
        yield module
        for block in module.folder.modules.values():
            source = module_source(block)
            is_local = source is not None and is_local_source(source)
            if source is None or not is_local or modules(resolve_local_source(module.folder.path, source)):
                pending.extend((module.children(block) or {}).values())


def state_location(root: Module) -> StringNode | None:
    """Return the location of the state of a root module; None if the code does not tell it.

    Source: Terraform language documentation, "Backend block configuration overview": without a block, the state is the
    local file ``terraform.tfstate``; a block in an override file replaces others.
    """
    found = [
        backend
        for parsed in root.folder.files
        for block in parsed.body.all("terraform")
        for backend in block.body.all("backend", "cloud")
    ]
    if not found:
        return location_of("local", lambda name: None, root.scope(root.folder.files[0].source))
    return backend_location(found[-1], root.scope(found[-1].source))


def _outputs(root: Module, keys: Container[Key] | None) -> Iterator[LinkOffer]:
    outputs = root.folder.outputs
    names = [name for name in outputs if keys is None or (LinkKind.STATE, name) in keys]
    names = [name for name in names if not (hides_secrets() and is_secret(outputs[name]))]
    location = state_location(root) if names else None
    if location is None:
        return
    for name in names:
        block = root.folder.outputs[name]
        value = _as_seen(root.output(name, f"output.{name}", _position(block))) if keys is not None else None
        yield LinkOffer(LinkKind.STATE, location, value, _position(block), name)


def _parameters(modules: Iterable[Module], keys: Container[Key] | None) -> Iterator[LinkOffer]:
    for module in modules:
        for block in module.folder.resources:
            for _, scope, _ in module.definitions(block) if block.labels[0] == _PARAMETER else ():
                name, type_ = value_of(block, "name", scope), value_of(block, "type", scope)
                # one of type SecureString contains a password rather than a role or a policy
                if not isinstance(name, StringNode) or (type_ is not None and known_string(type_) == "SecureString"):
                    continue
                offer = LinkOffer(LinkKind.PARAMETER, fill_known_parts(name), None, _position(block))
                if keys is None:
                    yield offer
                elif offer.key in keys:
                    value = value_of(block, "value", scope) or value_of(block, "insecure_value", scope)
                    yield from () if value is None else (replace(offer, value=_as_seen(value)),)


def _position(block: Block) -> Position:
    return Position(block.source.file, block.span.line, 1, block.span.end_line)


def _as_seen(value: Node) -> Node:
    """Return a value as another root gets it."""
    plain = to_plain(value)
    # the text of a document with unresolved parts would lose their place in it
    is_whole = isinstance(plain, StringNode) and plain.literal is not None
    return plain if is_whole else to_document(value)
