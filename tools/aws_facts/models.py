"""The API models in botocore: those of the pinned release, and those that only earlier releases have.

AWS removes the model of a service that it retires. CloudTrail logs that are kept for years still contain its events.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

_VERSION = re.compile(r"\d{4}_?\d{2}_?\d{2}(?:v\d)?$")


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """The model of a service: `folder` in botocore, `content` of the file, and the `last` release of botocore that has
    its operations; empty for the pinned release."""

    folder: str
    content: Mapping[str, Any]
    last: str = ""


def plain_name(operation: str) -> str:
    """Return the name of an operation without the date that Lambda and CloudFront append."""
    return _VERSION.sub("", operation)


def newest_models(wheel: ZipFile, last: str = "") -> Iterator[ServiceModel]:
    """Yield the newest model of each service in a release of botocore."""
    newest: dict[str, str] = {}
    for name in sorted(wheel.namelist()):
        match = re.fullmatch(r"botocore/data/([\w-]+)/[\d-]+/service-2\.json(?:\.gz)?", name)
        if match:
            newest[match[1]] = name
    for name in sorted(newest.values()):
        data = wheel.read(name)
        content = json.loads(gzip.decompress(data) if name.endswith(".gz") else data)
        yield ServiceModel(name.split("/")[2], content, last)


def retired_models(current: ZipFile, earlier: Mapping[str, ZipFile]) -> list[ServiceModel]:
    """Return the models of earlier releases, each with only those operations that no later release has.

    `earlier`: the releases by version, latest first.
    """
    known = {
        (model.folder, plain_name(name)) for model in newest_models(current) for name in model.content["operations"]
    }
    retired: list[ServiceModel] = []
    for version, wheel in earlier.items():
        for model in newest_models(wheel, version):
            operations = model.content["operations"]
            gone = {name: value for name, value in operations.items() if (model.folder, plain_name(name)) not in known}
            if gone:
                known.update((model.folder, plain_name(name)) for name in gone)
                retired.append(ServiceModel(model.folder, {**model.content, "operations": gone}, version))
    return retired
