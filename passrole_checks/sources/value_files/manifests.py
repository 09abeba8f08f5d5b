"""Values in files that also name the template: AWS SAM's ``samconfig`` and the manifest of CfCT.

Sources: AWS SAM Developer Guide, "AWS SAM CLI configuration file" (``[ENVIRONMENT.COMMAND.parameters]``, TOML or YAML;
the template is ``template.yaml`` beside the file); AWS Control Tower User Guide, "The resources section of the CfCT
manifest file" (``resource_file``, ``parameters``, paths relative to the manifest). Older manifests have
``cloudformation_resources`` with ``template_file`` and ``parameter_file``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from passrole_checks.errors import InputError
from passrole_checks.files.decoded_json import as_items, as_list, as_object, get_nested
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.sources.cloudformation.parameter_values import decode_toml, deploy_settings, parse_overrides
from passrole_checks.sources.value_file import ValueFile

if TYPE_CHECKING:
    _Loader = yaml.BaseLoader
else:
    _Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every scalar is its text

_DEFAULT_TEMPLATES = ("template.yaml", "template.yml", "template.json")
_LONGEST = 80  # characters of a part
_REFERENCE = "$["  # begins a value that CfCT looks up at deployment


@dataclass(frozen=True, slots=True)
class ParameterFile:
    """A parameter file that a manifest names, and the file of the template that it is for."""

    path: Path
    template: Path


def samconfig_values(path: Path, content: str) -> Iterator[ValueFile]:
    """Yield the ``parameter_overrides`` of each environment. Raises :class:`InputError`."""
    document = decode_toml(str(path), content) if path.suffix == ".toml" else _decode_yaml(path, content)
    for environment, commands in as_object(document).items():
        values: dict[str, str] = {}
        template = ""
        for settings in deploy_settings(commands):
            if settings.get("parameter_overrides") is not None:
                values.update(parse_overrides(str(path), settings["parameter_overrides"]))
            template = str(settings.get("template_file") or settings.get("template") or template)
        if values:
            is_named = bool(template) and ".aws-sam" not in template
            templates = tuple(_beside(path, name) for name in ((template,) if is_named else _DEFAULT_TEMPLATES))
            yield _value_file(path, values, str(environment), templates, is_named=is_named)


def manifest_values(path: Path, content: str) -> Iterator[ValueFile | ParameterFile]:
    """Yield the parameters of each resource of a CfCT manifest; nothing for other files. Raises :class:`InputError`."""
    document = _decode_yaml(path, content)
    if not isinstance(document, dict) or "region" not in document or "version" not in document:
        return
    for key, file_key in (("resources", "resource_file"), ("cloudformation_resources", "template_file")):
        for resource in as_list(document.get(key)):
            if not isinstance(get_nested(resource, file_key), str):
                continue
            template = _beside(path, resource[file_key])
            name = str(resource.get("name") or resource[file_key])
            values = dict(_manifest_parameters(resource.get("parameters")))
            if values:
                yield _value_file(path, values, name, (template,), is_named=True)
            if isinstance(resource.get("parameter_file"), str) and resource["parameter_file"]:
                yield ParameterFile(_beside(path, resource["parameter_file"]), template)


def _value_file(
    path: Path, values: dict[str, str], part: str, templates: tuple[Path, ...], *, is_named: bool
) -> ValueFile:
    names, pairs = frozenset(values), tuple(values.items())
    return ValueFile(str(path), False, names, pairs, part[:_LONGEST], templates, is_named)


def _manifest_parameters(parameters: Any) -> Iterator[tuple[str, str]]:
    """Yield the literal parameters of a resource; a list of strings is one value."""
    for item in as_list(parameters):
        if not isinstance(get_nested(item, "parameter_key"), str):
            continue
        words = as_items(item.get("parameter_value"))
        literals = [word for word in words if isinstance(word, str) and _REFERENCE not in word]
        if len(literals) == len(words):
            yield item["parameter_key"], ",".join(literals)


def _decode_yaml(path: Path, content: str) -> Any:
    try:
        return yaml.load(content, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(str(path), "not valid YAML", mark.line + 1 if mark else None) from None


def _beside(path: Path, name: str) -> Path:
    """Return a path relative to the folder of a file."""
    return Path(os.path.normpath(path.parent / name))
