"""A program between the client and the fake that checks both (Stoplight's Prism, started by ``.ci/prism.sh``).
Configured by environment variables: PASSROLE_GITHUB_THROUGH, its address; PASSROLE_GITHUB_PORT, the port that it
forwards calls to; PASSROLE_GITHUB_LOG, its log file."""

from __future__ import annotations

import contextlib
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path

_COMPLAINT = re.compile(r"Violation: |stoplight\.io/prism/errors#")
_MARK = "/all-of-it-"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass
class Proxy:
    """``read``: the length of the log at the beginning."""

    url: str
    port: int
    log: Path
    read: int

    @classmethod
    def of_environment(cls) -> Proxy | None:
        url = os.environ.get("PASSROLE_GITHUB_THROUGH")
        if not url:
            return None
        log = Path(os.environ["PASSROLE_GITHUB_LOG"])
        return cls(url, int(os.environ["PASSROLE_GITHUB_PORT"]), log, log.stat().st_size)

    def complaints(self) -> list[str]:
        """Return what the proxy has reported since the beginning. It writes late, but in order: a last call with a
        unique path marks the end. Raise TimeoutError after a minute."""
        mark = f"{_MARK}{uuid.uuid4().hex}"
        with contextlib.suppress(urllib.error.HTTPError):  # there is no such operation
            urllib.request.urlopen(self.url + mark, timeout=60)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            new = _COLOURS.sub("", self.log.read_bytes()[self.read :].decode(errors="replace"))
            before, found, _ = new.partition(mark)
            if found:
                return [line for line in before.splitlines() if _COMPLAINT.search(line) and _MARK not in line]
            time.sleep(0.02)
        raise TimeoutError(f"{self.log} does not tell of {mark}")
