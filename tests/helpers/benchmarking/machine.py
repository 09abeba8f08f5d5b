"""The machine and the versions that figures are of."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("checkov", "cfn-lint", "tree-sitter", "tree-sitter-hcl", "PyYAML")


def described() -> str:
    """The processor, the operating system, Python and the packages that are compared, in one line."""
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    system = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{processor()}, {os.cpu_count()} cores, {system}; {python}, {packages}"


def missing() -> list[str]:
    """The hosts that are not installed."""
    return [name for name in ("checkov", "cfn-lint") if _version(name) == "not installed"]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or "unknown processor"
