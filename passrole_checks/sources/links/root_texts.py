"""Find in the texts of roots which values of others they may read, and which they may pass."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks.sources.hcl_files import is_terragrunt
from passrole_checks.sources.links.link_texts import LinkText, link_text, outputs_read
from passrole_checks.sources.links.text_references import local_sources
from passrole_checks.sources.model.configuration import Framework, Inputs
from passrole_checks.sources.recognize import LARGEST_PLAN

if TYPE_CHECKING:
    from passrole_checks.sources.unit import Unit

_LONGEST_FILE = 20_000_000  # bytes
_TEMPLATES = frozenset({Framework.CLOUDFORMATION, Framework.SAM})


class LinkTexts:
    """Search of the texts of units for links."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._folders: dict[Path, tuple[LinkText, frozenset[Path]]] = {}
        self._templates: dict[Path, LinkText] = {}
        self._concerned: dict[Path, bool] = {}

    def add(self, folder: Path, texts: Sequence[bytes]) -> None:
        """Search the contents of the configuration files in a folder."""
        data = b"\n".join(texts)
        called = frozenset(Path(os.path.normpath(folder / name)) for name in local_sources(data))
        self._folders[folder] = link_text(data, is_terraform=True), called

    def add_template(self, file: Path, content: bytes) -> None:
        """Search the content of a template."""
        self._templates[file] = link_text(content, is_terraform=False)

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
            known = self._templates.get(unit.path) if unit.content is None else None
            return known or link_text(template_text(unit).encode("utf-8", "replace"), is_terraform=False)
        result = LinkText()
        for folder in self._folders_of(unit):
            text, _ = self._folders[folder]
            result = text if folder == unit.path else result | text.of_module()
        return result

    def outputs_read(self, unit: Unit) -> frozenset[str]:
        """Return the names of the outputs of other roots that a Terraform root may read, or ``ALL_OUTPUTS``."""
        folders = self._folders_of(unit)
        return frozenset[str]().union(
            *(outputs_read(b"\n".join(_contents(folder, unit, self._inputs))) for folder in folders)
        )

    def _folders_of(self, unit: Unit) -> list[Path]:
        """Return the folder of a Terraform root, and those of the local modules that it calls."""
        if unit.framework is not Framework.TERRAFORM or is_terragrunt(unit.path):
            return []
        seen, pending = dict[Path, None](), [unit.path]
        while pending:
            folder = pending.pop()
            if folder not in seen:
                seen[folder] = None
                if folder not in self._folders:
                    self.add(folder, _contents(folder, unit, self._inputs))
                pending += self._folders[folder][1]
        return list(seen)


def _contents(folder: Path, unit: Unit, inputs: Inputs) -> list[bytes]:
    """Return the contents of the configuration files in a folder that a unit may read."""
    from passrole_checks.sources.terraform.reading.files import terraform_files  # slow to import

    found: list[bytes] = []
    readable = unit.readable
    for file in terraform_files(folder, inputs.exclusions) if readable.allows(folder) else ():
        try:
            found.append(readable.read(file, _LONGEST_FILE))
        except OSError:
            continue
    return found


def template_text(unit: Unit) -> str:
    """Return the text of a template; "" if it cannot be read, which its scan reports."""
    if unit.content is not None:
        return unit.content
    try:
        return unit.readable.read(unit.path, LARGEST_PLAN).decode("utf-8-sig", "replace")
    except OSError:
        return ""
