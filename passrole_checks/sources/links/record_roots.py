"""Record what the roots of a repository declare by name and pass to others, for scans of other repositories.

Values that the code declares to be secret are left out; see :mod:`passrole_checks.sources.model.secrets`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from passrole_checks.errors import InputError
from passrole_checks.iam.values.nodes import Node, Part, Position, StringNode, Unresolved, map_strings, strings_in
from passrole_checks.sources import detect
from passrole_checks.sources.inventory.values import value_to_json
from passrole_checks.sources.links.connect_roots import connect_roots, depends_on_itself, links_between
from passrole_checks.sources.links.follow_links import surface_of
from passrole_checks.sources.links.link_texts import LinkText
from passrole_checks.sources.links.root_texts import LinkTexts
from passrole_checks.sources.model.configuration import Configuration, Inputs
from passrole_checks.sources.model.links import (
    EVERY_KEY,
    EntityRequest,
    Link,
    LinkKind,
    LinkOffer,
    LinkSurface,
    is_too_long,
)
from passrole_checks.sources.model.named_entities import entities_of
from passrole_checks.sources.model.principal_names import kind_of
from passrole_checks.sources.model.recorded_roots import RecordedRoot
from passrole_checks.sources.model.secrets import hiding_secrets
from passrole_checks.sources.unit import Unit


def record_roots(
    units: Sequence[Unit], inputs: Inputs, recorded: Sequence[RecordedRoot], names: Mapping[Path, str]
) -> tuple[list[RecordedRoot], list[Path]]:
    """Return the roots among ``units`` that pass something to others, and the files of those that cannot be read.

    ``recorded``: the roots of other repositories. ``names``: the names of the repositories, by the folder around each.
    """
    texts = LinkTexts(inputs)
    found: list[RecordedRoot] = []
    unreadable: list[Path] = []
    with hiding_secrets():
        for unit in connect_roots(units, inputs, recorded):
            text, around = texts.of(unit), unit.boundary or unit.folder
            is_whole = unit.only is None  # not one file, given by name
            if around not in names or not is_whole or not (text.offers or text.names_declared or text.names_held):
                continue
            try:
                entities = _entities(unit, text, inputs)
            except InputError:
                unreadable.append(unit.path)
                continue
            surface = _surface(unit, text, inputs, texts)
            if surface.offers or entities.roles or entities.users or entities.policies:
                path = unit.path.relative_to(around).as_posix()
                here = {(b"role", str(role.name).encode()) for role in entities.roles}
                types = {one.address: one.type for one in entities.resources}
                here |= {(kind_of(types[address]).encode(), str(name).encode()) for address, name in entities.users}
                held = text.names_held & here
                root = RecordedRoot(names[around], path, surface, entities, text.names_declared, held)
                found.append(replace(root, surface=replace(surface, offers=tuple(_without_circles(root)))))
    given = links_between(found, recorded)
    return [replace(root, given=digest(links)) for root, links in zip(found, given, strict=True)], unreadable


def outdated(readers: Sequence[RecordedRoot], others: Iterable[RecordedRoot]) -> list[RecordedRoot]:
    """Return those of ``readers`` that were read with other values than they and ``others`` pass now."""
    pairs = zip(readers, links_between(readers, others), strict=True)
    return [root for root, links in pairs if root.given != digest(links)]


def digest(links: Sequence[Link]) -> str:
    """Return a digest of the values that others pass to a root; empty if they pass none."""
    if not links:
        return ""
    found = [[link.kind.value, link.name, link.output, link.root, value_to_json(link.value)] for link in links]
    return sha256(json.dumps(sorted(map(json.dumps, found))).encode()).hexdigest()[:16]


def _surface(unit: Unit, text: LinkText, inputs: Inputs, texts: LinkTexts) -> LinkSurface:
    if not text.offers:
        return LinkSurface()
    surface = surface_of(unit, inputs, text.offers, EVERY_KEY, texts.concerns_module)
    return replace(surface, offers=tuple(_shared(surface.offers)))


def _shared(offers: Sequence[LinkOffer]) -> Iterator[LinkOffer]:
    """Yield what other repositories can read: a state that is a local file is none of it."""
    for offer in offers:
        if not (offer.kind is LinkKind.STATE and str(offer.name).startswith("local:")):
            yield replace(offer, value=_cut(offer.value) if offer.value is not None else None)


def _without_circles(root: RecordedRoot) -> Iterator[LinkOffer]:
    """Yield the values of a root; those that depend on themselves are unresolved, so that they do not grow each time
    that they are recorded."""
    for offer in root.surface.offers:
        if offer.value is not None and depends_on_itself(root, offer):
            origins = dict.fromkeys(name for text in strings_in(offer.value) for name in text.defaults)
            part = Unresolved(offer.output or str(offer.name), reason="refers to itself")
            offer = replace(offer, value=StringNode((part,), offer.at, defaults=tuple(sorted(origins))))
        yield offer


def _entities(unit: Unit, text: LinkText, inputs: Inputs) -> Configuration:
    """Return the principals and policies that a root declares, or gives policies to, by literal names. Raises
    :class:`InputError`."""
    empty, names = Configuration(unit.framework, ()), text.names_declared | text.names_held
    if not names:
        return empty
    asked = tuple((kind.decode(), name.decode().lower()) for kind, name in names)
    own = replace(unit, entities=())  # others record what is theirs
    found = entities_of(detect.load(own, inputs=inputs), EntityRequest(asked, "", ""))
    if found is None:
        return empty
    whole = found.configuration
    return replace(whole, policies=tuple(replace(one, document=_cut(one.document)) for one in whole.policies))


def _cut(value: Node) -> Node:
    """Return a value as it is recorded: not too long, and without expressions that contain a secret."""
    if is_too_long(value):
        return StringNode((Unresolved("…", reason="too long"),), Position("", 0))
    return map_strings(value, lambda text: replace(text, parts=tuple(map(_without_secret, text.parts))), keys=True)


def _without_secret(part: Part) -> Part:
    is_secret = isinstance(part, Unresolved) and "sensitive(" in part.expression
    return replace(part, expression="sensitive(…)") if isinstance(part, Unresolved) and is_secret else part
