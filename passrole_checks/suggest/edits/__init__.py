"""Edits of the original text that leave everything else as written."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from passrole_checks.scan.result import LocatedGrant
from passrole_checks.suggest.edits.compute_edits import compute_edits
from passrole_checks.suggest.edits.syntax_tree import NotEditableError
from passrole_checks.suggest.suggestion import Edit, StatementChange, apply_edits, edited_files


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


__all__ = ["apply_edits", "edited_files", "edits_for"]
