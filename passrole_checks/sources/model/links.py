"""Values that one root passes to another: outputs in a state, exports of stacks, SSM parameters.

A root is a Terraform root module or a template. It is read alone; values that other scanned roots pass to it are given
as links, which a source looks up while it evaluates. Without links, nothing is looked up.

Sources: Terraform documentation, "The terraform_remote_state Data Source" (only root outputs are shared); AWS
CloudFormation User Guide, "Get exported outputs from a deployed CloudFormation stack" (export names are unique within
an account and Region); AWS Systems Manager User Guide, "AWS Systems Manager Parameter Store".
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field, replace
from enum import Enum

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import (
    Choice,
    Node,
    Part,
    Position,
    StringNode,
    Unresolved,
    UnresolvedKind,
    join,
    map_strings,
    moved_to,
    nodes_in,
)
from passrole_checks.iam.values.path_conditions import none_of, one_of
from passrole_checks.iam.values.variants import map_variants

MAX_SIZE = 100_000  # characters of one value
_NO_POSITION = Position("", 0)
_SHARED = frozenset({UnresolvedKind.PARTITION, UnresolvedKind.REGION, UnresolvedKind.POLICY_VARIABLE})
_SSM = lazy_regex(r"\{\{resolve:ssm:([^{}]*(?:\$\{[^{}]*\}[^{}]*)*)\}\}")
_HOLE = lazy_regex(r"\$\{([^{}]*)\}")
_VERSION = lazy_regex(r":\d+$")


class LinkKind(str, Enum):
    """How a root passes a value."""

    STATE = "state"  # an output of a root module, read with terraform_remote_state
    EXPORT = "export"  # an export of a stack
    PARAMETER = "parameter"  # an SSM parameter


Key = tuple[LinkKind, str]
"""Key of a value that a root passes, as of :class:`LinkOffer`."""


class _Every(Container[Key]):
    def __contains__(self, _: object) -> bool:
        return True


EVERY_KEY: Container[Key] = _Every()


@dataclass(frozen=True, slots=True)
class LinkRead:
    """A value that a root reads: ``name`` is that of the export or parameter, or the location of a state."""

    kind: LinkKind
    name: StringNode


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """A value that a root passes, at a position; ``output`` is the name of an output in a state.

    ``value``: None if it was not evaluated.
    """

    kind: LinkKind
    name: StringNode
    value: Node | None
    at: Position
    output: str = ""

    @property
    def key(self) -> Key:
        """The kind of the value, and its name within the root that passes it."""
        return self.kind, self.output or str(self.name)


@dataclass(frozen=True, slots=True)
class LinkSurface:
    """The values that a root reads of others and passes to them. ``account``, ``stack``: as in ``Configuration``."""

    reads: tuple[LinkRead, ...] = ()
    offers: tuple[LinkOffer, ...] = ()
    account: str | None = None
    stack: str = ""


@dataclass(frozen=True, slots=True)
class EntityRequest:
    """Kinds and names, in lower case, of principals and managed policies of one root that another one names.

    ``root``: the root that declares them, as the other one calls it; ``origin``: the same in words. ``shared``: those
    that further roots declare, so that each of them is one variant.
    """

    names: tuple[tuple[str, str], ...]
    root: str
    origin: str
    shared: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """The contents of the configuration of a root that are for others: its :class:`LinkSurface`, without values.

    ``offers``: the kinds of values whose names are evaluated. ``entities``: the roles and policies that others name.
    """

    offers: tuple[LinkKind, ...] = ()
    entities: tuple[EntityRequest, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A value that another root passes.

    ``name``: what the reading root evaluates the name to, as text. ``value`` has no positions and no names of the other
    root. ``root``: the other root, for messages. ``at``: where it passes the value. ``inferred``: the name fits as a
    pattern only, or several roots pass different values, so that the value may be another one.
    """

    kind: LinkKind
    name: str
    output: str
    value: Node
    root: str
    at: Position = field(default=_NO_POSITION, compare=False, repr=False)
    inferred: bool = False

    @property
    def slot(self) -> tuple[LinkKind, str, str]:
        """Key of the links that are variants of one value."""
        return self.kind, self.name, self.output


@dataclass(frozen=True)
class _Context:
    links: tuple[Link, ...]
    reads: list[LinkRead] = field(default_factory=list)


_now: ContextVar[_Context | None] = ContextVar("links", default=None)


@contextmanager
def links_of_context(links: tuple[Link, ...]) -> Iterator[list[LinkRead]]:
    """Look up these links within this context, and record what is looked up in the list that it returns."""
    context = _Context(links)
    token = _now.set(context)
    try:
        yield context.reads
    finally:
        _now.reset(token)


def follows_links() -> bool:
    """True if links are looked up in this context."""
    return _now.get() is not None


def links_reads() -> list[LinkRead]:
    """Return what was looked up in this context so far."""
    context = _now.get()
    return list(context.reads) if context is not None else []


def linked_value(kind: LinkKind, name: StringNode, otherwise: Node) -> Node:
    """Return the export or parameter that other roots pass under a name; ``otherwise``, the value without links, if
    none does, and as a variant beside inferred values."""
    return _variants(kind, str(name), [link for link in _find(kind, name) if not link.output], otherwise)


def linked_outputs(name: StringNode, otherwise: Callable[[str], Node]) -> dict[str, Node]:
    """Return the outputs of the roots whose state has this location, by name. ``otherwise``: returns the value of an
    output without links."""
    by_output: dict[str, list[Link]] = {}
    for link in _find(LinkKind.STATE, name):
        by_output.setdefault(link.output, []).append(link)
    return {
        output: _variants(LinkKind.STATE, str(name), links, otherwise(output)) for output, links in by_output.items()
    }


def _find(kind: LinkKind, name: StringNode) -> Sequence[Link]:
    context = _now.get()
    if context is None:
        return ()
    context.reads.append(LinkRead(kind, name))
    text = str(name)
    return [link for link in context.links if link.kind is kind and link.name == text]


_SUBJECTS = {
    LinkKind.STATE: "the root module with the state {}",
    LinkKind.EXPORT: "the stack that exports {}",
    LinkKind.PARAMETER: "the writer of the SSM parameter {}",
}


def _variants(kind: LinkKind, name: str, links: Sequence[Link], otherwise: Node) -> Node:
    """Return the value of links at the position of ``otherwise``, with a variant for each root if they are inferred."""
    at = otherwise.at
    if not any(link.inferred for link in links):
        return moved_to(links[0].value, at) if links else otherwise
    subject = _SUBJECTS[kind].format(name)
    options = [(one_of(subject, [link.root]), moved_to(link.value, at)) for link in links]
    none = replace(none_of(subject, (link.root for link in links)), otherwise=True)
    return Choice((*options, (none, otherwise)), at)


def parameter_name(expression: str) -> StringNode | None:
    """Return the name of the SSM parameter that a dynamic reference reads; None for another reference.

    Source: AWS CloudFormation User Guide, "Get a plaintext value from Systems Manager Parameter Store".
    """
    found = _SSM.fullmatch(expression)
    if found is None:
        return None
    parts: list[Part] = []
    done, name = 0, _VERSION.sub("", found[1])
    for hole in _HOLE.finditer(name):
        parts += [name[done : hole.start()], Unresolved(hole[1])]
        done = hole.end()
    return StringNode(join([*parts, name[done:]]), _NO_POSITION)


def with_linked_parameters(value: Node) -> Node:
    """Return a string with the SSM parameters that other roots write in place of dynamic references to them."""
    if not isinstance(value, StringNode):
        return value
    text = value
    linked = {
        part.expression: found
        for part in text.unresolved_parts
        if (name := parameter_name(part.expression)) is not None
        and (found := linked_value(LinkKind.PARAMETER, name, own := StringNode((part,), text.at))) is not own
    }
    if not linked:
        return text

    def build(*chosen: Node) -> Node:
        if len(text.parts) == 1:
            return chosen[0]
        defaults, parts = dict.fromkeys(text.defaults), list[Part]()
        for part, one in zip(text.parts, chosen, strict=True):
            parts.extend(one.parts if isinstance(one, StringNode) else (part,))
            defaults.update(dict.fromkeys(one.defaults) if isinstance(one, StringNode) else {})
        return StringNode(join(parts), text.at, defaults=tuple(defaults))

    pieces = [
        linked[part.expression]
        if isinstance(part, Unresolved) and part.expression in linked
        else StringNode((part,), text.at)
        for part in text.parts
    ]
    return map_variants(build, *pieces)


# -- what another root sees of a value


def seen_by_others(value: Node, origin: str, root: str, account: str | None) -> Node:
    """Return a value of a root as another root sees it: without positions and without names of its own.

    ``origin``: where it is from, in words (``the export `X` of `network.yaml```). ``account``: the id that replaces
    that of the account deployed to, None if it is the same account for both.
    """
    if is_too_long(value):
        return StringNode((Unresolved(f"{root}: …", reason="too long"),), _NO_POSITION, defaults=(origin,))

    def renamed(name: str) -> str:
        return name if is_origin(name) or name == "…" else f"{root}: {name}"  # …: the rest of a known value

    def seen(part: Part) -> tuple[Part, ...]:
        if isinstance(part, str):
            return (part,)
        known = part.known and tuple(inner for known in part.known for inner in seen(known))
        if known and all(isinstance(inner, str) or inner.kind is not UnresolvedKind.ANYTHING for inner in known):
            return known
        if known:  # part of the text is open: it is shown by its expression
            return (Unresolved(renamed(part.expression), part.kind, known=known, reason=part.reason),)
        if part.kind in _SHARED:
            return (part,)
        if part.kind is UnresolvedKind.ACCOUNT_ID:
            return (part if account is None else account,)
        return (Unresolved(renamed(part.expression), part.kind, reason=part.reason),)

    def change(text: StringNode) -> StringNode:
        parts = join([inner for part in text.parts for inner in seen(part)])
        defaults = dict.fromkeys((*map(renamed, text.defaults), origin))
        return StringNode(parts, _NO_POSITION, defaults=tuple(defaults), optional=text.optional)

    return moved_to(map_strings(value, change, keys=True, subject=renamed), _NO_POSITION)


def is_too_long(value: Node) -> bool:
    """True if a value is too long to be passed to other roots."""
    return sum(_size(node) for node in nodes_in(value)) > MAX_SIZE


def _size(node: Node) -> int:
    if isinstance(node, StringNode):
        return sum(len(part) if isinstance(part, str) else 20 for part in node.parts)
    return 20


def without_origin(node: Node) -> Node:
    """Return a value that compares equal to the same value of another root."""
    return map_strings(node, lambda text: replace(text, defaults=()), keys=True)


def is_origin(name: str) -> bool:
    """True if an entry of ``StringNode.defaults`` says which root a value is from, and is no variable or parameter."""
    return name.startswith("the ")
