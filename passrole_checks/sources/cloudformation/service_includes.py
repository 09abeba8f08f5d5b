"""Read the files that a service of the Serverless Framework names: ``${file(roles.yml):arn}``.

Files are read only inside the repository or the scanned folders; programs are never run. Source: Serverless Framework,
"Reference YAML/JSON Files" (a path is relative to the service; other files are text; programs are JavaScript and
TypeScript).
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from passrole_checks.errors import InputError
from passrole_checks.files.safe_read import OutsideError, open_error_reason
from passrole_checks.files.unsaved_texts import names_in
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.cloudformation.template import Template, text_node
from passrole_checks.sources.files.read_boundary import current_boundary

MAX_FILES = 200
MAX_BYTES = 2_000_000
_DATA = frozenset({".json", ".tfstate", ".yaml", ".yml"})
_PROGRAMS = frozenset({".cjs", ".cts", ".js", ".mjs", ".mts", ".ts"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a variable has no value. ``text``: the unresolved text. ``missing``: it refers to nothing."""

    reason: str
    text: str = ""
    missing: bool = False


class ServiceIncludes:
    """The files that one service names, relative to its ``folder``; None if no file may be read.

    ``errors``: files that are neither YAML nor JSON. ``roots``: the root nodes of the others, by path.
    """

    def __init__(self, template: Template, folder: Path | None) -> None:
        self.template, self.folder = template, folder
        self.errors: list[InputError] = []
        self.roots: dict[str, yaml.Node] = {}
        self._files: dict[str, yaml.Node | Problem] = {}

    def read(self, name: str) -> yaml.Node | Problem:
        """Return the root node of a file."""
        if name not in self._files:
            self._files[name] = self._read(name) if len(self._files) < MAX_FILES else Problem("too many files")
        return self._files[name]

    def matching(self, before: str, after: str) -> list[str]:
        """Return the texts between ``before`` and ``after`` for which a file or a folder of that name exists."""
        head, start = os.path.split(before)
        end, below, _ = after.partition("/")
        if self.folder is None:
            return []
        folder = self.folder / head
        if not current_boundary().allows(folder):
            return []
        try:
            names = names_in(folder)
        except (OSError, ValueError):
            return []
        fitting = (
            name
            for name in names
            if name.startswith(start) and name.endswith(end) and (below or os.path.splitext(name)[1].lower() in _DATA)
        )
        return [text for name in fitting if (text := name[len(start) : len(name) - len(end)])]

    def _read(self, name: str) -> yaml.Node | Problem:
        """Read a file."""
        shown, extension = name[:80], os.path.splitext(name)[1].lower()
        if extension in _PROGRAMS:
            return Problem(f"{shown} is a program, which is not run")
        if self.folder is None or "\0" in name:
            return Problem(f"{shown} is not read")
        path = self.folder / name
        try:
            current_boundary().check(path)
            path = path.resolve()
            content = current_boundary().read(path, MAX_BYTES).decode("utf-8-sig")
            if extension not in _DATA:
                return text_node(content, self.template.root)
            node = self.template.include(str(path), content)
        except OutsideError as error:
            return Problem(f"{shown} {error.strerror}")
        except FileNotFoundError:
            return Problem(f"{shown} does not exist", missing=True)
        except UnicodeDecodeError:
            self.errors.append(InputError(str(path), "not UTF-8 text"))
            return Problem(f"{shown} is not UTF-8 text")
        except InputError as error:
            self.errors.append(error)
            return Problem(f"{shown} cannot be read: {error.reason}")
        except (OSError, RuntimeError, ValueError) as error:
            return Problem(f"{shown} cannot be opened: {open_error_reason(path, error)}")
        if node is None:
            return Problem(f"{shown} is empty", missing=True)
        self.roots[str(path)] = node
        return node
