"""Replace ``AWS::Include`` transforms of local files by the content of these files.

Sources: AWS CloudFormation Template Reference, "AWS::Include transform"; AWS CLI Command Reference, "cloudformation
package" (a local path in its Location is relative to the template). Files are read only inside the scanned folder or
its repository; includes from Amazon S3 stay unresolved.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import yaml

from passrole_checks.errors import InputError
from passrole_checks.files.safe_read import OutsideError
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.cloudformation.template import Template, child, scalar, sequence_node, with_content
from passrole_checks.sources.files.read_boundary import current_boundary, read_text

MAX_FILES = 200
MAX_BYTES = 2_000_000

_Pair = tuple[yaml.Node, yaml.Node]
_ADDRESS = lazy_regex(r"[A-Za-z][A-Za-z0-9+.-]+:")


def include_files(template: Template, path: Path) -> tuple[InputError, ...]:
    """Insert the local files that a template includes; return the errors. ``path``: the template's own."""
    if "AWS::Include" not in template.text:
        return ()
    reader = _Includer(template, path)
    root = reader.insert_files(template.root)
    if isinstance(root, yaml.MappingNode) and root is not template.root:
        template.replace(root)
    return tuple(reader.errors)


class _Includer:
    """Insert included files into the nodes of a template."""

    def __init__(self, template: Template, path: Path) -> None:
        self.template, self.folder = template, path.parent
        self.errors: list[InputError] = []
        self._done: dict[int, yaml.Node] = {}  # keeps aliased nodes identical
        self._files: dict[Path, yaml.Node | None] = {}

    def insert_files(self, node: yaml.Node, top: bool = True) -> yaml.Node:
        """Return the node with included files inserted; the same node if there are none."""
        if isinstance(node, yaml.ScalarNode):
            return node
        if id(node) not in self._done:
            self._done[id(node)] = self._insert(node, top)
        return self._done[id(node)]

    def _insert(self, node: yaml.Node, top: bool) -> yaml.Node:
        """Insert the included files at and below a collection."""
        if isinstance(node, yaml.SequenceNode):
            return with_content(node, [self.insert_files(item, False) for item in node.value])
        if not isinstance(node, yaml.MappingNode):
            return node
        if node.tag in ("!Transform", "!Fn::Transform"):
            included_root = self._included_file(node)
            return node if included_root is None else included_root
        pairs: list[_Pair] = []
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            is_transform = name == "Fn::Transform" or (top and name == "Transform")
            included = self._included_files(value, whole=len(node.value) == 1) if is_transform else None
            if included is not None:
                rest = _other_transforms(value)
                alone = len(node.value) == len(included) == 1 and rest is None
                if alone or (len(node.value) == 1 and not isinstance(included[0], yaml.MappingNode)):
                    return included[0]  # with positions in its own file
                for part in included:
                    pairs.extend(part.value if isinstance(part, yaml.MappingNode) else [])
                pairs.extend([(key, rest)] if rest is not None else [])
            else:
                pairs.append((key, self.insert_files(value, False)))
        return with_content(node, pairs)

    def _included_files(self, value: yaml.Node, whole: bool) -> list[yaml.Node] | None:
        """Return the content of the includes in a value; None if none of them is read."""
        calls = value.value if isinstance(value, yaml.SequenceNode) else [value]
        roots = [node for item in calls if (node := self._included_file(item)) is not None]
        usable = [node for node in roots if whole or isinstance(node, yaml.MappingNode)]
        return usable or None

    def _included_file(self, node: yaml.Node) -> yaml.Node | None:
        """Return the root node of the file of one include; None if it is not read."""
        location = _location(node)
        if location is None:
            return None
        try:
            current_boundary().check(self.folder / location)
            path = (self.folder / location).resolve()
            if path not in self._files:
                text = read_text(path, MAX_BYTES, "an included file") if len(self._files) < MAX_FILES else None
                self._files[path] = None if text is None else self.template.include(str(path), text)
        except OutsideError:
            return None
        except InputError as error:
            self.errors.append(error)
            self._files[path] = None
        except (OSError, RuntimeError, ValueError) as error:
            line = self.template.line_of(node)
            reason = getattr(error, "strerror", None) or str(error)
            self.errors.append(
                InputError(self.template.file, f"the included file {location[:80]} cannot be opened: {reason}", line)
            )
            return None
        return self._files[path]


def _location(node: yaml.Node) -> str | None:
    """Return the local path of an AWS::Include; None for another macro or a URL."""
    if scalar(child(node, "Name")) != "AWS::Include":
        return None
    location = scalar(child(node, "Parameters", "Location"))
    if not location or "\0" in location or _ADDRESS.match(location):
        return None
    return location


def _other_transforms(value: yaml.Node) -> yaml.Node | None:
    """Return the transforms of a list other than the inserted includes; None if there are none."""
    items: Sequence[yaml.Node] = value.value if isinstance(value, yaml.SequenceNode) else []
    remaining = [item for item in items if _location(item) is None]
    if not remaining:
        return None
    return sequence_node(remaining, value)
