"""Terraform and OpenTofu configuration: one folder and the modules that it calls, evaluated without being run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.values import Choice, Items, Mapping, Node
from passrole_checks.sources.resource import AttachedPolicy, Configuration, Framework, Inputs, Suppression, Unreadable
from passrole_checks.sources.terraform import expressions, functions, loops, templates
from passrole_checks.sources.terraform.files import Files, is_terraform_file
from passrole_checks.sources.terraform.folder import Folder, called_folders, read_folder
from passrole_checks.sources.terraform.module import Module, Run
from passrole_checks.sources.terraform.policies import Found, collect
from passrole_checks.sources.terraform.references import written
from passrole_checks.sources.terraform.suppressions import suppressions_in
from passrole_checks.sources.terraform.symbols import literal
from passrole_checks.sources.terraform.syntax import Attribute, Body, ParsedFile
from passrole_checks.sources.terraform.tfvars import read_tfvars

_ROOMS = (expressions, functions, loops, templates)  # imported because each registers how its expressions are evaluated
_ACCOUNT = re.compile(r"\d{12}")


def load(
    folder: Path, *, only: Path | None = None, boundary: Path | None = None, inputs: Inputs | None = None
) -> Configuration:
    """Evaluate one folder as a root module.

    ``only``: report the policies whose statements or resource stand in this one file. ``boundary``: the folder below
    which expressions may read files (default: ``folder``). Never raises for what is in the files: one that cannot be
    read is among ``unreadable``, with the line and the reason, and the rest is read.
    """
    root_folder = read_folder(folder)
    tfvars = read_tfvars(folder)
    values = {attribute.name: attribute for parsed in tfvars for attribute in parsed.body.attributes}
    run = Run(Files(boundary or folder), folders={folder: root_folder}, values=values)
    root = Module(run, root_folder)
    found = collect(root)
    policies = found.policies
    if only is not None:
        policies = [policy for policy in policies if str(only) in _files_of(policy)]
    return Configuration(
        framework=Framework.TERRAFORM,
        files=tuple(parsed.source.file for parsed in (*_files(run), *tfvars)),
        resources=tuple(found.resources),
        policies=tuple(policies),
        roles=tuple(found.roles),
        suppressions=tuple(_suppressions(root, run, found)),
        unreadable=(*_unreadable((*_files(run), *tfvars)), *found.unreadable),
        account=_account(root, run),
        not_evaluated=tuple(run.not_evaluated.values()),
    )


def _files_of(policy: AttachedPolicy) -> set[str]:
    """The files in which a policy's resource and the parts of its document stand."""
    found = {policy.resource.at.file}
    pending: list[Node] = [policy.document]
    while pending:
        node = pending.pop()
        found.add(node.at.file)
        if isinstance(node, Items):
            pending.extend(node.items)
        elif isinstance(node, Mapping):
            pending.extend(entry.value for entry in node.entries)
        elif isinstance(node, Choice):
            pending.extend(option for _, option in node.options)
    return found


def _files(run: Run) -> Iterator[ParsedFile]:
    return (parsed for folder in run.folders.values() for parsed in folder.files)


def _unreadable(files: Iterable[ParsedFile]) -> Iterator[Unreadable]:
    for parsed in files:
        for problem in parsed.problems:
            yield Unreadable(parsed.source.file, problem.reason, problem.line)
        for attribute in _given_twice(parsed.body):
            yield Unreadable(parsed.source.file, f"{attribute.name} is given twice", attribute.span.line)


def _given_twice(body: Body) -> Iterator[Attribute]:
    """Attributes whose name their body gave before, which Terraform refuses, in the bodies that were looked into."""
    pending = [body]
    while pending:
        current = pending.pop(0)
        seen: set[str] = set()
        for attribute in current.attributes:
            if attribute.name in seen:
                yield attribute
            seen.add(attribute.name)
        pending.extend(block.body for block in current.blocks if "body" in vars(block))


def _suppressions(root: Module, run: Run, found: Found) -> Iterator[Suppression]:
    """Suppressions, each with the address that its block has in every module that it stands in."""
    addresses = {resource.address for resource in found.resources}
    by_folder: dict[Path, list[str]] = {}
    for module in root.walk():
        by_folder.setdefault(module.folder.path, []).append(module.address)
    for path, folder in run.folders.items():
        for parsed in folder.files:
            for suppression in suppressions_in(parsed):
                if suppression.resource is None:
                    yield suppression
                    continue
                for prefix in by_folder.get(path, [""]):
                    address = f"{prefix}.{suppression.resource}" if prefix else suppression.resource
                    matching = [name for name in addresses if name == address or name.startswith(f"{address}[")]
                    for name in sorted(matching) or [address]:
                        yield replace(suppression, resource=name)


def _account(root: Module, run: Run) -> str | None:
    """The one account that the root's default ``aws`` provider is limited to, where every module uses that provider."""
    if any(_changes_provider(folder, folder is root.folder) for folder in run.folders.values()):
        return None
    own = [block for block in root.folder.providers if block.labels[0] == "aws" and block.body.get("alias") is None]
    if len(own) != 1:
        return None
    value = written(own[0], "allowed_account_ids", root.scope(own[0].source))
    if not isinstance(value, Items) or len(value.items) != 1:
        return None
    account = literal(value.items[0])
    return account if account is not None and _ACCOUNT.fullmatch(account) else None


def _changes_provider(folder: Folder, is_root: bool) -> bool:
    """Whether resources may be deployed by another ``aws`` provider than the root's default one."""
    if not is_root and any(block.labels[0] == "aws" for block in folder.providers):
        return True
    return any(block.body.get("providers") is not None for block in folder.modules.values())


__all__ = ["called_folders", "is_terraform_file", "load"]
