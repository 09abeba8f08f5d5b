"""The dialogue of ``fix --interactive``: show each edit, and ask whether to write it.

All of it is on standard error, so that standard output contains the result only. As in all of the command line, modules
other than the standard library are imported where they are used.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from passrole_checks.cli.write_outputs import write_error_lines

if TYPE_CHECKING:
    from passrole_checks.api import SuggestResult
    from passrole_checks.suggest.grade import Grade
    from passrole_checks.suggest.suggestion import Suggestion

_HELP = """\
y - write this edit
n - do not write it (default)
a - write this edit and all later ones of its grade
q - quit: write only the edits accepted so far
"""


def require_terminal() -> None:
    """Raise a :class:`ConfigurationError` if there is no terminal to ask on."""
    from passrole_checks.errors import ConfigurationError

    if not all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr)):
        raise ConfigurationError("--interactive requires a terminal")


def choose(suggested: SuggestResult, options: dict[str, Any]) -> list[Suggestion]:
    """Return the suggestions to write, as answered on the terminal.

    Edits of all grades are offered, or with ``--grade`` those that it asks for; of several edits of one statement, the
    first that is accepted.
    """
    offered = [
        one for one in suggested.suggestions if one.edits and (not options["grade"] or one.grade in suggested.grades)
    ]
    accepted: list[Suggestion] = []
    all_of: set[Grade | None] = set()
    for number, suggestion in enumerate(offered, 1):
        if any(one.at == suggestion.at for one in accepted):
            continue
        if suggestion.grade in all_of:
            accepted.append(suggestion)
            continue
        _show(suggestion, suggested, options)
        if any(one.at == suggestion.at for one in offered[number:]):
            sys.stderr.write("Another edit of this statement follows if this one is not written.\n")
        answer = _ask(f"Write this edit ({number}/{len(offered)}) [y,n,a,q,?]? ")
        if answer == "q":
            break
        if answer == "a":
            all_of.add(suggestion.grade)
        if answer in ("y", "a"):
            accepted.append(suggestion)
    return accepted


def _show(suggestion: Suggestion, suggested: SuggestResult, options: dict[str, Any]) -> None:
    from passrole_checks.cli.suggest_runner import suggestions_only
    from passrole_checks.output.findings_text import text_width

    write_error_lines(suggestions_only([suggestion], suggested, text_width(terminal=True)), options)


def _ask(question: str) -> str:
    """Return the answer: ``y``, ``n``, ``a`` or ``q``; ``q`` at the end of the input."""
    while True:
        sys.stderr.write(question)
        sys.stderr.flush()
        line = sys.stdin.readline()
        if not line:
            sys.stderr.write("\n")
            return "q"
        answer = line.strip().lower()[:1] or "n"
        if answer in "ynaq":
            return answer
        sys.stderr.write(_HELP)
