"""URLs of lines in a repository on GitHub, GitLab and Gitea.

Sources: GitHub Docs, "Creating a permanent link to a code snippet" (``blob/COMMIT/PATH#L1-L2``); GitLab Docs, "File
management", section on permalinks (``-/blob/COMMIT/PATH#L1-2``); Gitea's "Copy Permalink" (``src/commit/COMMIT/PATH``);
RFC 3986, 2.1 (percent-encoding).
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from passrole_checks.git_versions.git import OBJECT_ID
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

GITHUB, GITLAB, GITEA = "github", "gitlab", "gitea"
"""The kinds of forges; Gitea includes Forgejo."""

_HOSTS = {GITHUB: ("github.",), GITLAB: ("gitlab.",), GITEA: ("gitea.", "forgejo.", "codeberg.org")}
_REMOTE = lazy_regex(
    r"(?:(?:https?|ssh|git)://(?:[^/@]*@)?(?P<host>[\w.-]+)(?P<port>:\d+)?/|(?:[\w.-]+@)?(?P<short>[\w.-]+):(?!/))"
    r"(?P<path>[\w.-]+(?:/[\w.-]+)+)/?"
)
_FOLDERS = {GITLAB: "-/blob", GITEA: "src/commit"}  # "blob" for others
_URL = lazy_regex(r"https?://[A-Za-z0-9._~:/?#@!&=%+,-]+")  # the URL characters without a meaning in Markdown
_MAX_URL = 1_000


@dataclass(frozen=True, slots=True)
class Links:
    """``server`` (https://github.com) and ``repository`` (owner/name) from the environment; ``head`` and ``base``: full
    commit ids; ``run``: URL of the run. Each may be "", and then there are no links that need it. ``forge``: its kind.
    ``unlike_head``: files whose lines in ``head`` differ from those reported. ``outside``: files that the repository
    does not have."""

    server: str = ""
    repository: str = ""
    head: str = ""
    base: str = ""
    run: str = ""
    forge: str = ""
    unlike_head: Collection[str] = ()
    outside: Collection[str] = ()

    def blob(self, file: str, line: int = 0, end_line: int = 0, *, in_base: bool = False) -> str | None:
        """Return the URL of lines of HEAD (or BASE); of the file if ``line`` is 0 or its lines differ there. None if
        there can be none."""
        commit = self.base if in_base else self.head
        server = self.server.rstrip("/")
        if not (server and self.repository and OBJECT_ID.fullmatch(commit) and file) or file in self.outside:
            return None
        path = quote(file, safe="/", errors="surrogateescape" if _has_surrogate_bytes(file) else "replace")
        lines = ""
        if line > 0 and (in_base or file not in self.unlike_head):
            lines = f"#L{line}"
            if end_line > line:
                lines += f"-{end_line}" if self.forge == GITLAB else f"-L{end_line}"
        folder = _FOLDERS.get(self.forge, "blob")
        return _valid_url(f"{server}/{quote(self.repository, safe='/')}/{folder}/{commit}/{path}{lines}")

    def commit_url(self) -> str | None:
        """Return the URL of HEAD; None if there can be none."""
        if not (self.server and self.repository and OBJECT_ID.fullmatch(self.head)):
            return None
        folder = "-/commit" if self.forge == GITLAB else "commit"
        return _valid_url(f"{self.server.rstrip('/')}/{quote(self.repository, safe='/')}/{folder}/{self.head}")

    def run_url(self) -> str | None:
        """Return the URL of the run, if it is safe in Markdown."""
        return _valid_url(self.run)


def remote_repository(url: str) -> tuple[str, str, str]:
    """Return forge, server and repository of the URL of a remote, without its credentials; "" for what is unknown.

    The forge is known by its host. Source: git-fetch(1), "GIT URLS".

    >>> remote_repository("git@github.com:acme/infra.git")
    ('github', 'https://github.com', 'acme/infra')
    >>> remote_repository("https://token@git.example.com/acme/infra")
    ('', 'https://git.example.com', 'acme/infra')
    """
    match = _REMOTE.fullmatch(url)
    if match is None:
        return "", "", ""
    host, path = (match["host"] or match["short"]).lower(), match["path"].removesuffix(".git")
    forge = next((forge for forge, names in _HOSTS.items() if any(name in host for name in names)), "")
    port = match["port"] if url.startswith("http") and match["port"] else ""
    return forge, f"{'http' if url.startswith('http:') else 'https'}://{host}{port}", path


def _valid_url(address: str) -> str | None:
    return address if len(address) <= _MAX_URL and _URL.fullmatch(address) else None


def _has_surrogate_bytes(file: str) -> bool:
    """True if the surrogates in ``file`` are all bytes of a name that is not UTF-8, as Python encodes them."""
    return all("\udc80" <= character <= "\udcff" for character in file if "\ud800" <= character <= "\udfff")
