"""Check the subject of a commit message: ``area: what the commit does``, at most 72 characters.

Run by the commit-msg hook in ``.pre-commit-config.yaml`` as ``python tools/commit_subject.py FILE``. Needs the standard
library only. Messages that git writes itself (merges, reverts, ``fixup!`` and its kind) are accepted as they are.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

MAX_LENGTH = 72
_AREAS = re.compile(r"[a-z][a-z0-9_-]*(?:, [a-z][a-z0-9_-]*)*: ")
_BY_GIT = re.compile(r'Merge |Revert "|Reapply "|(?:fixup|squash|amend)! ')
_SCISSORS = "# ------------------------ >8 ------------------------"  # `git commit --verbose`: the diff follows


def problems(message: str) -> list[str]:
    """Return what is wrong with a commit message, one sentence each; none for a good one."""
    text = message.partition(_SCISSORS)[0]
    lines = [line.rstrip() for line in text.splitlines() if not line.startswith("#")]
    while lines and not lines[0]:
        del lines[0]
    if not lines:
        return []  # git refuses an empty message itself
    subject = lines[0]
    if _BY_GIT.match(subject):
        return []
    found = []
    if len(subject) > MAX_LENGTH:
        found.append(f"The subject has {len(subject)} characters; write at most {MAX_LENGTH} and move the rest below.")
    if not _AREAS.match(subject):
        found.append("The subject names no area; start with one, such as `terraform: ` or `iam, access: `.")
    if subject.endswith("."):
        found.append("The subject ends with a period; remove it.")
    if len(lines) > 1 and lines[1]:
        found.append("The body follows the subject directly; leave one line empty between them.")
    return found


def main(arguments: list[str]) -> int:
    """Print the problems of the message in the file that git names. Return 1 if there are any, else 0."""
    (file,) = arguments
    found = problems(Path(file).read_text("utf-8", errors="replace"))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
