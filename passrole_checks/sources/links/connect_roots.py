"""Find which roots pass values to others, and give each root the values that it reads.

Texts alone tell which roots may read or pass values; only these are evaluated for it, and only if both are there.
The result does not depend on the order of the roots. A value that others pass may depend on one that a third root
does; values that depend on each other in a circle are left unresolved.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.iam import deadline
from passrole_checks.iam.grouped import grouped
from passrole_checks.iam.values.nodes import strings_in
from passrole_checks.sources.links import follow_links
from passrole_checks.sources.links.follow_links import LinkedRoot, LinkFollower, ScanAgain, origin_of
from passrole_checks.sources.links.link_texts import IamName, LinkText, named_among, union_of
from passrole_checks.sources.links.root_texts import LinkTexts
from passrole_checks.sources.model.configuration import Framework, Inputs, NamedEntities
from passrole_checks.sources.model.links import EntityRequest, Link, LinkKind, LinkOffer, LinkRequest, LinkSurface
from passrole_checks.sources.model.named_entities import entities_for
from passrole_checks.sources.model.recorded_roots import RecordedRoot
from passrole_checks.sources.unit import RECORDED, Unit, in_words, place_of
from passrole_checks.sources.unit_tasks import Distribute

_MAX_HOLDERS = 50  # roots that give policies to one principal
_MAX_DECLARERS = 10  # roots that declare one name
_SECONDS = 60.0  # of processor time
_NOTHING: Mapping[int, LinkSurface] = {}


def connect_roots(
    units: Sequence[Unit],
    inputs: Inputs,
    recorded: Sequence[RecordedRoot] = (),
    distribute: Distribute | None = None,
    texts: LinkTexts | None = None,
) -> tuple[Unit, ...]:
    """Return the units, those that read values of others with these values, and those that name roles and policies of
    others with these.

    ``recorded``: roots of repositories that are not scanned. ``distribute``: has other processes evaluate units.
    ``texts``: of the folders that were read so far. Raises :class:`OutOfTimeError` if that takes too long, and
    :class:`WorkerEndedError` if a unit ends these processes. Never raises for the content of files.
    """
    return ConnectedRoots(units, inputs, texts or LinkTexts(inputs), recorded).connected(units, distribute)


class ConnectedRoots:
    """The roots among units that may pass values to others, or declare roles and policies that others name.

    ``requests``: what their configurations should contain for that, by the numbers of the units. ``naming``: of a unit
    that names roles and policies, the units that declare them or give policies to them, each with the number of the
    request there; the numbers of ``recorded`` roots, of repositories that are not scanned, follow those of the units.
    ``texts``: of the folders that were read so far.
    """

    def __init__(
        self, units: Sequence[Unit], inputs: Inputs, texts: LinkTexts, recorded: Sequence[RecordedRoot] = ()
    ) -> None:
        self._inputs, self._texts = inputs, texts
        self._recorded = list(map(_recorded_root, recorded))
        own = [texts.of(unit) for unit in units] if len(units) + len(recorded) > 1 else []
        found = list(_one_for_each_folder(zip(units, own, strict=False)))
        every = [*found, *(root.text for root in self._recorded)] if found else []
        kinds = {kind for kind in LinkKind if _is_connected(every, kind)}
        self._concerned = {number: text for number, text in enumerate(found) if text.concerns(kinds)}
        self.naming: dict[int, list[tuple[int, int]]] = {}
        entities: dict[int, list[EntityRequest]] = {}
        every_unit = [*units, *(root.unit for root in self._recorded)]
        requested = [
            (other, _request(every_unit[other], units[number], names, shared), number)
            for number, other, names, shared in _named_elsewhere(own, every)
        ]
        # in an order that does not depend on that of the roots
        for other, request, number in sorted(requested, key=lambda one: (one[1].root, one[1].origin, one[1].names)):
            requests = entities.setdefault(other, [])
            self.naming.setdefault(number, []).append((other, len(requests)))
            requests.append(request)
        self._of_recorded = {
            number: entities_for(declared, entities[number])
            for number, root in enumerate(self._recorded, len(units))
            if number in entities and (declared := root.declared) is not None
        }
        reads = union_of(text for text in self._concerned.values() if text.reads)
        offers = {
            number: tuple(sorted(text.offers)) if text.may_pass_value_to(reads) else ()
            for number, text in self._concerned.items()
        }
        asked = {number for number, asked_kinds in offers.items() if asked_kinds or self._concerned[number].reads}
        self.requests = {
            number: LinkRequest(offers.get(number, ()), tuple(entities.get(number, ())))
            for number in sorted(asked.union(entities))
            if number < len(units)
        }

    def connected(self, units: Sequence[Unit], distribute: Distribute | None = None) -> tuple[Unit, ...]:
        """Return the units with their links and entities, as :func:`connect_roots` does."""
        linked = self.with_links(units, distribute=distribute)
        return self.with_entities(linked, self._load_entities(linked))

    def with_links(
        self,
        units: Sequence[Unit],
        scanned: Mapping[int, LinkSurface] = _NOTHING,
        scan: ScanAgain | None = None,
        distribute: Distribute | None = None,
    ) -> tuple[Unit, ...]:
        """Return the units with their links.

        ``scanned``: what their configurations contain, as far as they were asked. ``scan``: scans those again that get
        links. ``distribute``: as of :func:`connect_roots`. Raises :class:`OutOfTimeError` and
        :class:`WorkerEndedError`.
        """
        roots = {
            number: LinkedRoot(units[number], text, scanned.get(number), number=number)
            for number, text in self._concerned.items()
        }
        if roots:
            follower = LinkFollower(roots.values(), self._recorded, self._inputs, self._texts, distribute, _SECONDS)
            follower.follow(scan)
        return tuple(
            replace(unit, links=roots[number].links) if number in roots and roots[number].links else unit
            for number, unit in enumerate(units)
        )

    def with_entities(
        self, units: Sequence[Unit], declared: Mapping[int, Sequence[NamedEntities | None]]
    ) -> tuple[Unit, ...]:
        """Return the units with the roles and policies that they name. ``declared``: the answers to the requests."""
        answers = {**self._of_recorded, **declared}
        result = list(units)
        for number, asked in self.naming.items():
            found = (answers[other][place] for other, place in asked if other in answers)
            entities = tuple(sorted(filter(None, found), key=lambda one: one.origin))  # in any order of the roots
            if entities != units[number].entities:
                result[number] = replace(units[number], entities=entities)
        return tuple(result)

    def _load_entities(self, units: Sequence[Unit]) -> dict[int, tuple[NamedEntities | None, ...]]:
        """Return the roles and policies that others name, by the units that declare them; a unit that cannot be read,
        which its scan reports, declares none. Raises :class:`OutOfTimeError`."""
        from passrole_checks.sources import detect

        found: dict[int, tuple[NamedEntities | None, ...]] = {}
        with deadline.limited(_SECONDS):
            for number, request in self.requests.items():
                if request.entities:
                    try:
                        found[number] = entities_for(detect.load(units[number], inputs=self._inputs), request.entities)
                    except InputError:
                        continue
        return found


def links_between(readers: Sequence[RecordedRoot], others: Iterable[RecordedRoot]) -> list[tuple[Link, ...]]:
    """Return, for each of ``readers``, the values that the other ones and ``others`` pass to it."""
    return follow_links.links_between(list(map(_recorded_root, readers)), map(_recorded_root, others))


def depends_on_itself(recorded: RecordedRoot, offer: LinkOffer) -> bool:
    """True if other repositories passed a value to a root that they have from the same value of it."""
    own = origin_of(_recorded_root(recorded), offer, Unit(Framework.TERRAFORM, RECORDED))
    return offer.value is not None and any(own in text.defaults for text in strings_in(offer.value))


def _recorded_root(recorded: RecordedRoot) -> LinkedRoot:
    repository = RECORDED / recorded.repository
    unit = Unit(recorded.entities.framework, Path(os.path.normpath(repository / recorded.path)), boundary=repository)
    offers = frozenset(offer.kind for offer in recorded.surface.offers)
    text = LinkText(offers=offers, names_declared=recorded.declared, names_held=recorded.held)
    return LinkedRoot(unit, text, surface=recorded.surface, declared=recorded.entities)


def _one_for_each_folder(found: Iterable[tuple[Unit, LinkText]]) -> Iterator[LinkText]:
    """Yield the texts of units; of several files of one folder, given by name, only the first passes values."""
    folders = set[Path]()
    for unit, text in found:
        yield text if unit.only is None or unit.path not in folders else text.of_reader()
        folders.add(unit.path)


def _named_elsewhere(
    texts: Sequence[LinkText], passing: Sequence[LinkText]
) -> Iterator[tuple[int, int, list[IamName], set[IamName]]]:
    """Yield a root, another root, and the roles and policies that concern both: the first one names them and only the
    other one declares them, or the other one gives policies to roles that the first one names or declares; and the
    roles among these that further roots declare.

    ``texts``: what the roots read and declare; ``passing``: what these, and others, pass to others.
    """
    numbered = list(enumerate(passing))
    declaring = grouped((name, number) for number, text in numbered for name in text.names_declared)
    holding = grouped((name, number) for number, text in numbered for name in text.names_held)
    for number, text in enumerate(texts) if declaring else ():
        named = {
            name: {other for one in declared for other in declaring[one]}
            for name, declared in named_among(text.names_read, declaring).items()
        }
        wanted = list(_wanted(text, named, declaring, holding))
        shared = {name for name, _ in wanted if len(named.get(name, ())) > 1}
        asked = grouped((other, name) for name, others in wanted for other in others if other != number)
        yield from ((number, other, names, shared) for other, names in sorted(asked.items()))


def _wanted(
    text: LinkText,
    named: Mapping[IamName, Collection[int]],
    declaring: Mapping[IamName, Collection[int]],
    holding: Mapping[IamName, Collection[int]],
) -> Iterator[tuple[IamName, Collection[int]]]:
    """Yield names with the roots that declare them, or that give policies to them. ``named``: those that a root names,
    with the roots that may declare them."""
    for name, others in named.items():
        if name not in text.names_declared and len(others) <= _MAX_DECLARERS:
            yield name, others
    for name in holding.keys() & {*named, *text.names_declared, *text.names_held}:
        if len(named.get(name) or declaring.get(name, ())) == 1 and len(holding[name]) <= _MAX_HOLDERS:
            yield name, holding[name]


def _request(unit: Unit, reader: Unit, names: Iterable[IamName], shared: Iterable[IamName]) -> EntityRequest:
    asked, others = (
        tuple(sorted({(kind.decode(), name.decode().lower()) for kind, name in one})) for one in (names, shared)
    )
    return EntityRequest(asked, place_of(unit, reader), f"the code of {in_words(unit, reader)}", others)


def _is_connected(texts: Sequence[LinkText], kind: LinkKind) -> bool:
    """True if a root may read a value of this kind that another one passes."""
    readers = {number for number, text in enumerate(texts) if kind in text.reads}
    offering = {number for number, text in enumerate(texts) if kind in text.offers}
    return bool(readers and offering) and len(readers | offering) > 1
