"""The cloud assembly that the AWS CDK synthesizes (``cdk.out``): its stacks, their accounts, their assets.

Source: AWS CDK API Reference, ``cloud_assembly_schema``: AssemblyManifest (``manifest.json``), ArtifactManifest (an
artifact of type ``aws:cloudformation:stack`` names a ``templateFile`` and an ``environment``, one of type
``cdk:cloud-assembly`` the folder of a stage), AssetManifest (``*.assets.json``, the files by their hashes). Nested
stacks are assets, whose templates stand beside the one that nests them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from passrole_checks.sources.cloudformation.template import scalar
from passrole_checks.sources.files.read_boundary import current_boundary

MANIFEST = "manifest.json"
MAX_BYTES = 20_000_000
_LARGEST = 100_000_000  # bytes of a template that may be a copy of another one
MAX_DEPTH = 5  # stages inside stages
_TEMPLATE, _ASSETS = ".template.json", ".assets.json"
_ACCOUNT = re.compile(r"aws://(\d{12})/.*")
_HASH = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Assembly:
    """``stacks``: the file name of each template, with the account that it is deployed to, if that is known;
    ``stages``: the folders of the assemblies within it; ``names``: what the stacks are called."""

    stacks: Mapping[str, str | None]
    stages: tuple[str, ...]
    names: Mapping[str, str]


def assembly_in(folder: Path) -> Assembly | None:
    """The cloud assembly that a folder is, None where it is none or its manifest cannot be read."""
    document = _json(folder / MANIFEST)
    artifacts = document.get("artifacts") if "version" in document else None
    if not isinstance(artifacts, dict):
        return None
    stacks: dict[str, str | None] = {}
    stages: list[str] = []
    names: dict[str, str] = {}
    for key, artifact in artifacts.items():
        artifact = artifact if isinstance(artifact, dict) else {}
        properties = artifact.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        template, stage = properties.get("templateFile"), properties.get("directoryName")
        if artifact.get("type") == "aws:cloudformation:stack" and isinstance(template, str):
            account = _ACCOUNT.fullmatch(str(artifact.get("environment")))
            stacks[template] = account[1] if account else None
            given = properties.get("stackName")
            names[template] = given if isinstance(given, str) and given else str(key)
        elif artifact.get("type") == "cdk:cloud-assembly" and isinstance(stage, str):
            stages.append(stage)
    return Assembly(stacks, tuple(stages), names)


def templates_in(folder: Path, depth: int = 0) -> Iterator[Path]:
    """The templates that an assembly and its stages name, whether or not they are there; none outside of it."""
    found = assembly_in(folder)
    if found is None or depth > MAX_DEPTH:
        return
    for name in found.stacks:
        if _is_name(name):
            yield folder / name
    for name in found.stages:
        if _is_name(name):
            yield from templates_in(folder / name, depth + 1)


def account_of(template: Path) -> str | None:
    """The account that a synthesized template is deployed to, where the assembly around it states one."""
    if not template.name.endswith(_TEMPLATE):
        return None
    found = assembly_in(template.parent)
    return found.stacks.get(template.name) if found is not None else None


def stack_name_of(template: Path) -> str:
    """The name of the stack that a synthesized template is for, empty where no assembly around it says so."""
    found = assembly_in(template.parent) if template.name.endswith(_TEMPLATE) else None
    return found.names.get(template.name, "") if found is not None else ""


def asset_named(template: Path, node: yaml.Node | None) -> str | None:
    """The file that is uploaded to the address at a node, by the hash in it, relative to the template that names it."""
    hashes = list(dict.fromkeys(_hashes(node))) if template.name.endswith(_TEMPLATE) else []
    if len(hashes) != 1:
        return None
    assets = template.with_name(template.name.removesuffix(_TEMPLATE) + _ASSETS)
    files = _json(assets).get("files")
    entry = files.get(hashes[0]) if isinstance(files, dict) else None
    source = entry.get("source") if isinstance(entry, dict) else None
    path = source.get("path") if isinstance(source, dict) else None
    return path if isinstance(path, str) and path.endswith(".json") else None


def copies(files: Iterable[Path]) -> frozenset[Path]:
    """Those of the files that stand in an asset's folder of an assembly (code that is uploaded, with whatever lies
    beside it) and hold the same as one that does not."""
    known = list(files)
    in_assets = [file for file in known if _in_asset(file)]
    if not in_assets:
        return frozenset()
    elsewhere = {_digest(file) for file in known if file not in set(in_assets)}
    return frozenset(file for file in in_assets if _digest(file) in elsewhere)


def _in_asset(file: Path) -> bool:
    return any(folder.name.startswith("asset.") and assembly_in(folder.parent) is not None for folder in file.parents)


def _digest(file: Path) -> bytes:
    try:
        return hashlib.sha256(current_boundary().read(file, MAX_BYTES)).digest()
    except OSError:
        return str(file).encode("utf-8", "surrogateescape")


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\\0")


def _hashes(node: yaml.Node | None) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _hashes(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _hashes(value)
    else:
        yield from _HASH.findall(scalar(node) or "")


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none."""
    try:
        document = json.loads(current_boundary().read(path, MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
