"""The state of the fake: users, a merge request with versions of its diff, discussions with notes."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any

GUEST, REPORTER, DEVELOPER = 10, 20, 30
_COMMAND = re.compile(
    r"/(close|reopen|merge|approve|assign|label|title|lock|draft|ready|react|tableflip)\b", re.IGNORECASE
)


class Refusal(Exception):
    """An error response of GitLab: ``status`` and the document."""

    def __init__(self, status: int, document: Any) -> None:
        super().__init__(status, document)
        self.status, self.document = status, document


@dataclass(frozen=True)
class User:
    id: int
    username: str
    is_bot: bool = False


@dataclass(frozen=True)
class Token:
    value: str
    user: User
    role: int = DEVELOPER
    scope: str = "api"
    is_valid: bool = True


@dataclass(frozen=True)
class MergeCommit:
    """A commit; None for an email address without an account."""

    author: User | None
    committer: User | None


@dataclass
class Note:
    """``edited_by``: the last to edit its text, or None."""

    id: int
    author: User
    body: str
    type: str | None
    system: bool = False
    position: dict[str, Any] | None = None
    resolved_by: User | None = None
    edited_by: User | None = None

    @property
    def is_resolvable(self) -> bool:
        return self.type is not None and not self.system


@dataclass
class Discussion:
    id: str
    individual_note: bool
    notes: list[Note]

    @property
    def resolved_by(self) -> User | None:
        return self.notes[0].resolved_by


@dataclass(frozen=True)
class FileDiff:
    old_path: str
    new_path: str
    diff: str
    new_file: bool
    deleted_file: bool
    lines: dict[int, int | None]  # of the new version: the number in the old one, None for an added line
    removed: frozenset[int]


@dataclass(frozen=True)
class Version:
    id: int
    base_sha: str
    start_sha: str
    head_sha: str
    files: tuple[FileDiff, ...]

    def check(self, position: dict[str, Any], *, knows_files: bool) -> None:
        """Refuse, as GitLab does, a position that names no line of this version."""
        kinds = ("text", "image", "file") if knows_files else ("text", "image")
        if position.get("position_type") not in kinds:
            raise Refusal(400, {"error": "position[position_type] does not have a valid value"})
        old_path, new_path = position.get("old_path"), position.get("new_path")
        file = next((each for each in self.files if (each.old_path, each.new_path) == (old_path, new_path)), None)
        if file is None:
            raise Refusal(400, {"message": '400 Bad request - Note {:position=>["is incomplete"]}'})
        if position["position_type"] == "file":
            return
        old, new = position.get("old_line"), position.get("new_line")
        is_there = old in file.removed if new is None else new in file.lines and file.lines[new] == old
        if not is_there:
            words = '400 Bad request - Note {:line_code=>["can\'t be blank", "must be a valid line code"]}'
            raise Refusal(400, {"message": words})


@dataclass
class MergeRequest:
    """``commits``: those whose people matter to a test; ``unlisted_commits``: the number of more that are only
    counted."""

    iid: int
    base_files: dict[str, str]
    head_files: dict[str, str]
    renamed: dict[str, str] = field(default_factory=dict)
    state: str = "opened"
    is_locked: bool = False
    base_sha: str = "b" * 40
    head_sha: str = ""
    versions: list[Version] = field(default_factory=list)
    discussions: list[Discussion] = field(default_factory=list)
    author: User = field(default_factory=lambda: User(2, "contributor"))
    labels: list[str] = field(default_factory=list)
    commits: list[MergeCommit] = field(default_factory=list)
    unlisted_commits: int = 0


def sha_of(*words: object) -> str:
    return hashlib.sha1(repr(words).encode()).hexdigest()


def differences(request: MergeRequest) -> tuple[FileDiff, ...]:
    """Return the diff of both sides, file by file, in GitLab's format: hunks with three context lines."""
    found = []
    for new_path in sorted({*request.head_files, *request.base_files}):
        old_path = request.renamed.get(new_path, new_path)
        if new_path in request.renamed.values() and new_path not in request.head_files:
            continue
        old, new = request.base_files.get(old_path), request.head_files.get(new_path)
        if old != new or old_path != new_path:
            found.append(_file_diff(old_path, new_path, old, new))
    return tuple(found)


def _file_diff(old_path: str, new_path: str, old: str | None, new: str | None) -> FileDiff:
    a, b = (old or "").split("\n"), (new or "").split("\n")
    a, b = a[:-1] if a[-1] == "" else a, b[:-1] if b[-1] == "" else b
    said: list[str] = []
    lines: dict[int, int | None] = {}
    removed = set[int]()
    for group in difflib.SequenceMatcher(None, a, b, autojunk=False).get_grouped_opcodes(3):
        if all(tag == "equal" for tag, *_ in group):
            continue
        first, last = group[0], group[-1]
        spans = [(first[1], last[2]), (first[3], last[4])]
        heads = [f"{start + (end > start)},{end - start}" for start, end in spans]
        said.append(f"@@ -{heads[0]} +{heads[1]} @@")
        for tag, i, j, k, m in group:
            if tag == "equal":
                lines.update({k + at + 1: i + at + 1 for at in range(j - i)})
                said += [f" {text}" for text in a[i:j]]
                continue
            removed |= {at + 1 for at in range(i, j)}
            lines.update({at + 1: None for at in range(k, m)})
            said += [*(f"-{text}" for text in a[i:j]), *(f"+{text}" for text in b[k:m])]
    diff = "".join(f"{text}\n" for text in said)
    return FileDiff(old_path, new_path, diff, old is None, new is None, lines, frozenset(removed))


def without_commands(body: str) -> tuple[str, list[str]]:
    """Return a text without its quick actions, and these: commands at the beginning of lines. GitLab skips what it
    takes for code, which is not all that Markdown does; here no code is skipped. Trailing whitespace is removed."""
    lines = body.replace("\r", "").rstrip().split("\n")
    commands = [line.strip() for line in lines if _COMMAND.match(line)]
    return "\n".join(line for line in lines if not _COMMAND.match(line)), commands


def applied(files: dict[str, str], note: Note) -> dict[str, str]:
    """Return the files with the suggestion of a note applied, as the button does."""
    position = note.position
    assert position is not None and position.get("new_line") is not None, "no suggestion can stand here"
    found = re.search(r"^(`{3,})suggestion:-(\d+)\+(\d+)\n(.*?)^\1$", note.body, re.MULTILINE | re.DOTALL)
    assert found is not None, "no suggestion"
    path, line = position["new_path"], position["new_line"]
    lines = files[path].splitlines(keepends=True)
    lines[line - 1 - int(found[2]) : line + int(found[3])] = [found[4]]
    return {**files, path: "".join(lines)}
