"""Follow the values that roots pass to each other, by their names.

Evaluated are the names of the roots that may pass a value to a reader, and the values whose names a reader reads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import takewhile
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.patterns import glob
from passrole_checks.iam.values.nodes import Node, StringNode
from passrole_checks.sources.links.link_texts import ALL_OUTPUTS, LinkText, last_place, union_of
from passrole_checks.sources.links.root_texts import LinkTexts, template_text
from passrole_checks.sources.model.configuration import Configuration, Framework, Inputs
from passrole_checks.sources.model.links import (
    Key,
    Link,
    LinkKind,
    LinkOffer,
    LinkRead,
    LinkSurface,
    links_of_context,
    seen_by_others,
    without_origin,
)
from passrole_checks.sources.unit import Unit, in_words, place_of, repository_in_words
from passrole_checks.sources.unit_tasks import Distribute, answers_of

_MAX_ROUNDS = 10  # values of values of values; each may also lead to a scan
_MAX_CANDIDATES = 8  # roots that may pass one value
_LEAST_SIGNS = 3  # letters and digits of a name with unresolved parts
_LONGEST_NAME = 500
_ORIGINS = {LinkKind.EXPORT: "export", LinkKind.PARAMETER: "SSM parameter"}


@dataclass(eq=False)
class LinkedRoot:
    """A root that may read or pass values.

    ``unit``: with the links that it was scanned with. ``scanned``: what that scan has read, and the names of what it
    passes; None before it was scanned. ``surface``: the same as far as it was evaluated, None before. ``keys``: of the
    values that were evaluated. ``declared``: what it declares by name, if it is not scanned. ``number``: of the unit.
    """

    unit: Unit
    text: LinkText
    scanned: LinkSurface | None = None
    surface: LinkSurface | None = None
    keys: frozenset[Key] = frozenset()
    links: tuple[Link, ...] = ()
    declared: Configuration | None = None
    number: int = -1

    @property
    def links_of_scan(self) -> tuple[Link, ...]:
        """The links that a scan of the root reads; all, if it was not scanned."""
        if self.scanned is None:
            return self.links
        names = {(read.kind, str(read.name)) for read in self.scanned.reads}
        return tuple(link for link in self.links if (link.kind, link.name) in names)

    @property
    def known(self) -> LinkSurface:
        """The values that the root reads and passes, as far as it was evaluated."""
        return self.surface if self.surface is not None else LinkSurface()

    def text_of_reads(self) -> LinkText:
        """Return what the root reads, as a text."""
        if self.surface is None:
            return self.text
        names = {kind: {_as_text(read.name) for read in self.known.reads if read.kind is kind} for kind in LinkKind}
        return LinkText(
            reads=frozenset(kind for kind, found in names.items() if found),
            read_parameters=frozenset(names[LinkKind.PARAMETER]),
            read_places=frozenset(last_place(location) for location in names[LinkKind.STATE]),
            reads_files=self.text.reads_files,
        )


ScanAgain = Callable[[Mapping[int, Unit]], Mapping[int, LinkSurface]]
"""Scans units, by their numbers, and gives what their configurations contain, as far as they were asked."""


class LinkFollower:
    """Finds the links of roots.

    ``recorded``: roots that are not scanned. ``distribute``: has other processes evaluate roots. ``seconds``: the limit
    of processor time for these.
    """

    def __init__(
        self,
        roots: Iterable[LinkedRoot],
        recorded: Sequence[LinkedRoot],
        inputs: Inputs,
        texts: LinkTexts,
        distribute: Distribute | None,
        seconds: float,
    ) -> None:
        self._recorded, self._inputs, self._texts = recorded, inputs, texts
        self._distribute, self._seconds = distribute, seconds
        self._roots = sorted(roots, key=lambda root: str(root.unit.path))
        for root in self._roots:
            root.surface = root.scanned
        self._outputs: dict[int, frozenset[str]] = {}

    def follow(self, scan: ScanAgain | None = None) -> None:
        """Set the links of the roots: follow values until nothing changes; what still does is left out.

        ``scan``: scans the units, by their numbers, whose links differ from those that they were scanned with. Raises
        :class:`OutOfTimeError` and :class:`WorkerEndedError`.
        """
        for _ in range(_MAX_ROUNDS):
            if not self._evaluate_changes() and not (scan is not None and self._scan_changed(scan)):
                return
        with deadline.limited(self._seconds):
            readers, offers = self._readers(), self._offers()
            for root in readers:
                root.links = tuple(link for link in offers.for_root(root) if link in root.links)
        if scan is not None:
            self._scan_changed(scan)

    def _evaluate_changes(self) -> bool:
        """Set the links of the roots, and evaluate again what these change; False if they change nothing."""
        with deadline.limited(self._seconds):
            self._evaluate(root for root in self._roots if root.text.reads_vaguely)
            readers, offers = self._readers(), self._offers()
            changed = [root for root in readers if (found := offers.for_root(root)) != root.links and _set(root, found)]
            again = [root for root in changed if root.text.offers]
            for root in again:
                root.surface = root.scanned
            self._evaluate(again)
            self._evaluate_values([root for root in again if root.keys])
        return bool(again)

    def _scan_changed(self, scan: ScanAgain) -> bool:
        """Scan the roots again whose links have changed; False if there are none."""
        changed = [root for root in self._roots if root.unit.links != root.links_of_scan]
        for root in changed:
            root.unit = replace(root.unit, links=root.links_of_scan)
        surfaces = scan({root.number: root.unit for root in changed}) if changed else {}
        renewed = [root for root in changed if surfaces.get(root.number, root.scanned) != root.scanned]
        for root in renewed:
            root.scanned = root.surface = surfaces[root.number]
        with deadline.limited(self._seconds):
            self._evaluate_values([root for root in renewed if root.keys])
        return bool(changed)

    def _readers(self) -> list[LinkedRoot]:
        """Return the roots that read a value whose name others may pass; evaluate these names, and such values."""
        while True:
            reads = union_of(map(LinkedRoot.text_of_reads, self._roots))
            self._evaluate(root for root in self._roots if root.text.may_pass_value_to(reads))
            names = {kind: _names_offered((*self._roots, *self._recorded), kind) for kind in LinkKind}
            self._evaluate(root for root in self._roots if root.text.reads and root.text.may_read(names))
            readers = [root for root in self._roots if root.known.reads]
            missing = self._offers().without_value(readers)
            for root, keys in missing.items():
                root.keys = root.keys.union(keys)
            self._evaluate_values(list(missing))
            if not missing:
                return readers

    def _offers(self) -> _Offers:
        return _Offers((*self._roots, *self._recorded), self._may_read_output)

    def _may_read_output(self, reader: LinkedRoot, output: str) -> bool:
        if id(reader) not in self._outputs:
            self._outputs[id(reader)] = self._texts.outputs_read(reader.unit)
        return not self._outputs[id(reader)].isdisjoint((output, ALL_OUTPUTS))

    def _evaluate(self, roots: Iterable[LinkedRoot]) -> None:
        """Evaluate the names of what roots read and pass, with the links that they have so far."""
        missing = [root for root in roots if root.surface is None]
        for root, surface in zip(missing, self._surfaces(missing, with_reads=True), strict=True):
            root.surface = surface

    def _evaluate_values(self, roots: Sequence[LinkedRoot]) -> None:
        """Evaluate the values with the ``keys`` of Terraform roots, with the links that these have so far."""
        for root, found in zip(roots, self._surfaces(roots, with_reads=False), strict=True):
            others = (offer for offer in root.known.offers if offer.key not in root.keys)
            reads = tuple(dict.fromkeys((*root.known.reads, *found.reads)))
            root.surface = replace(found, reads=reads, offers=(*found.offers, *others), account=root.known.account)

    def _surfaces(self, roots: Sequence[LinkedRoot], *, with_reads: bool) -> Iterator[LinkSurface]:
        asked = {
            (root.unit.path, root.unit.only): (root.text.offers, None if with_reads else root.keys) for root in roots
        }
        evaluate = partial(
            _evaluated,
            inputs=self._inputs,
            asked=asked,
            idle_modules=self._texts.idle_modules if roots else frozenset(),
            with_reads=with_reads,
        )
        units = [replace(root.unit, links=root.links) for root in roots]
        return answers_of(units, evaluate, self._distribute, self._seconds)


def _evaluated(
    unit: Unit,
    inputs: Inputs,
    asked: Mapping[tuple[Path, Path | None], tuple[frozenset[LinkKind], frozenset[Key] | None]],
    idle_modules: frozenset[Path],
    *,
    with_reads: bool,
) -> LinkSurface:
    kinds, keys = asked[unit.path, unit.only]
    return surface_of(unit, inputs, kinds, keys, lambda folder: folder not in idle_modules, with_reads=with_reads)


def surface_of(
    unit: Unit,
    inputs: Inputs,
    kinds: Collection[LinkKind],
    keys: Container[Key] | None,
    modules: Callable[[Path], bool],
    *,
    with_reads: bool = True,
) -> LinkSurface:
    """Return what a root reads and passes, evaluated with its links; nothing if it cannot be read.

    Other arguments: as for Terraform's ``read_links``. Of a template, everything is evaluated.
    """
    try:
        with deadline.limited(deadline.SECONDS, deadline.SECONDS_PER_MEGABYTE), links_of_context(unit.links):
            if unit.framework is Framework.TERRAFORM:
                from passrole_checks.sources import terraform  # slow to import; Terraform only

                return terraform.read_links(
                    unit.path,
                    boundary=unit.boundary,
                    beside=unit.beside,
                    inputs=inputs,
                    kinds=kinds,
                    keys=keys,
                    modules=modules,
                    with_reads=with_reads,
                )
            from passrole_checks.sources import cloudformation

            content = template_text(unit)
            deadline.grant(len(content))
            return cloudformation.read_links(
                unit.path, content, boundary=unit.boundary, beside=unit.beside, inputs=inputs
            )
    except (InputError, deadline.OutOfTimeError):  # the scan of the unit reports it
        return LinkSurface()


def links_between(readers: Sequence[LinkedRoot], others: Iterable[LinkedRoot]) -> list[tuple[Link, ...]]:
    """Return, for each of ``readers``, the values that the other ones and ``others`` pass to it, as far as they were
    evaluated."""
    offers = _Offers([*readers, *others], lambda reader, output: True)
    return list(map(offers.for_root, readers))


def _names_offered(roots: Iterable[LinkedRoot], kind: LinkKind) -> frozenset[bytes]:
    """Return the names of the values of a kind that roots pass, as in a text."""
    names = (offer.name for root in roots for offer in root.known.offers if offer.kind is kind)
    return frozenset(_as_text(name) for name in names if name.literal is not None or _form(name) is not None)


def _as_text(name: StringNode) -> bytes:
    return "".join(part if isinstance(part, str) else "${}" for part in name.parts).encode("utf-8", "replace")


def _set(root: LinkedRoot, links: tuple[Link, ...]) -> bool:
    root.links = links
    return True


class _Offers:
    """The values that roots pass to others, by kind."""

    def __init__(self, roots: Iterable[LinkedRoot], may_read_output: Callable[[LinkedRoot, str], bool]) -> None:
        self._may_read_output = may_read_output
        self._literal: dict[tuple[LinkKind, str], list[_Offered]] = {}
        self._forms: dict[LinkKind, _FormIndex] = {}
        for root in roots:
            for offer in root.known.offers:
                name, form = offer.name.literal, _form(offer.name)
                if name is not None:
                    self._literal.setdefault((offer.kind, name), []).append((root, offer))
                if form is not None:
                    self._forms.setdefault(offer.kind, _FormIndex()).add(form, (root, offer))

    def for_root(self, reader: LinkedRoot) -> tuple[Link, ...]:
        """Return the links of a root."""
        return tuple(dict.fromkeys(link for read in reader.known.reads for link in self._links(reader, read)))

    def without_value(self, readers: Sequence[LinkedRoot]) -> dict[LinkedRoot, set[Key]]:
        """Return the keys of the values that some of these roots read, and that were not evaluated."""
        found: dict[LinkedRoot, set[Key]] = {}
        for reader in readers:
            for read in reader.known.reads:
                for root, offer in self._candidates(reader, read):
                    if offer.value is None:
                        found.setdefault(root, set()).add(offer.key)
        return found

    def _candidates(self, reader: LinkedRoot, read: LinkRead) -> list[_Offered]:
        """Return the values that a root may mean; none if there are too many."""
        literal = read.name.literal
        exact = self._literal.get((read.kind, literal), []) if literal is not None else []
        candidates = [one for one in exact if _may_share(reader, one[0], read)] or self._best(reader, read)
        if len({id(root) for root, _ in candidates}) > _MAX_CANDIDATES:
            return []
        return [one for one in candidates if not one[1].output or self._may_read_output(reader, one[1].output)]

    def _links(self, reader: LinkedRoot, read: LinkRead) -> Iterator[Link]:
        given: dict[str, list[Link]] = {}
        for root, offer in self._candidates(reader, read):
            if offer.value is None:
                continue
            link = _link(reader, root, read, offer, offer.value)
            same = given.setdefault(offer.output, [])
            if all(without_origin(link.value) != without_origin(other.value) for other in same):
                same.append(link)
        for links in given.values():
            yield from (replace(link, inferred=link.inferred or len(links) > 1) for link in links)

    def _best(self, reader: LinkedRoot, read: LinkRead) -> list[_Offered]:
        """Return the values whose names fit best to a name with unresolved parts, or fit to it with such parts."""
        form, ranked = _form(read.name), dict[int, list[_Offered]]()
        if form is None or read.kind not in self._forms:
            return []
        for other, offered in self._forms[read.kind].near(form):
            deadline.check()
            rank = _rank(form, other)
            shared = [one for one in offered if _may_share(reader, one[0], read)] if rank is not None else []
            if rank is not None and shared:
                ranked.setdefault(rank, []).extend(shared)
        return ranked[min(ranked)] if ranked else []


_Offered = tuple[LinkedRoot, LinkOffer]


def _may_share(reader: LinkedRoot, root: LinkedRoot, read: LinkRead) -> bool:
    """True if a root may pass a value to another: both are in one account, as far as that is known.

    A state may be of another account. A local state is a file of the same tree.
    """
    if root is reader:
        return False
    if read.kind is LinkKind.STATE:
        return not str(read.name).startswith("local:") or root.unit.boundary == reader.unit.boundary
    accounts = {reader.known.account, root.known.account} - {None}
    return len(accounts) < 2


def _link(reader: LinkedRoot, root: LinkedRoot, read: LinkRead, offer: LinkOffer, value: Node) -> Link:
    stack = root.known.stack
    is_of_stack = offer.kind is LinkKind.EXPORT and bool(stack)
    place = stack if is_of_stack else place_of(root.unit, reader.unit)
    account = root.known.account if root.known.account != reader.known.account else None
    seen = seen_by_others(value, origin_of(root, offer, reader.unit), place, account)
    is_named = read.name.literal is not None and read.name.literal == offer.name.literal
    return Link(read.kind, str(read.name), offer.output, seen, place, offer.at, inferred=not is_named)


def origin_of(root: LinkedRoot, offer: LinkOffer, seen_from: Unit) -> str:
    """Return where a value is from, in words."""
    named, stack = shortened(offer.output or str(offer.name)), root.known.stack
    if offer.kind is LinkKind.EXPORT and stack:
        return f"the export `{named}` of stack `{stack}`{repository_in_words(root.unit, seen_from)}"
    return f"the {_ORIGINS.get(offer.kind, 'output')} `{named}` of {in_words(root.unit, seen_from)}"


# -- names with unresolved parts


_Form = tuple[str | None, ...]  # literal parts, None for an unresolved one


class _FormIndex:
    """Values by the form of their names, found by how these begin."""

    def __init__(self) -> None:
        self._by_begin: dict[str, dict[_Form, list[_Offered]]] = {}
        self._begins: list[str] = []  # sorted, when they are asked for

    def add(self, form: _Form, offered: _Offered) -> None:
        """Add a value."""
        self._by_begin.setdefault(form[0] or "", {}).setdefault(form, []).append(offered)

    def near(self, form: _Form) -> Iterator[tuple[_Form, list[_Offered]]]:
        """Yield the forms that may fit to another one by their literal beginnings and ends, with their values."""
        if len(self._begins) != len(self._by_begin):
            self._begins = sorted(self._by_begin)
        begin, end = form[0] or "", form[-1] or ""
        shorter = (begin[:length] for length in range(len(begin)))
        longer = self._begins[bisect_left(self._begins, begin) :]
        for known in (*shorter, *takewhile(lambda one: one.startswith(begin), longer)):
            for other, offered in self._by_begin.get(known, {}).items():
                end_of_other = other[-1] or ""
                if end.endswith(end_of_other) or end_of_other.endswith(end):
                    yield other, offered


def _form(name: StringNode) -> _Form | None:
    """Return the form of a name; None if it has no part that distinguishes it, or is too long for a name."""
    text = "".join(part for part in name.parts if isinstance(part, str))
    is_specific = sum(sign.isalnum() for sign in text.partition(":")[2] or text) >= _LEAST_SIGNS
    if not is_specific or len(text) > _LONGEST_NAME or len(name.parts) > _LONGEST_NAME:
        return None
    return tuple(part if isinstance(part, str) else None for part in name.parts)


@lru_cache(maxsize=65536)
def _rank(one: _Form, other: _Form) -> int | None:
    """Return how well two names fit, None if they do not: 0 for the same form, 1 if a pattern matches a name, 2 if a
    pattern includes another one. Two patterns that only may be equal are no sign of a link."""
    if one == other:
        return 0
    if not (_includes(one, other) or _includes(other, one)):
        return None
    return 2 if None in one and None in other else 1


def _includes(pattern: _Form, form: _Form) -> bool:
    """True if a name as a pattern, with any text in place of unresolved parts, matches all names of a form."""
    if None not in pattern:
        return False
    written = "".join(glob.STAR if part is None else glob.escape(part) for part in pattern)
    return glob.must_match(written, "".join(glob.ANY_TEXT if part is None else glob.escape(part) for part in form))
