"""Find in texts, without parsing them, whether a root may read values of other roots or pass values to them.

The result is a superset of what evaluation finds, except for what modules from other repositories read.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace

from passrole_checks.iam.partial_values import StringNode
from passrole_checks.sources.model.links import LinkKind

ALL_OUTPUTS = ""
"""Stands for the names of all outputs."""

_STATE_DATA = re.compile(rb"\b(?:terraform_remote_state|tfe_outputs)\b")
_OUTPUT_NAME = re.compile(
    rb"\b(?:outputs|nonsensitive_values|(?<=\.)values)\b(?:\s*\.\s*([\w-]+)|\s*\[\s*\\?\"([\w-]+)\\?\"\s*\]|(?=\s*[\[\])},\n]))"
    rb"|\bterraform_remote_state\s*\.\s*[\w-]+(?:\[[^\]\n]*\])?\s*\.\s*(?!outputs\b)([\w-]+)"
)
_OUTPUT_BLOCK = re.compile(rb"\boutput\b")
_SSM_DATA = re.compile(rb'\bdata\s*"?\s*"aws_ssm_parameter"|"aws_ssm_parameter"\s*:')
_SSM_RESOURCE = re.compile(rb'\bresource\s*"?\s*"aws_ssm_parameter"|"aws_ssm_parameter"\s*:')
_SSM_WRITTEN = re.compile(rb"AWS::SSM::Parameter\b(?!::)")
_BACKEND = re.compile(rb'\b(?:backend|cloud)"?\s*(?:"|\{|:)(?!local")')
_PLACE = re.compile(rb'\b(?:key|prefix|path|name|address|workspace)\b"?\s*[=:]\s*(?:"([^"\n]*)"|[^\s"])')
_COMPUTED = b"${"  # in a place that may be any
_LONGEST_BLOCK = 2_000  # bytes
_NAME = rb"[\w+=,.@-]+"
_ARN = re.compile(rb"(?<!:aws):(role|policy)/(?:[\w+=,.@/-]*/)?(%s)(?![\w+=,.@/*?-])" % _NAME)
_LOOKED_UP = re.compile(rb'data\s+"aws_iam_(role|policy)"\s+"[^"]*"\s*\{[^{}]*?\bname\s*=\s*"(%s)"' % _NAME)
_HOLDER = re.compile(rb'\b(role)\s*=\s*"(%s)"' % _NAME)
_DECLARED = re.compile(rb'resource\s+"aws_iam_(role|policy)"\s+"[^"]*"\s*\{[^{}]*?\bname\s*=\s*"(%s)"' % _NAME)
_NAMED = re.compile(rb'\b(Role|ManagedPolicy)Name"?\s*:\s*["\']?(%s)' % _NAME)


IamName = tuple[bytes, bytes]  # kind and name


@dataclass(frozen=True, slots=True)
class LinkText:
    """Result of the search in the text of a root.

    ``reads``, ``offers``: the kinds of values that it may read or pass. ``outputs``: names of the outputs of other
    roots that it reads, or :data:`ALL_OUTPUTS`. ``places``: the last parts of the locations that its own state may
    have, as written; ``read_places``: those of states that it reads. ``has_backend``: its state is not a local file;
    ``reads_files``: it reads states that are. ``names_read``, ``names_declared``: kinds (``role``, ``policy``) and
    literal names of roles and customer managed policies.
    """

    reads: frozenset[LinkKind] = frozenset()
    offers: frozenset[LinkKind] = frozenset()
    outputs: frozenset[str] = frozenset()
    places: frozenset[bytes] = frozenset()
    read_places: frozenset[bytes] = frozenset()
    has_backend: bool = False
    reads_files: bool = False
    names_read: frozenset[IamName] = frozenset()
    names_declared: frozenset[IamName] = frozenset()

    def __or__(self, other: LinkText) -> LinkText:
        return LinkText(
            self.reads | other.reads,
            self.offers | other.offers,
            self.outputs | other.outputs,
            self.places | other.places,
            self.read_places | other.read_places,
            self.has_backend or other.has_backend,
            self.reads_files or other.reads_files,
            self.names_read | other.names_read,
            self.names_declared | other.names_declared,
        )

    def of_module(self) -> LinkText:
        """Return what the text means as that of a module, which has no state and no outputs of its own."""
        offers = self.offers - {LinkKind.STATE}
        return replace(self, offers=offers, places=frozenset(), has_backend=False)

    def concerns(self, kinds: Collection[LinkKind]) -> bool:
        """True if the root may read or pass values of these kinds."""
        return not self.reads.union(self.offers).isdisjoint(kinds)

    def may_offer(self, kinds: Collection[LinkKind], locations: Collection[StringNode]) -> bool:
        """True if the root may pass a value of these kinds; outputs only if its state may be at a location."""
        kinds = self.offers.intersection(kinds)
        return bool(kinds - {LinkKind.STATE}) or (LinkKind.STATE in kinds and any(map(self._may_be_at, locations)))

    def _may_be_at(self, location: StringNode) -> bool:
        last = location.parts[-1]
        end = last.rpartition("/")[2].encode() if isinstance(last, str) else b""
        if str(location).startswith("local:"):
            return not self.has_backend
        return any(end in place or _COMPUTED in place for place in self.places)

    def may_pass_to(self, reader: LinkText) -> bool:
        """True if the root may pass a value to another one."""
        kinds = self.offers & reader.reads
        if kinds - {LinkKind.STATE} or not self.names_declared.isdisjoint(reader.names_read - reader.names_declared):
            return True
        if LinkKind.STATE not in kinds:
            return False
        if not self.has_backend:
            return reader.reads_files
        is_any = any(_COMPUTED in place for place in (*self.places, *reader.read_places))
        return bool(self.places) and (is_any or not self.places.isdisjoint(reader.read_places))


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
    declared = _NAMED.findall(data) if b"RoleName" in data or b"ManagedPolicyName" in data else ()
    names = ((b"role" if kind == b"Role" else b"policy", name) for kind, name in declared)
    return LinkText(frozenset(reads), frozenset(offers), names_read=_arns(data), names_declared=frozenset(names))


def _arns(data: bytes) -> frozenset[IamName]:
    return frozenset(_ARN.findall(data)) if b":role/" in data or b":policy/" in data else frozenset()


def _of_terraform(data: bytes) -> LinkText:
    reads, offers = set[LinkKind](), set[LinkKind]()
    outputs: frozenset[str] = frozenset()
    if (b"terraform_remote_state" in data or b"tfe_outputs" in data) and _STATE_DATA.search(data):
        reads.add(LinkKind.STATE)
    if b"outputs" in data or b"values" in data or LinkKind.STATE in reads:
        names = (first or second or third for first, second, third in _OUTPUT_NAME.findall(data))
        outputs = frozenset(name.decode() for name in names)
    if b"aws_cloudformation_export" in data:
        reads.add(LinkKind.EXPORT)
    if b"aws_ssm_parameter" in data:
        reads.update([LinkKind.PARAMETER] if _SSM_DATA.search(data) else ())
        offers.update([LinkKind.PARAMETER] if _SSM_RESOURCE.search(data) else ())
    if b"output" in data and _OUTPUT_BLOCK.search(data):
        offers.add(LinkKind.STATE)
    has_iam = b"aws_iam_" in data
    places = _places(_BACKEND, data) if b"backend" in data or b"cloud" in data else None
    read_places = _places(_STATE_DATA, data) if LinkKind.STATE in reads else None
    if places is not None and (b"var." in data or b"local." in data):  # OpenTofu evaluates these there
        places |= {_COMPUTED}
    return LinkText(
        frozenset(reads),
        frozenset(offers),
        outputs,
        places or frozenset(),
        read_places or frozenset(),
        places is not None,
        LinkKind.STATE in reads and b'"local"' in data,
        _arns(data) | (frozenset([*_LOOKED_UP.findall(data), *_HOLDER.findall(data)]) if has_iam else frozenset()),
        frozenset(_DECLARED.findall(data)) if has_iam else frozenset(),
    )


def _places(block: re.Pattern[bytes], data: bytes) -> frozenset[bytes] | None:
    """Return the last parts of locations in the blocks that a pattern finds; None for no block."""
    spans: list[tuple[int, int]] = []
    for found in block.finditer(data):
        start, end = found.start(), found.start() + _LONGEST_BLOCK
        if spans and start < spans[-1][1]:  # read each byte once
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    places = {place for start, end in spans for place in _PLACE.findall(data[start:end])}
    if block is _STATE_DATA and not places:
        places.add(_COMPUTED)
    return frozenset(place or _COMPUTED for place in places) if spans else None
