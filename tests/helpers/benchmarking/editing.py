"""Edit a file of a root module as an editor does: ``editing.py FOLDER`` prints the median processor time of an edit."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from passrole_checks.lsp.workspace import Changes, Client, Document, Workspace
from passrole_checks.scan.result import ScanOptions

EDITS = 100


def main(folder: Path) -> None:
    """Judge a hundred versions of the first file."""
    path = min(folder.resolve().glob("*.tf"))
    text, name = path.read_text("utf-8"), str(path)
    files, seconds = Workspace(ScanOptions(), (), Client()), []
    files.update({name: Document(path.as_uri(), name, 0, text)}, [path.parent], Changes(saved=frozenset([name])))
    for number in range(EDITS):
        edited = text.replace('"*"', '"arn:aws:iam::111122223333:role/x"') if number % 2 else text
        document = Document(path.as_uri(), name, number, f"{edited}\n# {number}\n")
        start = time.process_time()
        found = files.update({name: document}, [path.parent], Changes(typed=frozenset([name])))
        seconds.append(time.process_time() - start)
        assert found[path.as_uri()]
    print(f"{statistics.median(seconds):.4f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
