"""Find the arguments of the Terraform provider ``aws`` that may receive a role in the package cdktn-provider-aws.

Its jsii description (``.jsii``) has an interface for the arguments of each resource and each nested block. Every
property links to the provider's documentation, which contains the Terraform names.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any
from zipfile import ZipFile

from tools.aws_facts.cloudformation import Candidate

Types = Mapping[str, Any]

_LINK = re.compile(r"/providers/hashicorp/aws/([\d.]+)/docs/resources/([\w-]+)#(\w+) ")
_PROFILE_NAME = re.compile(r".*instance_profile(?:_arn|_name)?")
_ROLE_NAME = re.compile(
    r"(?:.*_)?role(?:s|_arns?|_names?)?|iam_role(?:s|_arns?)?|.*role_arn.*|" + _PROFILE_NAME.pattern
)
_MAX_DEPTH = 14


def read_types(wheel: ZipFile) -> Types:
    """Return the types of the package, by full name."""
    name = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(name))) as archive:
        for member in archive:
            if member.name in ("package/.jsii", "package/.jsii.gz"):
                file = archive.extractfile(member)
                data = file.read() if file else b""
                types: Types = json.loads(gzip.decompress(data) if member.name.endswith(".gz") else data)["types"]
                return types
    raise ValueError(f"{name} contains no jsii description")


def resources(types: Types) -> Iterator[tuple[str, str]]:
    """Yield each resource with the full name of the interface of its arguments."""
    for full_name, entry in sorted(types.items()):
        if entry["kind"] != "interface" or not entry["name"].endswith("Config"):
            continue
        if "cdktn.TerraformMetaArguments" not in entry.get("interfaces", ()):
            continue
        for argument in entry.get("properties", ()):
            match = _LINK.search(_text(argument))
            if match:
                yield f"aws_{match[2]}", full_name
                break


def version(types: Types) -> str:
    """Return the version of the Terraform provider that the names are from."""
    return next(
        match[1] for entry in types.values() for p in entry.get("properties", ()) if (match := _LINK.search(_text(p)))
    )


def candidates(types: Types, resource: str, interface: str) -> Iterator[Candidate]:
    """Yield the strings among the arguments of a resource; those that may be a role have a reason."""
    for path in _paths(types, interface, (), ()):
        name = next((part for part in reversed(path) if part not in ("*", "{}")), "")
        why = "name" if _ROLE_NAME.fullmatch(name) else ""
        yield Candidate(resource, "/".join(path), why, bool(_PROFILE_NAME.fullmatch(name)))


def _paths(types: Types, interface: str, path: tuple[str, ...], through: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the string arguments of an interface and its nested blocks."""
    if interface in through or len(through) > _MAX_DEPTH:
        return
    for argument in types[interface].get("properties", ()):
        match = _LINK.search(_text(argument))
        if match is None:
            continue
        inner, marks = _innermost_type(argument["type"])
        here = (*path, match[3])
        # A nested block is a list, even if only one is allowed.
        if "*" not in marks and " block." in _text(argument):
            marks = ("*",)
        if inner == "string":
            yield (*here, *marks)
        elif inner in types and types[inner]["kind"] == "interface":
            yield from _paths(types, inner, (*here, *marks), (*through, interface))


def _innermost_type(node: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return the innermost type of an argument, and the markers for the collections around it."""
    if "union" in node:
        for part in node["union"]["types"]:
            inner, marks = _innermost_type(part)
            if inner.startswith("cdktn."):
                continue
            return inner, marks
        return "", ()
    if "collection" in node:
        inner, marks = _innermost_type(node["collection"]["elementtype"])
        return inner, (*(("{}",) if node["collection"]["kind"] == "map" else ("*",)), *marks)
    return str(node.get("primitive") or node.get("fqn") or ""), ()


def _text(argument: Mapping[str, Any]) -> str:
    docs = argument.get("docs", {})
    return f"{docs.get('summary', '')} {docs.get('remarks', '')}"
