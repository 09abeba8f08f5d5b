"""The folders whose files a client may ask about, and the paths in its requests.

Source: Model Context Protocol, "Roots": a client names the folders that a server may operate on, as ``file:`` URIs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit
from urllib.request import url2pathname

from passrole_checks.errors import PassRoleChecksError
from passrole_checks.escaping.shorten import listed, truncate
from passrole_checks.files.unsaved_texts import is_unsaved
from passrole_checks.iam.fast_dataclass import dataclass

_LONGEST = 4_096  # characters of a path
_MOST_SHOWN = 200


class WorkspaceError(PassRoleChecksError):
    """Raised for a path that a client may not ask about, or that does not exist."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders that may be read. ``roots``: absolute, without symbolic links, each once."""

    roots: tuple[str, ...]

    @classmethod
    def of_folders(cls, folders: Iterable[str | os.PathLike[str]]) -> Workspace:
        """Return the workspace of those paths that are folders; symbolic links are resolved."""
        real_paths = dict.fromkeys(map(os.path.realpath, folders))
        return cls(tuple(path for path in real_paths if os.path.isdir(path)))

    @property
    def base(self) -> str:
        """The folder that answers name files relative to; "" if there are several, and paths are absolute."""
        return self.roots[0] if len(self.roots) == 1 else ""

    def locate(self, name: str, *, may_be_new: bool = False) -> str:
        """Return the path that a client means, without symbolic links.

        ``name``: an absolute path, a ``file:`` URI, or a path relative to one of the roots. ``may_be_new``: it need not
        exist. Texts that are not saved yet exist.

        Raises a :class:`WorkspaceError`.
        """
        shown = truncate(name, _MOST_SHOWN)
        if not name or "\0" in name or len(name) > _LONGEST:
            raise WorkspaceError(f"{shown!r}: not a path")
        written = path_of_uri(name) or name
        places = [written] if os.path.isabs(written) else [os.path.join(root, written) for root in self.roots]
        real_paths = dict.fromkeys(map(os.path.realpath, places))
        inside = list(filter(self._contains, real_paths))
        if not inside or any(real not in inside and os.path.lexists(real) for real in real_paths):
            raise WorkspaceError(f"{shown}: outside of the folders that may be read ({listed(self.roots)})")
        found = [path for path in inside if is_unsaved(path) or os.path.lexists(path)]
        if not found and may_be_new:
            found = [path for path in inside if os.path.isdir(os.path.dirname(path))] or inside
        if not found:
            raise WorkspaceError(f"{shown}: no such file or folder in {listed(self.roots)}")
        if len(found) > 1:
            raise WorkspaceError(f"{shown}: in several folders ({listed(found)}): give an absolute path")
        return found[0]

    def _contains(self, real: str) -> bool:
        return any(real == root or real.startswith(os.path.join(root, "")) for root in self.roots)


def path_of_uri(uri: str) -> str | None:
    """Return the path of a ``file:`` URI on this machine; None for anything else."""
    if not uri.lower().startswith("file:"):
        return None
    try:
        parts = urlsplit(uri)
        return url2pathname(parts.path) if parts.netloc in ("", "localhost") else None
    except ValueError:
        return None


def workspace_of_roots(uris: Sequence[str]) -> Workspace:
    """Return the workspace of a client that names its roots by URIs.

    Raises a :class:`WorkspaceError` if none of them is a folder on this machine.
    """
    paths = (path_of_uri(uri) for uri in uris)
    workspace = Workspace.of_folders(path for path in paths if path and "\0" not in path)
    if not workspace.roots:
        raise WorkspaceError("no folder is open: the client names no root that is a folder on this machine")
    return workspace
