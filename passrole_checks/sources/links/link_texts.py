"""Find in texts, without parsing them, whether a root may read values of other roots or pass values to them.

The result is a superset of what evaluation finds, except for what modules from other repositories read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.patterns.glob import from_text, may_intersect
from passrole_checks.sources.model.links import LinkKind

ALL_OUTPUTS = ""
"""In place of names: all outputs."""

_STATE_TYPES = (b"terraform_remote_state", b"tfe_outputs")
_SSM_TYPE = b"aws_ssm_parameter"
_OUTPUT_NAME = lazy_regex(
    rb"\b(?:outputs|nonsensitive_values|(?<=\.)values)\b(?:\s*\.\s*([\w-]+)|\s*\[\s*\\?\"([\w-]+)\\?\"\s*\]|(?=\s*[\[\])},\n]))"
    rb"|\bterraform_remote_state\s*\.\s*[\w-]+(?:\[[^\]\n]*\])?\s*\.\s*(?!outputs\b)([\w-]+)"
)
# Patterns start with literal text where they can, for which `re` searches first.
_HEADS = {type_: re.compile(rb'%s(?:"\s*(:)?|\s)' % type_) for type_ in (*_STATE_TYPES, _SSM_TYPE)}
_DATA = lazy_regex(rb'\bdata["\s]*$')
_RESOURCE = lazy_regex(rb'\bresource["\s]*$')
_LONGEST_GAP = 50  # bytes between a keyword and a type
_SSM_WRITTEN = lazy_regex(rb"AWS::SSM::Parameter\b(?!::)")
_BACKENDS = tuple(re.compile(rb'%s"?\s*(?:"|\{|:)(?!local")' % name) for name in (b"backend", b"cloud"))
_PLACE = lazy_regex(rb'\b(?:key|prefix|path|name|address|workspace)\b"?\s*[=:]\s*(?:"([^"\n]*)"|[^\s"])')
_LOCAL = lazy_regex(rb'backend"?\s*[=:]\s*(?:"local"|[^"\s])')
_WORKSPACE = lazy_regex(rb"^env:/[^/]*/")
_SECRET = lazy_regex(rb'\btype"?\s*[=:]\s*"SecureString"')
_PARAMETER_NAME = lazy_regex(rb'\bname\b"?\s*[=:]\s*(?:"([^"\n]*)"|[^\s"])')
_BRACE = lazy_regex(rb"[{}]")
_COMPUTED = b"${"  # in a place or name that may be any
_LONGEST_BLOCK = 2_000  # bytes
_NAME = rb"[\w+=,.@-]+"
_NAMES = rb"(?:[\w+=,.@*?-]|\$\{[^{}\s]*\})+"  # with wildcards and values that are computed
_ARNS = tuple(
    re.compile(
        rb":(%s)/(?<!:aws:%s/)(?:(?:[\w+=,.@/-]|\$\{[^{}\s]*\})*/)?(%s)(?![\w+=,.@/*?$-])" % (kind, kind, _NAMES)
    )
    for kind in (b"role", b"policy")
)
_PLACEHOLDER = lazy_regex(rb"\$\{[^{}]*\}")
_KNOWN = lazy_regex(rb"[^*?]")
_LEAST_KNOWN = lazy_regex(rb"[^*?]{3}")  # of a name that is declared
_KIND = rb"(role|policy|user|group)"
_LOOKED_UP = lazy_regex(rb'data\s+"aws_iam_%s"\s+"[^"]*"\s*\{[^{}]*?\b(?:\w+_)?name\s*=\s*"(%s)"' % (_KIND, _NAME))
_HOLDER = lazy_regex(rb'(role|user|group)(?<!\wrole)(?<!\wuser)(?<!\wgroup)\s*=\s*"(%s)"' % _NAME)
_HOLDERS = lazy_regex(rb"(role|user|group)s(?<!\wroles)(?<!\wusers)(?<!\wgroups)\s*=\s*\[([^][]{1,2000})")
_DECLARED = lazy_regex(rb'resource\s+"aws_iam_%s"\s+"[^"]*"(?=\s*\{)' % _KIND)
_OWN_NAME = lazy_regex(rb'\bname\s*=\s*"(%s)"' % _NAMES)
_LONGEST_DECLARATION = 20_000  # bytes, with its policy document
_LISTED = lazy_regex(rb'\b(Role|User|Group)s"?\s*:([^:]{1,2000}?)(?:[\w"]+\s*:|\Z)')
_WORD = lazy_regex(_NAME)
_QUOTED = lazy_regex(rb'"(%s)"' % _NAME)
_NAMED = lazy_regex(rb'\b(Role|ManagedPolicy|User|Group)Name"?\s*:\s*(?:!Sub\s+)?["\']?(%s)' % _NAMES)
_KINDS = {b"Role": b"role", b"ManagedPolicy": b"policy", b"User": b"user", b"Group": b"group"}
_OWN = tuple((kind, re.compile(rb"AWS::IAM::%s\b(?!::)" % kind)) for kind in _KINDS)


IamName = tuple[bytes, bytes]  # kind and name


@dataclass(frozen=True, slots=True)
class LinkText:
    """Result of the search in the text of a root.

    ``reads``, ``offers``: the kinds of values that it may read or pass. ``places``: the last parts of the locations
    that its own state may have, as written; ``read_places``: those of states that it reads. ``parameters``: names of
    SSM parameters that it writes, except secrets; ``read_parameters``: of those that it reads. ``has_backend``: its
    state is not a local file; ``reads_files``: it reads states that are. ``names_read``, ``names_declared``: kinds
    (``role``, ``policy``, ``user``, ``group``) and names of principals and customer managed policies, or patterns of
    names: in ARNs, and where a part is computed. ``names_held``: those of the principals that it gives policies to, or
    has as members.
    """

    reads: frozenset[LinkKind] = frozenset()
    offers: frozenset[LinkKind] = frozenset()
    places: frozenset[bytes] = frozenset()
    read_places: frozenset[bytes] = frozenset()
    parameters: frozenset[bytes] = frozenset()
    read_parameters: frozenset[bytes] = frozenset()
    has_backend: bool = False
    reads_files: bool = False
    names_read: frozenset[IamName] = frozenset()
    names_declared: frozenset[IamName] = frozenset()
    names_held: frozenset[IamName] = frozenset()

    def __or__(self, other: LinkText) -> LinkText:
        return union_of((self, other))

    def of_module(self) -> LinkText:
        """Return what the text means as that of a module, which has no state and no outputs of its own."""
        offers = self.offers - {LinkKind.STATE}
        return replace(self, offers=offers, places=frozenset(), has_backend=False)

    def of_reader(self) -> LinkText:
        """Return what the text means as that of a root which passes nothing to others."""
        return replace(self.of_module(), offers=frozenset(), names_declared=frozenset(), names_held=frozenset())

    def concerns(self, kinds: Collection[LinkKind]) -> bool:
        """True if the root may read or pass values of these kinds."""
        return not self.reads.union(self.offers).isdisjoint(kinds)

    @property
    def reads_vaguely(self) -> bool:
        """True if the text has no part of a name that it reads."""
        return any(_COMPUTED in name and not b"".join(_ends(name)) for name in self.read_parameters | self.read_places)

    def may_read(self, names: Mapping[LinkKind, frozenset[bytes]]) -> bool:
        """True if the root may read a value with one of these names, or a state at one of these locations."""
        if LinkKind.EXPORT in self.reads and names[LinkKind.EXPORT]:
            return True
        if LinkKind.PARAMETER in self.reads and _may_share(names[LinkKind.PARAMETER], self.read_parameters):
            return True
        local = {name for name in names[LinkKind.STATE] if name.startswith(b"local:")}
        places = frozenset(map(last_place, names[LinkKind.STATE] - local))
        return (bool(local) and self.reads_files) or _may_share(places, self.read_places)

    def may_pass_to(self, reader: LinkText) -> bool:
        """True if the root may pass a value to another one, declares a role or policy that the other one names, or
        gives policies to a role that the other one declares or gives policies to."""
        is_named = not named_among(reader.names_read, self.names_declared).keys() <= reader.names_declared
        is_held = not self.names_held.isdisjoint(reader.names_declared | reader.names_held)
        return is_named or is_held or self.may_pass_value_to(reader)

    def may_pass_value_to(self, reader: LinkText) -> bool:
        """True if the root may pass a value to another one."""
        kinds = self.offers & reader.reads
        if LinkKind.EXPORT in kinds:
            return True
        if LinkKind.PARAMETER in kinds and _may_share(self.parameters, reader.read_parameters):
            return True
        if LinkKind.STATE not in kinds:
            return False
        if not self.has_backend:
            return reader.reads_files
        return _may_share(self.places, reader.read_places)


def named_among(read: frozenset[IamName], declared: Collection[IamName]) -> dict[IamName, set[IamName]]:
    """Return the names that are read, each with the declared names that it may be; patterns of names on both sides."""
    found = {name: {name} for name in read.intersection(declared)}
    patterns = _patterns(read)
    for name in declared:
        for one in read if _is_pattern(name) else patterns:
            if one[0] == name[0] and _may_match(one[1], name[1]):
                found.setdefault(one if _is_pattern(name) else name, set()).add(name)
    return found


def _may_match(one: bytes, other: bytes) -> bool:
    """True if two names, or patterns of names, may be the same name."""
    first, second = (from_text(name.decode("utf-8", "replace")) for name in (one, other))
    return may_intersect(first, second)


@lru_cache(maxsize=1000)
def _patterns(names: frozenset[IamName]) -> tuple[IamName, ...]:
    return tuple(filter(_is_pattern, names))


def _is_pattern(name: IamName) -> bool:
    return b"*" in name[1] or b"?" in name[1]


def _may_share(written: frozenset[bytes], read: frozenset[bytes]) -> bool:
    """True if a name that is written may be one that is read."""
    if not written.isdisjoint(read):
        return True
    computed, literal = _ends_of(read)
    return any(
        _may_equal(_ends(name), other)
        for name in written
        for other in ((*computed, *literal) if _COMPUTED in name else computed)
    )


@lru_cache(maxsize=8)  # each root that passes values is compared with the reads of all others
def _ends_of(names: frozenset[bytes]) -> tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes]]]:
    """Return the literal starts and ends of computed names, and of literal ones."""
    computed, literal = ([_ends(name) for name in names if (_COMPUTED in name) is known] for known in (True, False))
    return computed, literal


def _ends(name: bytes) -> tuple[bytes, bytes]:
    """Return the literal start and end of a name: both the whole name if that is literal."""
    if _COMPUTED not in name:
        return name, name
    return name.partition(_COMPUTED)[0], name.rpartition(b"}")[2] if b"}" in name else b""


def _may_equal(one: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> bool:
    """True if two names with these starts and ends may be equal."""
    starts = one[0].startswith(other[0]) or other[0].startswith(one[0])
    return starts and (one[1].endswith(other[1]) or other[1].endswith(one[1]))


_PARTS_BEFORE = {b"s3": 1, b"gcs": 1, b"azurerm": 2, b"oss": 2, b"cloud": 1}  # of a location, without "/"


def last_place(location: bytes) -> bytes:
    """Return the last part of the location of a state: its key, prefix, path, address or workspace."""
    kind, _, rest = location.partition(b":")
    return rest.split(b"/", _PARTS_BEFORE.get(kind, 0))[-1]


def union_of(texts: Iterable[LinkText]) -> LinkText:
    """Return what several roots read and pass together."""
    columns = zip(*([getattr(text, name) for name in LinkText.__slots__] for text in texts), strict=True)
    joined: list[Any] = [any(each) if isinstance(each[0], bool) else frozenset().union(*each) for each in columns]
    return LinkText(*joined)


def link_text(data: bytes, *, is_terraform: bool) -> LinkText:
    """Return what a configuration file of Terraform, or a template, may read of other roots and pass to them."""
    return _of_terraform(data) if is_terraform else _of_template(data)


def _of_template(data: bytes) -> LinkText:
    reads, offers = set[LinkKind](), set[LinkKind]()
    if b"ImportValue" in data:
        reads.add(LinkKind.EXPORT)
    if b"Export" in data:
        offers.add(LinkKind.EXPORT)
    if b"resolve:ssm:" in data or b"AWS::SSM::Parameter::Value" in data:
        reads.add(LinkKind.PARAMETER)
    if b"AWS::SSM::Parameter" in data and _SSM_WRITTEN.search(data):
        offers.add(LinkKind.PARAMETER)
    declared, held = _template_names(data)
    return LinkText(
        frozenset(reads),
        frozenset(offers),
        parameters=frozenset({_COMPUTED}),
        read_parameters=frozenset({_COMPUTED}) if LinkKind.PARAMETER in reads else frozenset(),
        names_read=_arns(data) | held,
        names_declared=declared,
        names_held=held,
    )


def _template_names(data: bytes) -> tuple[frozenset[IamName], frozenset[IamName]]:
    """Return the names that a template declares, and those of the principals that it gives policies to, or has as
    members."""
    # a name may contain commas, but one at the end is that of a flow mapping or sequence
    named = [(kind, name.rstrip(b",")) for kind, name in _NAMED.findall(data)] if b"Name" in data else []
    own = {kind for kind, type_ in _OWN if type_.search(data)} if named else set()
    listed = [(kind, word.strip(b",-")) for kind, words in _LISTED.findall(data) for word in _WORD.findall(words)]
    listed += [(kind, name) for kind, name in named if kind not in own]
    held = frozenset((_KINDS[kind], name) for kind, name in listed if name and kind != b"ManagedPolicy")
    return _declared_names((_KINDS[kind], name) for kind, name in named if kind in own), held


def _arns(data: bytes) -> frozenset[IamName]:
    found = ((kind, _PLACEHOLDER.sub(b"*", name)) for pattern in _ARNS for kind, name in pattern.findall(data))
    return frozenset(one for one in found if _KNOWN.search(one[1]))


def _declared_names(names: Iterable[IamName]) -> frozenset[IamName]:
    found = ((kind, _PLACEHOLDER.sub(b"*", name)) for kind, name in names)
    return frozenset(one for one in found if not _is_pattern(one) or _LEAST_KNOWN.search(one[1]))


def outputs_read(data: bytes) -> frozenset[str]:
    """Return the names of the outputs of other roots that a configuration file may read, or :data:`ALL_OUTPUTS`."""
    names = (first or second or third for first, second, third in _OUTPUT_NAME.findall(data))
    return frozenset(name.decode() for name in names)


def _of_terraform(data: bytes) -> LinkText:
    reads, offers = set[LinkKind](), set[LinkKind]()
    read_places = _places(_state_blocks(data))
    if read_places is not None:
        reads.add(LinkKind.STATE)
    if b"aws_cloudformation_export" in data:
        reads.add(LinkKind.EXPORT)
    has_parameter = _SSM_TYPE in data
    parameters = _parameters(_RESOURCE, data) if has_parameter else frozenset()
    read_parameters = _parameters(_DATA, data) if has_parameter else frozenset()
    reads.update([LinkKind.PARAMETER] if read_parameters else ())
    offers.update([LinkKind.PARAMETER] if parameters else ())
    if b"output" in data:
        offers.add(LinkKind.STATE)
    has_iam = b"aws_iam_" in data
    held = frozenset(_held(data)) if has_iam else frozenset()
    places = _places(text for head in _BACKENDS for _, text in _blocks(head.finditer(data), data))
    return LinkText(
        frozenset(reads),
        frozenset(offers),
        places or frozenset(),
        read_places or (frozenset() if read_places is None else frozenset({_COMPUTED})),
        parameters,
        read_parameters,
        places is not None,
        LinkKind.STATE in reads and _LOCAL.search(data) is not None,
        _arns(data) | held | (frozenset(_LOOKED_UP.findall(data)) if has_iam else frozenset()),
        _declared_names(_declared(data)) if has_iam else frozenset(),
        held,
    )


def _held(data: bytes) -> Iterator[IamName]:
    yield from _HOLDER.findall(data)
    for kind, listed in _HOLDERS.findall(data):
        yield from ((kind, name) for name in _QUOTED.findall(listed))


def _declared(data: bytes) -> Iterator[IamName]:
    """Yield the kinds and literal names of principals and policies in resource blocks, whatever precedes the name."""
    for head, text in _blocks(_DECLARED.finditer(data), data, _LONGEST_DECLARATION):
        own, depth, begin = [], 0, len(text)
        for brace in _BRACE.finditer(text):
            if depth == 1:  # what is in the block itself, up to one in it or its end
                own.append(text[begin : brace.start()])
            depth += 1 if brace.group() == b"{" else -1
            begin = brace.end()
        name = _OWN_NAME.search(b"\n".join(own))
        if name is not None:
            yield head[1], name[1]


def _state_blocks(data: bytes) -> Iterator[bytes]:
    """Yield the texts of the data sources that read states."""
    for type_ in _STATE_TYPES:
        if type_ in data:
            yield from (text for _, text in _blocks(_HEADS[type_].finditer(data), data))


def _parameters(keyword: re.Pattern[bytes], data: bytes) -> frozenset[bytes]:
    """Return the names of the SSM parameters in the blocks that begin with a keyword, except secrets."""
    found = set[bytes]()
    heads = (head for head in _HEADS[_SSM_TYPE].finditer(data) if head[1] or _follows(keyword, head, data))
    for head, text in _blocks(heads, data):
        is_json = head[1] is not None  # which has several parameters in one object
        is_one = not is_json and text.count(_SSM_TYPE) == 1
        if not (is_one and _SECRET.search(text)):
            name = _PARAMETER_NAME.search(text) if not is_json else None
            found.add((name[1] if name else b"") or _COMPUTED)
    return frozenset(found)


def _follows(keyword: re.Pattern[bytes], head: re.Match[bytes], data: bytes) -> bool:
    return keyword.search(data[max(head.start() - _LONGEST_GAP, 0) : head.start()]) is not None


def _places(texts: Iterable[bytes]) -> frozenset[bytes] | None:
    """Return the last parts of locations in the texts of blocks; None for no block.

    An object in S3 of another workspace is named by the key of the root: ``env:/WORKSPACE/KEY``.
    """
    found = list(texts)
    places = {place for text in found for place in _PLACE.findall(text)}
    places |= {_WORKSPACE.sub(b"", place) for place in places}
    return frozenset(place or _COMPUTED for place in places) if found else None


def _blocks(
    heads: Iterable[re.Match[bytes]], data: bytes, longest: int = _LONGEST_BLOCK
) -> Iterator[tuple[re.Match[bytes], bytes]]:
    """Yield the heads of blocks, with the texts up to the brace that ends them, or ``longest`` bytes."""
    end = 0
    for head in heads:
        if head.start() < end:  # within another one: each byte is read once
            continue
        end, depth = head.start() + longest, 0
        for brace in _BRACE.finditer(data, head.end(), end):
            depth += 1 if brace.group() == b"{" else -1
            if depth <= 0:
                end = brace.end()
                break
        yield head, data[head.start() : end]
