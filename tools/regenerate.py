"""Regenerate all expected outputs: the files beside the samples and test cases, and the examples in the README.

``python -m tools.regenerate`` writes what the code produces now; review each line of the difference against the
promises of the project before you commit it. ``--check`` writes nothing. Arguments limit it to test modules whose path
contains one of them: ``python -m tools.regenerate suggest documentation``.

Each module in ``MODULES`` has a function ``outputs`` that yields files with their contents; its tests compare the same.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODULES = (
    "tests/test_samples.py",
    "tests/test_unreadable.py",
    "tests/cli/test_diff.py",
    "tests/cli/test_observed_use.py",
    "tests/required/test_required_samples.py",
    "tests/suggest/test_suggest_samples.py",
    "tests/suggest/edits/test_cases.py",
    "tests/review/markdown/test_pages.py",
    "tests/mcp_server/test_page.py",
    "tests/test_documentation.py",
)


def outputs(module: str) -> Iterator[tuple[Path, str]]:
    """Yield the files that a test module compares, with the contents that the code produces now."""
    name = f"regenerate_{Path(module).stem}"
    spec = importlib.util.spec_from_file_location(name, ROOT / module)
    assert spec is not None and spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded  # dataclasses look their module up
    spec.loader.exec_module(loaded)
    yield from loaded.outputs()


def outdated(module: str) -> Iterator[tuple[Path, str]]:
    """Yield those of the outputs whose file is missing or has other content."""
    for path, content in outputs(module):
        if not path.exists() or path.read_text("utf-8") != content:
            yield path, content


def prepare() -> None:
    """Make the test modules importable, and results independent of the cache and of the user's environment."""
    for name in [name for name in os.environ if name.startswith("PASSROLE_CHECKS_")]:
        del os.environ[name]
    os.environ["PASSROLE_CHECKS_CACHE_DIR"] = ""
    for folder in (ROOT / "tests" / "helpers", ROOT):
        sys.path.insert(0, str(folder))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


def main(arguments: list[str] | None = None) -> int:
    """Write the outputs that differ, and print their paths. Return 1 if ``--check`` found any, else 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.regenerate", description="Regenerate all expected outputs.")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="part of the path of a test module")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file would change")
    options = parser.parse_args(arguments)
    prepare()
    changed = 0
    for module in MODULES:
        if options.modules and not any(part in module for part in options.modules):
            continue
        for path, content in outdated(module):
            changed += 1
            print(path.relative_to(ROOT).as_posix())
            if not options.check:
                path.write_text(content, "utf-8")
    print(f"{changed} {'file' if changed == 1 else 'files'} {'outdated' if options.check else 'written'}")
    return 1 if options.check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
