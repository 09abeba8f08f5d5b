"""``count`` and ``for_each``: which instances a block has."""

from __future__ import annotations

from dataclasses import dataclass, replace

from passrole_checks.iam.values import Absent, Choice, Const, Entry, Hole, Mapping, Node, Position, Text
from passrole_checks.sources.terraform.loops import rounds_of
from passrole_checks.sources.terraform.scope import Scope, evaluate
from passrole_checks.sources.terraform.symbols import Instance, hole, literal, number
from passrole_checks.sources.terraform.syntax import Block

MAX_INSTANCES = 100  # more of them are evaluated as one, with holes for their keys


@dataclass(frozen=True)
class Instances:
    """``counted``: there is a ``count`` or ``for_each``. ``known``: these are all there can be."""

    items: tuple[Instance, ...]
    counted: bool = False
    known: bool = False
    at: Position | None = None
    address: str = ""

    def unknown(self) -> Instance:
        """An instance of which nothing is known, not even its key."""
        for one in self.items:
            if not one.suffix:
                return one
        return replace(_unknown_instance(self.at or Position("", 1)), label=f"{self.address}[*]")


def expand(block: Block, scope: Scope) -> Instances:
    """The instances of a block. Where ``count`` depends on a condition, those of its largest outcome."""
    found = _expand(block, scope)
    address = ".".join(block.labels if block.type == "resource" else (block.type, *block.labels))
    items = tuple(replace(one, label=f"{address}{one.suffix or '[*]'}") for one in found.items)
    return replace(found, items=items, address=address)


def _expand(block: Block, scope: Scope) -> Instances:
    count, for_each = block.body.get("count"), block.body.get("for_each")
    at = scope.position(block.span)
    if count is not None:
        value = evaluate(count.value, scope.inside(count.source))
        amount = _largest(value)
        if amount is None or amount > MAX_INSTANCES:
            return Instances((_unknown_instance(at),), True, False, at)
        return Instances(tuple(_counted(index, at) for index in range(max(amount, 0))), True, True, at)
    if for_each is not None:
        return _for_each(evaluate(for_each.value, scope.inside(for_each.source)), at)
    return Instances((Instance(),), False, True, at)


def _counted(index: int, at: Position) -> Instance:
    entry = Entry(Text(("index",), at), Const(index, at))
    return Instance(f"[{index}]", str(index), {"count": Mapping((entry,), at)})


def _largest(value: Node) -> int | None:
    """The largest number that a value can be."""
    if isinstance(value, Choice):
        found = [_largest(option) for _, option in value.options]
        known = [amount for amount in found if amount is not None]
        return max(known) if len(known) == len(found) else None
    if isinstance(value, Const) and isinstance(value.value, bool):
        return int(value.value)
    amount = number(value)
    return int(amount) if amount is not None else None


def _for_each(value: Node, at: Position) -> Instances:
    found: dict[str, Instance] = {}
    known = True
    for option in _options(value):
        rounds = rounds_of(option)
        if rounds is None:
            known = known and isinstance(option, (Const, Absent))
            continue
        for one in rounds:
            element = one.value
            key = literal(one.key) if isinstance(option, Mapping) else literal(element)
            if one.many or (key is None and isinstance(option, Mapping)):
                known = False
                found.setdefault("", _each("", "", hole("each.key", at), element, at))
            elif key is None:
                known = False
                words = str(element) if isinstance(element, Text) else "…"
                found.setdefault(f'["{words}"]', _each(f'["{words}"]', words, element, element, at))
            else:
                each_key = Text((key,), at)
                found.setdefault(f'["{key}"]', _each(f'["{key}"]', key, each_key, element, at))
    if len(found) > MAX_INSTANCES or (not found and not known):
        return Instances((_unknown_instance(at),), True, False, at)
    return Instances(tuple(found.values()), True, known, at)


def _options(value: Node) -> list[Node]:
    """The readings of a value, alternatives inside alternatives too."""
    found: list[Node] = []
    pending = [value]
    while pending and len(found) < MAX_INSTANCES:
        current = pending.pop(0)
        if isinstance(current, Choice):
            pending[:0] = [option for _, option in current.options]
        else:
            found.append(current)
    return found


def _each(suffix: str, key: str, each_key: Node, value: Node, at: Position) -> Instance:
    entries = (Entry(Text(("key",), at), each_key), Entry(Text(("value",), at), value))
    return Instance(suffix, key, {"each": Mapping(entries, at)})


def _unknown_instance(at: Position) -> Instance:
    each = (
        Entry(Text(("key",), at), Text((Hole("each.key"),), at)),
        Entry(Text(("value",), at), Text((Hole("each.value"),), at)),
    )
    count = (Entry(Text(("index",), at), Text((Hole("count.index"),), at)),)
    return Instance("", "", {"each": Mapping(each, at), "count": Mapping(count, at)})
