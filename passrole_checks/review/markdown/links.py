"""Addresses of lines of a repository, as GitHub and GitLab have them.

Sources: GitHub Docs, "Creating a permanent link to a code snippet" (``blob/COMMIT/PATH#L1-L2``); GitLab Docs, "File
management", section on permalinks (``-/blob/COMMIT/PATH#L1-2``); RFC 3986, 2.1 (percent-encoding).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!&=%+,-]+")  # of what a URL may hold, that which Markdown has no use for
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Links:
    """``server`` (https://github.com) and ``repository`` (owner/name) as the environment has them, ``head`` and
    ``base``: full ids of commits, ``run``: the address of the run. Each may be "": what needs it is then no link.
    ``unlike_head``: files of which ``head`` has other lines than are told of."""

    server: str = ""
    repository: str = ""
    head: str = ""
    base: str = ""
    run: str = ""
    gitlab: bool = False
    unlike_head: tuple[str, ...] = ()

    def blob(self, file: str, line: int = 0, end_line: int = 0, *, in_base: bool = False) -> str | None:
        """The address of lines of HEAD (or BASE); of the file, for ``line`` 0 or where its lines are others there. None
        where none can be made."""
        commit = self.base if in_base else self.head
        server = self.server.rstrip("/")
        if not (server and self.repository and _COMMIT.fullmatch(commit) and file):
            return None
        path = quote(file, safe="/", errors="surrogateescape" if _carries_bytes(file) else "replace")
        lines = ""
        if line > 0 and (in_base or file not in self.unlike_head):
            lines = f"#L{line}"
            if end_line > line:
                lines += f"-{end_line}" if self.gitlab else f"-L{end_line}"
        inner = "/-/blob/" if self.gitlab else "/blob/"
        return _whole(f"{server}/{quote(self.repository, safe='/')}{inner}{commit}/{path}{lines}")

    def run_url(self) -> str | None:
        """The address of the run, where it is one that can stand in Markdown."""
        return _whole(self.run)


def _whole(address: str) -> str | None:
    return address if len(address) <= _LONGEST and _URL.fullmatch(address) else None


def _carries_bytes(file: str) -> bool:
    """Whether lone surrogates of ``file`` are bytes of a name that is not UTF-8, as Python carries them."""
    return all("\udc80" <= character <= "\udcff" for character in file if "\ud800" <= character <= "\udfff")
