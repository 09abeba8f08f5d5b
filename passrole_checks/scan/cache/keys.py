"""Cache keys: the options of a scan and the program that ran it.

A key contains everything that can change a result beside the accessed files: the program down to its last file (code
changes without the version, in a clone), the packages that parse, Python, and each option.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from passrole_checks import __version__

if TYPE_CHECKING:
    from passrole_checks.scan.result import ScanOptions
    from passrole_checks.sources.detect import Unit

FORMAT = 1  # of entries; another one is another program

_PARSERS = ("tree_sitter", "tree_sitter_hcl", "hcl2", "lark", "yaml", "_yaml", "regex")
_LAST = frozenset({"minimum_severity", "minimum_confidence"})  # what is chosen from all that was found
_NAME = 20  # bytes


@lru_cache(maxsize=1)
def program() -> str:
    """Return an identifier of this program, its parsers and Python, which changes if one of their files does.

    "" if they are not in folders, so that no change could be seen.
    """
    told = [f"{FORMAT} {__version__} {sys.implementation.cache_tag} {sys.version} {sys.platform}"]
    own = Path(__file__).resolve().parents[2]
    if not own.is_dir():
        return ""
    told += _files(str(own))
    for name in _PARSERS:
        try:
            spec = find_spec(name)
        except (ImportError, ValueError):
            spec = None
        places = (spec.submodule_search_locations or [spec.origin or ""]) if spec is not None else []
        for place in places:
            told.append(f"{name} {place}")
            told += _files(place)
    return f"{__version__}-{_digest(told)[:16]}"


def _files(folder: str) -> Iterator[str]:
    """Yield each file below a folder, with its size and modification time."""
    for current, below, names in os.walk(folder, followlinks=True):
        below[:] = sorted(name for name in below if name != "__pycache__")
        for name in sorted(names):
            path = os.path.join(current, name)
            status = os.stat(path)
            yield f"{path} {status.st_size} {status.st_mtime_ns}"


def paths_key(paths: Sequence[Path], options: ScanOptions) -> str:
    """Return the key of the scan of some paths."""
    return _digest(["paths", os.getcwd(), str(len(paths)), *map(str, paths), *_options(options)])


def unit_key(unit: Unit, options: ScanOptions) -> str | None:
    """Return the key of the scan of one unit; None if its text is not that of its file."""
    if any(one.content is not None for one in (unit, *unit.pages)):
        return None
    relative = options.inputs.var_files or options.inputs.source is not None
    return _digest(["unit", os.getcwd() if relative else "", repr(unit), *_options(options, but=_LAST)])


def _options(options: ScanOptions, but: frozenset[str] = frozenset()) -> Iterator[str]:
    for item in fields(options):
        if item.name not in but:
            value = getattr(options, item.name)
            words = sorted(value) if isinstance(value, frozenset) else [value]
            yield f"{item.name} {[str(getattr(word, 'value', word)) for word in words]!r}"


def _digest(words: Sequence[str]) -> str:
    """Return a digest of strings in order; different lists have different digests."""
    told = hashlib.blake2b(digest_size=_NAME)
    for word in words:
        data = word.encode("utf-8", "surrogatepass")
        told.update(b"%d\0" % len(data))
        told.update(data)
    return told.hexdigest()
