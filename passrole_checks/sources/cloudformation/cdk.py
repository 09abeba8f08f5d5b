"""Read cloud assemblies of the AWS CDK (``cdk.out``): stacks, their accounts, their assets.

Source: AWS CDK API Reference, ``cloud_assembly_schema``: AssemblyManifest (``manifest.json``), ArtifactManifest (an
artifact of type ``aws:cloudformation:stack`` names a ``templateFile`` and an ``environment``, one of type
``cdk:cloud-assembly`` the folder of a stage), AssetManifest (``*.assets.json``, the files by their hashes). Nested
stacks are assets; their templates are in the same folder as the parent's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from passrole_checks.files.decoded_json import as_object, get_nested, text_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.compose_yaml import nodes_below
from passrole_checks.sources.cloudformation.template import scalar
from passrole_checks.sources.files.read_boundary import current_boundary

MANIFEST = "manifest.json"
MAX_BYTES = 20_000_000

MAX_DEPTH = 5  # nested stages
_TEMPLATE, _ASSETS = ".template.json", ".assets.json"
_ACCOUNT = lazy_regex(r"aws://(\d{12})/.*")
_HASH = lazy_regex(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True, slots=True)
class Assembly:
    """A cloud assembly.

    ``stacks``: template file names with the target account, None if unknown. ``stages``: folders of nested assemblies.
    ``names``: stack names by template file.
    """

    stacks: Mapping[str, str | None]
    stages: tuple[str, ...]
    names: Mapping[str, str]


def read_assembly(folder: Path) -> Assembly | None:
    """Return the cloud assembly in a folder; None if there is none or its manifest cannot be read."""
    document = _read_json(folder / MANIFEST)
    artifacts = document.get("artifacts") if "version" in document else None
    if not isinstance(artifacts, dict):
        return None
    stacks: dict[str, str | None] = {}
    stages: list[str] = []
    names: dict[str, str] = {}
    for key, artifact in artifacts.items():
        properties, kind = get_nested(artifact, "properties"), get_nested(artifact, "type")
        template, stage = get_nested(properties, "templateFile"), get_nested(properties, "directoryName")
        if kind == "aws:cloudformation:stack" and isinstance(template, str):
            account = _ACCOUNT.fullmatch(str(artifact.get("environment")))
            stacks[template] = account[1] if account else None
            names[template] = text_of(properties, "stackName") or str(key)
        elif kind == "cdk:cloud-assembly" and isinstance(stage, str):
            stages.append(stage)
    return Assembly(stacks, tuple(stages), names)


def assembly_templates(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield the templates that an assembly and its stages name, whether they exist or not; none outside of it."""
    assembly = read_assembly(folder)
    if assembly is None or depth > MAX_DEPTH:
        return
    for name in assembly.stacks:
        if _is_name(name):
            yield folder / name
    for name in assembly.stages:
        if _is_name(name):
            yield from assembly_templates(folder / name, depth + 1)


def deployment_of(template: Path) -> tuple[str | None, str]:
    """Return the account and the stack name of a synthesized template, None and empty where no assembly states them."""
    assembly = read_assembly(template.parent) if template.name.endswith(_TEMPLATE) else None
    if assembly is None:
        return None, ""
    return assembly.stacks.get(template.name), assembly.names.get(template.name, "")


def find_asset(template: Path, node: yaml.Node | None) -> str | None:
    """Return the asset file that a node's URL refers to by its hash, relative to the template; None if there is
    none."""
    below = nodes_below(node) if node is not None and template.name.endswith(_TEMPLATE) else ()
    hashes = {found for inner in below for found in _HASH.findall(scalar(inner) or "")}
    if len(hashes) != 1:
        return None
    assets = template.with_name(template.name.removesuffix(_TEMPLATE) + _ASSETS)
    path = text_of(get_nested(_read_json(assets), "files", hashes.pop(), "source"), "path")
    return path if path.endswith(".json") else None


def find_asset_copies(files: Iterable[Path]) -> frozenset[Path]:
    """Return the files that are in an asset folder of an assembly (uploaded code with all files beside it) and equal a
    file elsewhere."""
    all_files = list(files)
    in_assets = [file for file in all_files if _in_asset(file)]
    if not in_assets:
        return frozenset()
    elsewhere = {_digest(file) for file in all_files if file not in set(in_assets)}
    return frozenset(file for file in in_assets if _digest(file) in elsewhere)


def _in_asset(file: Path) -> bool:
    return any(folder.name.startswith("asset.") and read_assembly(folder.parent) is not None for folder in file.parents)


def _digest(file: Path) -> bytes:
    try:
        return hashlib.sha256(current_boundary().read(file, MAX_BYTES)).digest()
    except OSError:
        return str(file).encode("utf-8", "surrogateescape")


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and not any(sign in name for sign in "/\\\0")


def _read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file; an empty one if there is none."""
    try:
        return as_object(json.loads(current_boundary().read(path, MAX_BYTES)))
    except (OSError, ValueError, RecursionError):
        return {}
