"""The commit that is checked out where files were scanned, and which of the files are those of the commit.

Files are compared by their ids, which are computed here: git could run filters that the repository configures
(gitattributes(5), "filter") if it compared the working tree itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from passrole_checks.files.safe_read import read_bounded
from passrole_checks.git_versions.forge_links import Links, remote_repository
from passrole_checks.git_versions.git import Repository
from passrole_checks.git_versions.snapshot import blob_id
from passrole_checks.git_versions.trees import tree_entries
from passrole_checks.iam.fast_dataclass import dataclass

_LARGEST = 30_000_000  # bytes of a file that is compared


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree. ``name``: of its repository, as its remote calls it, or that of its folder. ``commit``: the id of
    HEAD. ``paths``: maps each file as given to its path from the top of the tree. ``changed``: paths whose content is
    another than that in the commit. ``new``: paths that the commit does not have.
    """

    name: str
    commit: str
    forge: str
    server: str
    paths: Mapping[str, str]
    changed: frozenset[str]
    new: frozenset[str]

    def links(self, forge: str = "", server: str = "", repository: str = "") -> Links:
        """Return the links to the commit on the forge of the remote; none if that is unknown.

        ``forge``, ``server`` and ``repository`` are those of the pipeline, which may have checked out another
        repository: its server gives the kind of the forge only if the remote is on the same host, and its URLs are used
        only if the repository is the same too.
        """
        own = self.forge, self.server, self.name
        if forge and self.server and _host(server) == _host(self.server):
            is_same = _address(server, repository) == _address(self.server, self.name)
            own = (forge, server, repository) if is_same else (forge, self.server, self.name)
        if not own[0]:
            return Links()
        return Links(own[1], own[2], self.commit, forge=own[0], unlike_head=self.changed, outside=self.new)


def checkout_of(folder: Path, files: Iterable[str]) -> Checkout | None:
    """Return the checkout that contains ``folder``, with those of ``files`` that are in it; None if there is none, or
    no commit yet.

    Raises a :class:`~passrole_checks.errors.SnapshotError` if git is not installed or refuses to read the repository.
    """
    repository = Repository.around(folder)
    commit = repository.resolve("HEAD") if repository is not None else None
    if repository is None or repository.top is None or commit is None:
        return None
    ids = {entry.path: entry.id for entry in tree_entries(repository, commit)}
    top = os.path.realpath(repository.top)
    paths = {file: path for file in files if (path := _path_below(file, top)) is not None}
    new = frozenset(path for path in paths.values() if path not in ids)
    changed = frozenset(
        path for file, path in paths.items() if path in ids and _id_of(file, len(ids[path])) != ids[path]
    )
    forge, server, name = remote_repository(repository.remote_url())
    return Checkout(name or os.path.basename(top), commit, forge, server, paths, changed, new)


def _host(server: str) -> str:
    """Return the host of a URL; a remote over SSH has another port than the pages of the server."""
    return urlsplit(server).hostname or ""


def _address(server: str, repository: str) -> str:
    """Return the path of a repository on its host; a server may be below a path (GitLab Docs, "Relative URL")."""
    return f"{urlsplit(server).path.strip('/')}/{repository}".strip("/").casefold()


def _path_below(file: str, top: str) -> str | None:
    relative = os.path.relpath(os.path.realpath(file), top)
    return None if relative.split(os.sep)[0] == os.pardir else relative.replace(os.sep, "/")


def _id_of(file: str, length: int) -> str:
    """Return the id that a file has in git; "" if it cannot be read."""
    try:
        return blob_id(read_bounded(file, _LARGEST), length)
    except OSError:
        return ""
