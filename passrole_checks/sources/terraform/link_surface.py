"""Values that a root module reads of other roots and passes to them: its outputs, SSM parameters that it writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.partial_values import Node, Position, StringNode
from passrole_checks.sources.model.links import LinkKind, LinkOffer, LinkSurface, links_reads
from passrole_checks.sources.model.secrets import hides_secrets
from passrole_checks.sources.terraform.evaluation.scope import EvaluationScope
from passrole_checks.sources.terraform.evaluation.symbolic_values import fill_known_parts
from passrole_checks.sources.terraform.evaluation.to_plain import to_document, to_plain
from passrole_checks.sources.terraform.modules.folder import is_local_source, module_source, resolve_local_source
from passrole_checks.sources.terraform.modules.module import Module, is_secret
from passrole_checks.sources.terraform.modules.providers import account_of
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources.entities import value_of
from passrole_checks.sources.terraform.resources.linked_data import LINKED_TYPES, backend_location, location_of

_PARAMETER = "aws_ssm_parameter"
_READ = ("outputs", "values", "value")  # attributes that look up what others pass


def surface_of(root: Module, outputs: Callable[[str], bool], modules: Callable[[Path], bool]) -> LinkSurface:
    """Return what a root module reads and passes.

    ``outputs`` selects the outputs to evaluate by name; ``modules`` is False for the folder of a module that, with
    those that it calls, reads and passes nothing.
    """
    concerned = list(_walk(root, modules))
    offers = (*_outputs(root, outputs), *_parameters(concerned))
    for module in concerned:
        for block in module.folder.data:
            if block.labels[0] in LINKED_TYPES:
                _read_all(module, block)
    return LinkSurface(tuple(dict.fromkeys(links_reads())), offers, account_of(root))


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


def _read_all(module: Module, block: Block) -> None:
    """Read what other roots pass through a data source, so that its names are recorded."""
    at = _position(block)
    for instance in module.instances(block).items:
        name = f"data.{block.labels[0]}.{block.labels[1]}{instance.suffix}"
        reference = replace(module.reference(name, f"data.{block.labels[0]}", block, at), instance=instance)
        for attribute in _READ:
            module.attribute(reference, attribute, at)


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


def _outputs(root: Module, wanted: Callable[[str], bool]) -> Iterator[LinkOffer]:
    names = [name for name, block in root.folder.outputs.items() if wanted(name) and not _is_hidden(block)]
    location = state_location(root) if names else None
    if location is None:
        return
    for name in names:
        block = root.folder.outputs[name]
        value = root.output(name, f"output.{name}", _position(block))
        yield LinkOffer(LinkKind.STATE, location, _as_seen(value), _position(block), name)


def _is_hidden(output: Block) -> bool:
    return hides_secrets() and is_secret(output)


def _parameters(modules: Iterable[Module]) -> Iterator[LinkOffer]:
    for module in modules:
        for block in module.folder.resources:
            if block.labels[0] != _PARAMETER:
                continue
            for instance in module.instances(block).items:
                scope = module.instance_scope(block, instance)
                name = value_of(block, "name", scope)
                value = value_of(block, "value", scope) or value_of(block, "insecure_value", scope)
                if isinstance(name, StringNode) and value is not None and not _is_secret(block, scope):
                    yield LinkOffer(LinkKind.PARAMETER, fill_known_parts(name), _as_seen(value), _position(block))


def _is_secret(block: Block, scope: EvaluationScope) -> bool:
    """True for a parameter of type SecureString: it contains a password rather than a role or a policy."""
    type_ = value_of(block, "type", scope)
    return isinstance(type_, StringNode) and type_.literal == "SecureString"


def _position(block: Block) -> Position:
    return Position(block.source.file, block.span.line, 1, block.span.end_line)


def _as_seen(value: Node) -> Node:
    """Return a value as another root gets it."""
    plain = to_plain(value)
    # the text of a document with unresolved parts would lose their place in it
    is_whole = isinstance(plain, StringNode) and plain.literal is not None
    return plain if is_whole else to_document(value)
