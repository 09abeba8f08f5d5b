"""Suggestions as edits of the original text, which leave all else as it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits.editing import edits_of
from passrole_checks.suggest.edits.written import Refused
from passrole_checks.suggest.suggestion import Edit, StatementChange


def edits_for(
    located: LocatedGrant, wish: StatementChange, read: Callable[[str], str], files: Sequence[str] = ()
) -> tuple[Edit, ...] | str:
    """The edits that make a statement say what is wished, or the reason, for people, why there are none.

    ``read`` gives the text of a file, with its byte order mark and its line breaks. ``files`` are all files that were
    read for the configuration (``Configuration.files``): a data source that stands in another file of the module can be
    used. No edits are needed where the statement says it already. Never raises for what is written in the files.
    """
    try:
        return edits_of(located, wish, read, files)
    except Refused as reason:
        return str(reason)
    except RecursionError:
        return "it is nested too deeply"
    except (OSError, KeyError, UnicodeError):
        return "the file that it stands in cannot be read"


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text of a file with edits of that file. Raises ValueError where two are of one place, or one lies outside."""
    done, pieces = 0, list[str]()
    last = -1
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start < done or edit.start == last or not edit.start <= edit.end <= len(text):
            raise ValueError(f"an edit at {edit.start} overlaps another, or lies outside of the text")
        pieces += [text[done : edit.start], edit.text]
        done, last = edit.end, edit.start
    return "".join([*pieces, text[done:]])


__all__ = ["apply", "edits_for"]
