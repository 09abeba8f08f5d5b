"""Edits of the original text that leave everything else as written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits.compute_edits import compute_edits
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.suggestion import Edit, StatementChange


def edits_for(
    located: LocatedGrant, change: StatementChange, read: Callable[[str], str], files: Sequence[str] = ()
) -> tuple[Edit, ...] | str:
    """Return the edits that change a statement to the target state, or the reason why there are none.

    ``read`` returns the text of a file, with its byte order mark and its line breaks. ``files``: all files read for the
    configuration (``Configuration.files``); a data source in another file of the module can be used. Returns no edits
    if the statement matches already. Never raises for the content of the files.
    """
    try:
        return compute_edits(located, change, read, files)
    except NotEditableError as reason:
        return str(reason)
    except RecursionError:
        return "the file is nested too deeply"
    except (OSError, KeyError, UnicodeError):
        return "its file cannot be read"


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Return the text of a file with edits. Raises ValueError if two overlap or one is out of range."""
    done, pieces = 0, list[str]()
    last = -1
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < done or edit.start == last or not edit.start <= edit.end <= len(text):
            raise ValueError(f"an edit at {edit.start} overlaps another or is out of range")
        pieces += [text[done : edit.start], edit.text]
        done, last = edit.end, edit.start
    return "".join([*pieces, text[done:]])


__all__ = ["apply_edits", "edits_for"]
