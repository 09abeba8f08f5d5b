"""Terraform and OpenTofu configuration: one folder and the modules that it calls, evaluated without being run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from passrole_checks.iam.values import Choice, Items, Mapping, Node
from passrole_checks.sources.resource import AttachedPolicy, Configuration, Framework, Suppression, Unreadable
from passrole_checks.sources.terraform import expressions, functions, loops, templates
from passrole_checks.sources.terraform.files import Files, is_terraform_file
from passrole_checks.sources.terraform.folder import Folder, called_folders, read_folder
from passrole_checks.sources.terraform.module import Module, Run
from passrole_checks.sources.terraform.policies import Found, collect
from passrole_checks.sources.terraform.references import written
from passrole_checks.sources.terraform.suppressions import suppressions_in
from passrole_checks.sources.terraform.symbols import literal

_ROOMS = (expressions, functions, loops, templates)  # imported because each registers how its expressions are evaluated
_ACCOUNT = re.compile(r"\d{12}")


def load(folder: Path, *, only: Path | None = None, boundary: Path | None = None) -> Configuration:
    """Evaluate one folder as a root module.

    ``only``: report the policies whose statements or resource stand in this one file. ``boundary``: the folder below
    which expressions may read files (default: ``folder``). Never raises for what is in the files: one that cannot be
    read is among ``unreadable``, with the line and the reason, and the rest is read.
    """
    root_folder = read_folder(folder)
    run = Run(Files(boundary or folder), folders={folder: root_folder})
    root = Module(run, root_folder)
    found = collect(root)
    policies = found.policies
    if only is not None:
        policies = [policy for policy in policies if str(only) in _files_of(policy)]
    return Configuration(
        framework=Framework.TERRAFORM,
        files=tuple(parsed.source.file for read in run.folders.values() for parsed in read.files),
        resources=tuple(found.resources),
        policies=tuple(policies),
        roles=tuple(found.roles),
        suppressions=tuple(_suppressions(root, run, found)),
        unreadable=(*_unreadable(run.folders.values()), *found.unreadable),
        account=_account(root),
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


def _unreadable(folders: Iterable[Folder]) -> Iterator[Unreadable]:
    for folder in folders:
        for parsed in folder.files:
            for problem in parsed.problems:
                yield Unreadable(parsed.source.file, problem.reason, problem.line)


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


def _account(root: Module) -> str | None:
    """The account that the ``aws`` provider is limited to, where it is one literal account everywhere."""
    found: set[str | None] = set()
    for block in root.folder.providers:
        if block.labels[0] != "aws":
            continue
        value = written(block, "allowed_account_ids", root.scope(block.source))
        if value is None:
            found.add(None)
        elif isinstance(value, Items) and len(value.items) == 1:
            account = literal(value.items[0])
            found.add(account if account is not None and _ACCOUNT.fullmatch(account) else None)
        else:
            found.add(None)
    return found.pop() if len(found) == 1 else None


__all__ = ["called_folders", "is_terraform_file", "load"]
