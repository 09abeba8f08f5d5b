"""Find which roots pass values to others, and give each root the values that it reads.

Texts alone tell which roots may read or pass values; only these are evaluated for it, and only if both are there.
The result does not depend on the order of the roots. A value that others pass may depend on one that a third root
does; values that depend on each other in a circle are left unresolved.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TypedDict

from passrole_checks.errors import InputError
from passrole_checks.escaping.shorten import shortened
from passrole_checks.iam import deadline
from passrole_checks.iam.partial_values import StringNode, strings_in
from passrole_checks.iam.patterns import glob
from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.link_texts import ALL_OUTPUTS, IamName, LinkText, last_place, link_text, union_of
from passrole_checks.sources.model.configuration import Configuration, Framework, Inputs, NamedEntities
from passrole_checks.sources.model.links import (
    Link,
    LinkKind,
    LinkOffer,
    LinkRead,
    LinkSurface,
    links_of_context,
    seen_by_others,
    without_origin,
)
from passrole_checks.sources.model.named_entities import entities_of
from passrole_checks.sources.model.recorded_roots import RecordedRoot
from passrole_checks.sources.recognize import LARGEST_PLAN
from passrole_checks.sources.text_references import terraform_references
from passrole_checks.sources.unit import Unit
from passrole_checks.sources.unit_tasks import Distribute, answers_of

_MAX_ROUNDS = 5  # values of values of values
_MAX_CANDIDATES = 8  # roots that may pass one value
_MAX_HOLDERS = 50  # roots that give policies to one role
_LEAST_SIGNS = 3  # letters and digits of a name with unresolved parts
_LONGEST_NAME = 500
_LONGEST_FILE = 20_000_000  # bytes
_SECONDS = 60.0  # of processor time
_TEMPLATES = frozenset({Framework.CLOUDFORMATION, Framework.SAM})
_ORIGINS = {LinkKind.EXPORT: "export", LinkKind.PARAMETER: "SSM parameter"}


def connect_roots(
    units: Sequence[Unit],
    inputs: Inputs,
    recorded: Sequence[RecordedRoot] = (),
    distribute: Distribute | None = None,
) -> tuple[Unit, ...]:
    """Return the units, those that read values of others with these values.

    ``recorded``: roots of repositories that are not scanned. ``distribute``: has other processes evaluate units. Raises
    :class:`OutOfTimeError` if that takes too long, and :class:`WorkerEndedError` if a unit ends them. Never raises for
    the content of files.
    """
    if len(units) + len(recorded) < 2:
        return tuple(units)
    texts = LinkTexts(inputs)
    own = [texts.of(unit) for unit in units]
    found = list(_one_for_each_folder(zip(units, own, strict=True)))
    others = list(map(_recorded_root, recorded))
    kinds = {
        kind for kind in LinkKind if _is_connected([*(text for _, text in found), *(one.text for one in others)], kind)
    }
    connected = tuple(units)
    with deadline.limited(_SECONDS):
        if kinds:
            concerned = [(unit, text) for unit, text in found if text.concerns(kinds)]
            connected = _Connections(concerned, inputs, texts.idle_modules, others, distribute).connect(units)
        return _with_entities(
            connected, own, [*(text for _, text in found), *(one.text for one in others)], inputs, others
        )


def _one_for_each_folder(found: Iterable[tuple[Unit, LinkText]]) -> Iterator[tuple[Unit, LinkText]]:
    """Yield units with their texts; of several files of one folder, given by name, only the first passes values."""
    folders = set[Path]()
    for unit, text in found:
        yield unit, text if unit.only is None or unit.path not in folders else text.of_reader()
        folders.add(unit.path)


def _with_entities(
    units: Sequence[Unit],
    texts: Sequence[LinkText],
    passing: Sequence[LinkText],
    inputs: Inputs,
    recorded: Sequence[_Root],
) -> tuple[Unit, ...]:
    """Return the units, those that name roles and policies which one other unit declares with these, and with what
    others give to such a role.

    ``texts``: what the units read and declare; ``passing``: what these, and the recorded roots, pass to others.
    """
    declaring: dict[IamName, list[int]] = {}
    holding: dict[IamName, list[int]] = {}
    for number, text in enumerate(passing):
        for places, known in ((declaring, text.names_declared), (holding, text.names_held)):
            for name in known:
                places.setdefault(name, []).append(number)
    every = [*units, *(root.unit for root in recorded)]
    loaded: dict[int, Configuration | None] = {len(units) + at: root.declared for at, root in enumerate(recorded)}
    result = list(units)
    for number, text in enumerate(texts) if declaring else ():
        asked: dict[int, list[IamName]] = {}
        for name in sorted(text.names_read - text.names_declared):
            declarers = declaring.get(name, [])
            if len(declarers) == 1 and declarers[0] != number:
                asked.setdefault(declarers[0], []).append(name)
        for name in sorted(text.names_declared | text.names_held):
            holders = holding.get(name, []) if len(declaring.get(name, [])) == 1 else []
            for other in holders if len(holders) <= _MAX_HOLDERS else ():
                if other != number:
                    asked.setdefault(other, []).append(name)
        entities: list[NamedEntities | None] = []
        for other, names in sorted(asked.items()):
            found = _loaded(every[other], other, inputs, loaded)
            if found is not None:
                roles, policies = (_of_kind(kind, names) for kind in (b"role", b"policy"))
                place, where = _place(every[other], units[number]), _in_words(every[other], units[number])
                entities.append(entities_of(found, roles, policies, place, f"the code of {where}"))
        if any(entities):
            result[number] = replace(units[number], entities=tuple(filter(None, entities)))
    return tuple(result)


def _loaded(unit: Unit, number: int, inputs: Inputs, loaded: dict[int, Configuration | None]) -> Configuration | None:
    """Return what a unit declares; None if it cannot be read, which its scan reports."""
    from passrole_checks.sources import detect

    if number not in loaded:
        try:
            loaded[number] = detect.load(unit, inputs=inputs)
        except InputError:
            loaded[number] = None
    return loaded[number]


def _of_kind(kind: bytes, names: Iterable[IamName]) -> frozenset[str]:
    return frozenset(name.decode().lower() for one, name in names if one == kind)


def _is_connected(texts: Sequence[LinkText], kind: LinkKind) -> bool:
    """True if a root may read a value of this kind that another one passes."""
    readers = {number for number, text in enumerate(texts) if kind in text.reads}
    offering = {number for number, text in enumerate(texts) if kind in text.offers}
    return bool(readers and offering) and len(readers | offering) > 1


class LinkTexts:
    """Search of the texts of units for links."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._folders: dict[Path, tuple[LinkText, frozenset[Path]]] = {}
        self._concerned: dict[Path, bool] = {}

    @property
    def idle_modules(self) -> frozenset[Path]:
        """The folders of known modules that, with those that they call, neither read nor pass values."""
        return frozenset(folder for folder in self._folders if not self.concerns_module(folder))

    def concerns_module(self, folder: Path) -> bool:
        """True if the module in a folder, or one that it calls, may read or pass values; also for unknown folders."""
        if folder not in self._concerned:
            self._concerned[folder] = False  # ends a circle
            text, called = self._folders.get(folder, (None, ()))
            is_concerned = text is None or bool(text.reads or text.of_module().offers)
            self._concerned[folder] = is_concerned or any(map(self.concerns_module, called))
        return self._concerned[folder]

    def of(self, unit: Unit) -> LinkText:
        """Return what the text of a unit says; for a Terraform root, with that of the local modules that it calls."""
        if unit.framework in _TEMPLATES:
            return link_text(_template_text(unit).encode("utf-8", "replace"), is_terraform=False)
        if unit.framework is not Framework.TERRAFORM or is_terragrunt(unit.path):
            return LinkText()
        result, seen, pending = LinkText(), set[Path](), [unit.path]
        while pending:
            folder = pending.pop()
            if folder not in seen:
                seen.add(folder)
                text, called = self._folder(folder, unit)
                result |= text if folder == unit.path else text.of_module()
                pending += called
        return result

    def _folder(self, folder: Path, unit: Unit) -> tuple[LinkText, frozenset[Path]]:
        if folder not in self._folders:
            from passrole_checks.sources.terraform.reading.files import terraform_files  # slow to import

            text, called = LinkText(), set[Path]()
            for file in terraform_files(folder, self._inputs.exclusions) if unit.readable.allows(folder) else ():
                try:
                    data = unit.readable.read(file, _LONGEST_FILE)
                except OSError:
                    continue
                text |= link_text(data, is_terraform=True)
                called |= {Path(os.path.normpath(folder / name)) for name in terraform_references(data).folders}
            self._folders[folder] = text, frozenset(called)
        return self._folders[folder]


def _template_text(unit: Unit) -> str:
    if unit.content is not None:
        return unit.content
    try:
        return unit.readable.read(unit.path, LARGEST_PLAN).decode("utf-8-sig", "replace")
    except OSError:
        return ""


@dataclass(eq=False)
class _Root:
    """A root that reads or passes values. ``declared``: what it declares by name, if it is not scanned."""

    unit: Unit
    text: LinkText
    surface: LinkSurface = field(default_factory=LinkSurface)
    links: tuple[Link, ...] = ()
    declared: Configuration | None = None


def links_between(readers: Sequence[RecordedRoot], others: Iterable[RecordedRoot]) -> list[tuple[Link, ...]]:
    """Return, for each of ``readers``, the values that the other ones and ``others`` pass to it."""
    roots = list(map(_recorded_root, readers))
    offers = _Offers([*roots, *map(_recorded_root, others)])
    return list(map(offers.for_root, roots))


_RECORDED = Path(os.sep, "passrole-checks inventory")  # stands for the folder of repositories that are not scanned


def _recorded_root(recorded: RecordedRoot) -> _Root:
    repository = _RECORDED / recorded.repository
    unit = Unit(recorded.entities.framework, Path(os.path.normpath(repository / recorded.path)), boundary=repository)
    offers = frozenset(offer.kind for offer in recorded.surface.offers)
    text = LinkText(offers=offers, names_declared=recorded.declared, names_held=recorded.held)
    return _Root(unit, text, recorded.surface, declared=recorded.entities)


class _Connections:
    def __init__(
        self,
        found: Iterable[tuple[Unit, LinkText]],
        inputs: Inputs,
        idle_modules: frozenset[Path],
        recorded: Sequence[_Root],
        distribute: Distribute | None,
    ) -> None:
        self._recorded, self._distribute = recorded, distribute
        self._roots = [_Root(unit, text) for unit, text in sorted(found, key=lambda one: str(one[0].path))]
        wanted = frozenset[str]().union(*(root.text.outputs for root in self._roots))
        self._evaluate = partial(_evaluated, inputs=inputs, wanted=wanted, idle_modules=idle_modules)

    def connect(self, units: Sequence[Unit]) -> tuple[Unit, ...]:
        """Return the units with their links.

        Evaluated are the roots whose texts do not say what they read, those that may pass a value to a reader, and the
        readers for which a value was found.
        """
        vague = {root for root in self._roots if root.text.reads_vaguely}
        self._evaluate_all(vague)
        reads = [replace(root.text, **_names_read(root.surface)) for root in vague]
        reads += [root.text for root in self._roots if root.text.reads and root not in vague]
        offering = {root for root in self._roots if root.text.may_pass_value_to(union_of(reads))} - vague
        self._evaluate_all(offering)
        names = {kind: _names_offered((*offering, *vague, *self._recorded), kind) for kind in LinkKind}
        readers = [root for root in self._roots if root.text.may_read(names)]
        self._evaluate_all(set(readers) - offering - vague)
        self._settle(readers)
        links = {id(root.unit): root.links for root in readers if root.links}
        return tuple(replace(unit, links=links[id(unit)]) if id(unit) in links else unit for unit in units)

    def _evaluate_all(self, roots: Collection[_Root]) -> None:
        """Evaluate what roots read and pass, with the links that they have so far."""
        chosen = [root for root in self._roots if root in roots]  # in their order
        units = [replace(root.unit, links=root.links) for root in chosen]
        for root, surface in zip(chosen, answers_of(units, self._evaluate, self._distribute, _SECONDS), strict=True):
            root.surface = surface

    def _settle(self, readers: Sequence[_Root]) -> None:
        """Follow links until nothing changes; what still does is left out."""
        for _ in range(_MAX_ROUNDS):
            offers = _Offers((*self._roots, *self._recorded))
            changed = [root for root in readers if (found := offers.for_root(root)) != root.links and _set(root, found)]
            again = [root for root in changed if root.text.offers]
            if not again:
                return
            self._evaluate_all(again)
        offers = _Offers((*self._roots, *self._recorded))
        for root in readers:
            root.links = tuple(link for link in offers.for_root(root) if link in root.links)


def _evaluated(unit: Unit, inputs: Inputs, wanted: frozenset[str], idle_modules: frozenset[Path]) -> LinkSurface:
    """Evaluate what a unit reads and passes. ``wanted``: the outputs that others read. ``idle_modules``: the folders of
    modules that neither read nor pass values."""
    wants_all = ALL_OUTPUTS in wanted
    return surface_of(
        unit, unit.links, inputs, lambda name: wants_all or name in wanted, lambda folder: folder not in idle_modules
    )


def surface_of(
    unit: Unit,
    links: tuple[Link, ...],
    inputs: Inputs,
    outputs: Callable[[str], bool],
    modules: Callable[[Path], bool],
) -> LinkSurface:
    """Return what a root reads and passes, evaluated with these links; nothing if it cannot be read.

    ``outputs``, ``modules``: as for Terraform's ``read_links``.
    """
    try:
        with deadline.limited(deadline.SECONDS, deadline.SECONDS_PER_MEGABYTE), links_of_context(links):
            if unit.framework is Framework.TERRAFORM:
                from passrole_checks.sources import terraform  # slow to import; Terraform only

                return terraform.read_links(
                    unit.path,
                    boundary=unit.boundary,
                    beside=unit.beside,
                    inputs=inputs,
                    outputs=outputs,
                    modules=modules,
                )
            from passrole_checks.sources import cloudformation

            content = _template_text(unit)
            deadline.grant(len(content))
            return cloudformation.read_links(
                unit.path, content, boundary=unit.boundary, beside=unit.beside, inputs=inputs
            )
    except (InputError, deadline.OutOfTimeError):  # the scan of the unit reports it
        return LinkSurface()


class _NamesRead(TypedDict):
    read_parameters: frozenset[bytes]
    read_places: frozenset[bytes]


def _names_read(surface: LinkSurface) -> _NamesRead:
    """Return the evaluated names of what a root reads, as in a text."""
    names = {kind: {_as_text(read.name) for read in surface.reads if read.kind is kind} for kind in LinkKind}
    places = frozenset(last_place(location) for location in names[LinkKind.STATE])
    return {"read_parameters": frozenset(names[LinkKind.PARAMETER]), "read_places": places}


def _names_offered(roots: Iterable[_Root], kind: LinkKind) -> frozenset[bytes]:
    """Return the names of the values of a kind that roots pass, as in a text."""
    names = (offer.name for root in roots for offer in root.surface.offers if offer.kind is kind)
    return frozenset(_as_text(name) for name in names if name.literal is not None or _form(name) is not None)


def _as_text(name: StringNode) -> bytes:
    return "".join(part if isinstance(part, str) else "${}" for part in name.parts).encode("utf-8", "replace")


def _set(root: _Root, links: tuple[Link, ...]) -> bool:
    root.links = links
    return True


class _Offers:
    """The values that roots pass to others, by kind."""

    def __init__(self, roots: Iterable[_Root]) -> None:
        self._literal: dict[tuple[LinkKind, str], list[_Offered]] = {}
        self._forms: dict[LinkKind, dict[_Form, list[_Offered]]] = {}
        for root in roots:
            for offer in root.surface.offers:
                name, form = offer.name.literal, _form(offer.name)
                if name is not None:
                    self._literal.setdefault((offer.kind, name), []).append((root, offer))
                if form is not None:
                    self._forms.setdefault(offer.kind, {}).setdefault(form, []).append((root, offer))

    def for_root(self, reader: _Root) -> tuple[Link, ...]:
        """Return the links of a root."""
        return tuple(dict.fromkeys(link for read in reader.surface.reads for link in self._links(reader, read)))

    def _links(self, reader: _Root, read: LinkRead) -> Iterator[Link]:
        literal = read.name.literal
        exact = self._literal.get((read.kind, literal), []) if literal is not None else []
        candidates = [one for one in exact if _may_share(reader, one[0], read)] or self._best(reader, read)
        if len({id(root) for root, _ in candidates}) > _MAX_CANDIDATES:
            return
        given: dict[str, list[Link]] = {}
        for root, offer in candidates:
            link = _link(reader, root, read, offer)
            same = given.setdefault(offer.output, [])
            if all(without_origin(link.value) != without_origin(other.value) for other in same):
                same.append(link)
        for links in given.values():
            yield from links

    def _best(self, reader: _Root, read: LinkRead) -> list[_Offered]:
        """Return the values whose names fit best to a name with unresolved parts, or fit to it with such parts."""
        form = _form(read.name)
        ranked: dict[int, list[_Offered]] = {}
        for other, offered in self._forms.get(read.kind, {}).items() if form is not None else ():
            deadline.check()
            rank = _rank(form, other) if form is not None else None
            shared = [one for one in offered if _may_share(reader, one[0], read)] if rank is not None else []
            if rank is not None and shared:
                ranked.setdefault(rank, []).extend(shared)
        return ranked[min(ranked)] if ranked else []


_Offered = tuple[_Root, LinkOffer]


def _may_share(reader: _Root, root: _Root, read: LinkRead) -> bool:
    """True if a root may pass a value to another: both are in one account, as far as that is known.

    A state may be of another account. A local state is a file of the same tree.
    """
    if root is reader:
        return False
    if read.kind is LinkKind.STATE:
        return not str(read.name).startswith("local:") or root.unit.boundary == reader.unit.boundary
    accounts = {reader.surface.account, root.surface.account} - {None}
    return len(accounts) < 2


def _link(reader: _Root, root: _Root, read: LinkRead, offer: LinkOffer) -> Link:
    is_of_stack = offer.kind is LinkKind.EXPORT and bool(root.surface.stack)
    place = root.surface.stack if is_of_stack else _place(root.unit, reader.unit)
    origin = _origin(root, offer, reader.unit)
    account = root.surface.account if root.surface.account != reader.surface.account else None
    value = seen_by_others(offer.value, origin, place, account)
    return Link(read.kind, str(read.name), offer.output, value, place, offer.at)


def _origin(root: _Root, offer: LinkOffer, seen_from: Unit) -> str:
    """Return where a value is from, in words."""
    named, stack = shortened(offer.output or str(offer.name)), root.surface.stack
    if offer.kind is LinkKind.EXPORT and stack:
        return f"the export `{named}` of stack `{stack}`{_repository_in_words(root.unit, seen_from)}"
    return f"the {_ORIGINS.get(offer.kind, 'output')} `{named}` of {_in_words(root.unit, seen_from)}"


def depends_on_itself(recorded: RecordedRoot, offer: LinkOffer) -> bool:
    """True if other repositories passed a value to a root that they have from the same value of it."""
    elsewhere = Unit(Framework.TERRAFORM, _RECORDED)
    own = _origin(_recorded_root(recorded), offer, elsewhere)
    return any(own in text.defaults for text in strings_in(offer.value))


def _place(unit: Unit, seen_from: Unit) -> str:
    """Return the path of a unit in its repository, below the name of the repository if that is another one."""
    path, repository, is_other = _names(unit, seen_from)
    if is_other:
        return repository if path == "." else f"{repository}/{path}"
    return path if path != "." else repository


def _in_words(unit: Unit, seen_from: Unit) -> str:
    """Return where a unit is, in words."""
    path, repository, is_other = _names(unit, seen_from)
    if is_other and path == ".":
        return f"repository `{repository}`"
    return f"`{path if path != '.' else repository}`{_repository_in_words(unit, seen_from)}"


def _repository_in_words(unit: Unit, seen_from: Unit) -> str:
    _, repository, is_other = _names(unit, seen_from)
    return f" in repository `{repository}`" if is_other else ""


def _names(unit: Unit, seen_from: Unit) -> tuple[str, str, bool]:
    """Return the path of a unit in its repository, the name of that, and True if it is another repository."""
    around = unit.boundary or unit.folder
    path = Path(os.path.relpath(unit.path, around)).as_posix()
    name = around.relative_to(_RECORDED).as_posix() if around.is_relative_to(_RECORDED) else around.name
    return path, name, around != (seen_from.boundary or seen_from.folder)


# -- names with unresolved parts


_Form = tuple[str | None, ...]  # literal parts, None for an unresolved one


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
