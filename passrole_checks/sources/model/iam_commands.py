"""Find calls of the AWS CLI that attach or create IAM policies in any text: scripts, templates, configurations, plans.

Source: AWS CLI Command Reference, ``iam`` (``attach-role-policy``, ``put-role-policy``, ``create-policy`` and the same
for users, groups and versions), ``sso-admin``, and "Global options". Whether a command runs, and with which effect, is
unknown: it is not evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.model.configuration import NoteKind, Unreadable

_BLANKS = r"""(?:\\[nrt]|["',\s\\])+"""  # between the words of a text or of a list; in JSON, line breaks are escaped
_OPTIONS = rf"""(?:{_BLANKS}--[^\s"',\\]+(?:{_BLANKS}(?!-)[^\s"',\\]+)??){{0,8}}?"""
_COMMAND = lazy_regex(
    rf"(?:\b|(?<=\\n))(iam|sso-admin){_OPTIONS}{_BLANKS}"
    r"((?:attach|put)-[\w-]{0,40}policy[\w-]*|create-policy(?:-version)?)(?![\w-])"
)
# each begins with a plain text, which is found fast in a plan of 100 MB
_OPERATIONS = tuple(map(lazy_regex, (r"attach-[\w-]{0,40}policy", r"put-[\w-]{0,40}policy", "create-policy")))
_SCRIPT = lazy_regex(r"\.(?:bash|bat|cmd|ksh|ps1|sh|zsh)(?:\.(?:tftpl|tmpl|tpl))?\Z", re.IGNORECASE)
_PASS_ROLE = lazy_regex(r"^(?![ \t]*#)[^\n]*iam:passrole", re.IGNORECASE | re.MULTILINE)
_ARGUMENTS = lazy_regex(r"(?:'[^']*'|\\\r?\n|[^\n])*")  # of one line, of lines that are continued or in single quotes
_MAX_ARGUMENTS = 500
_COMMENT = lazy_regex(r"[ \t]*(?:#|//)")
_MAX_LINE = 2_000  # characters of a line before the command in which its beginning is searched


def is_script(name: str) -> bool:
    """True if a file, by its name, is a shell script, or the template of one."""
    return _SCRIPT.search(name) is not None


def note_on_commands(file: str, text: str) -> Iterator[Unreadable]:
    """Yield the note on the commands of a file, other than in comments, at the first of them; none if it has none.

    A shell script that names iam:PassRole has a note there. ``content`` of the note are the commands.
    """
    match = _PASS_ROLE.search(text) if is_script(file) else None
    at, called = (match.end() if match is not None else -1), ""
    commands: dict[str, None] = {}
    for operation, offset, words in _commands(text):
        if at < 0:
            at, called = offset, operation
        commands[words] = None
    reason = f"a file that calls `{called}`: its commands are not evaluated"
    if not called:
        reason = (
            "a shell script that names iam:PassRole: its commands are not evaluated; policies in JSON files "
            "(`--policy-document file://policy.json`) are"
        )
    if at >= 0:
        yield Unreadable(file, reason, text.count("\n", 0, at) + 1, kind=NoteKind.COMMAND, content=tuple(commands))


def _commands(text: str) -> Iterator[tuple[str, int, str]]:
    """Yield each command: its operation (``aws iam create-policy``), the offset of that, and its beginning."""
    if not any(operation.search(text) for operation in _OPERATIONS):
        return
    for match in _COMMAND.finditer(text):
        start = max(0, match.start() - _MAX_LINE)
        ends = ((text.rfind(line_break, start, match.start()), len(line_break)) for line_break in ("\n", "\\n"))
        begin = max((at + length for at, length in ends if at >= 0), default=-start)  # negative: too far away
        if begin >= 0 and _COMMENT.match(text, begin, match.start()):
            continue
        operation = f"aws {match[1]} {match[2]}"
        arguments = _ARGUMENTS.match(text, match.end(), match.end() + _MAX_ARGUMENTS)
        words = f"{operation} {arguments[0] if arguments is not None else ''}"
        yield operation, match.start(2), " ".join(words.split()).rstrip('", ')
