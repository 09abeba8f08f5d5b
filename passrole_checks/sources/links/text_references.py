"""Find which other files the text of a file may refer to, without parsing it.

The result is a superset of what reading the file would open: it serves to leave out what a change cannot affect. A
reference that these patterns cannot resolve counts as one to any file.

Sources: Terraform's pages "Module Blocks" (a local source begins with ``./`` or ``../``), "Filesystem and Workspace
Info" (``path.module``, ``path.root``) and "Filesystem Functions"; the nested templates, includes and variables are
those that :mod:`passrole_checks.sources.cloudformation` reads.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

ANY_FILE = ""
"""The ending of a file name that may be any."""

_LOCAL_SOURCE = lazy_regex(rb'"(\.\.?(?:[/\\][^"\n]*)?)"')
_LOCAL_STARTS = (b'"./', b'"../', b'".\\', b'"..\\', b'"."', b'".."')
_FILE_FUNCTION = lazy_regex(
    rb"\b(file\w*|templatefile)\s*"
    rb'(?:/\*|//|#|\(\s*(?:"([^"\\\n]*)"\s*[,)]|path\.(module|root|cwd)\s*[,)])?)'
)
_LOCAL_FILE = lazy_regex(rb'\bdata[\s":{\[]*"local_(?:sensitive_)?file"')
_FILE_ARGUMENT = lazy_regex(rb'\b(filename)"?\s*[=:]\s*(?:"([^"\\\n]*)"|path\.(module|root|cwd)\s*\n)?')
_SCRIPT = lazy_regex(rb"(\.(?:bash|bat|cmd|ps1|py|sh))\b")
_BREAK = lazy_regex(rb"[\s\"'=,;()]")
_OWN_FOLDER = lazy_regex(r"\$\{\s*path\.(module|root|cwd)\s*\}")
_VARIABLE = lazy_regex(rb'\bvariable[\s:{"]*([\w-]+)')
_NESTED = (b"AWS::CloudFormation::Stack", b"AWS::Serverless::Application", b"AWS::Include")
_FILE_VARIABLE = lazy_regex(rb"\bfile\s*\(")
_LONGEST = 500  # bytes of a path
_COMPUTED = lazy_regex(rb"\bfile\s*\(([^)]{0,%d})" % _LONGEST)
_FILE_NAME = lazy_regex(rb"(?<![\w@+~-])[\w@+~-]*(?:\.[\w@+~-]+)+")
_TEXT_ESCAPE = lazy_regex(
    rb"(?P<utf16>(?:\\u[0-9a-fA-F]{4})+)"
    rb"|\\(?:x(?P<byte>[0-9a-fA-F]{2})|U(?P<code>[0-9a-fA-F]{8})|(?P<kept>/|\\)|\r?\n[ \t]*)"
)
_ESCAPES = (b"\\u", b"\\x", b"\\U", b"\\/", b"\\\n", b"\\\r")  # those that are replaced
_PART = lazy_regex(rb"[0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class TerraformReferences:
    """The files that a configuration file of Terraform may read.

    ``folders``: relative paths that may be sources of modules. ``beside`` and ``below_root``: paths that functions
    read, relative to the file's folder and to that of the root module; each may be a folder. ``endings``: how the
    names of files end that functions read at a computed path, :data:`ANY_FILE` for any. ``variables``: names that may
    be those of variables. ``templates``: how the paths end of files that may be used as templates.
    """

    folders: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    below_root: frozenset[str] = frozenset()
    endings: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    templates: frozenset[str] = frozenset()

    def __or__(self, other: TerraformReferences) -> TerraformReferences:
        return TerraformReferences(*(getattr(self, name) | getattr(other, name) for name in self.__slots__))


NO_REFERENCES = TerraformReferences()


def terraform_references(data: bytes) -> TerraformReferences:
    """Return what a file of Terraform, or a text that it uses as a template, may read."""
    variables = frozenset(_text(name) for name in _VARIABLE.findall(data)) if b"variable" in data else frozenset()
    beside, below_root, endings = set[str](), set[str](), set[str]()
    calls = [*_FILE_FUNCTION.finditer(data)] if b"file" in data else []
    if b"local_" in data and _LOCAL_FILE.search(data):
        calls += _FILE_ARGUMENT.finditer(data)
    templates = set[str]()
    is_rendered = b"templatestring" in data or b"template_file" in data
    for call in calls:
        path = f"${{path.{_text(call[3])}}}" if call[3] else _text(call[2]) if call[2] is not None else None
        if path is None:
            endings.add(ANY_FILE)
            continue
        own = _OWN_FOLDER.match(path)
        rest = path[own.end() :] if own is not None else path
        is_beside = own is not None and rest[:1] not in ("", "/")  # ${path.module}-files
        if is_beside or "${" in rest or "%{" in rest:
            endings.add(_ending(path) if call[1] != b"fileset" else ANY_FILE)
        else:
            (beside if own is not None and own[1] == "module" else below_root).add(rest.lstrip("/") or ".")
        if is_rendered or call[1] == b"templatefile":
            templates.add(_ending(path) or path.rpartition("/")[2])
    for script in _SCRIPT.finditer(data):  # of a provisioner
        written = _BREAK.split(data[max(script.start() - _LONGEST, 0) : script.end()])[-1]
        path = _OWN_FOLDER.sub(".", _text(written))
        if "{" in path or "}" in path:
            endings.add(_text(script[1]))
        else:
            beside.add(path)
            below_root.add(path)
    return TerraformReferences(
        local_sources(data),
        frozenset(beside),
        frozenset(below_root),
        frozenset(endings),
        variables,
        frozenset(templates),
    )


def local_sources(data: bytes) -> frozenset[str]:
    """Return the relative paths in a file of Terraform that may be sources of modules."""
    if b"module" not in data:
        return frozenset()
    text = _unescaped(data)
    is_local = any(start in text for start in _LOCAL_STARTS)
    return frozenset(map(_text, _LOCAL_SOURCE.findall(text))) if is_local else frozenset()


def _ending(path: str) -> str:
    """Return how a path ends after its last interpolation, with the dot; :data:`ANY_FILE` if that may be anything."""
    _, end, last = path.rpartition("}")
    name = last.rpartition("/")[2]
    return name[name.rindex(".") :] if end and "." in name else ANY_FILE


@dataclass(frozen=True, slots=True)
class TemplateReferences:
    """The files that a template may read.

    ``words``: those that look like names of files; ``text``: contains the unusual names. ``endings``: how the names end
    that are computed, :data:`ANY_FILE` for any.
    """

    words: frozenset[str]
    text: bytes
    endings: frozenset[str]

    def names(self, files: Collection[str], unusual: Iterable[str]) -> set[str]:
        """Return the names among ``files`` that the text contains; ``unusual``: those that do not look
        like one."""
        return {
            *self.words.intersection(files),
            *(
                name
                for name in unusual
                if all(part in self.text for part in _PART.findall(name.encode("utf-8", "surrogateescape")))
            ),
        }


def is_usual(name: str) -> bool:
    """True if a name of a file looks like one: words with dots."""
    return _FILE_NAME.fullmatch(name.encode("utf-8", "surrogateescape")) is not None


def template_references(data: bytes) -> TemplateReferences | None:
    """Return what a template, or a file that one includes, may read; None for nothing."""
    text = _unescaped(data)
    has_variable = b"${" in text and b"file" in text and _FILE_VARIABLE.search(text) is not None
    if not has_variable and not any(kind in text for kind in _NESTED):
        return None
    paths = map(_text, _COMPUTED.findall(text))
    endings = (_ending(path) for path in paths if "$" in path or len(path) == _LONGEST)
    return TemplateReferences(frozenset(map(_text, _FILE_NAME.findall(text))), text, frozenset(endings))


def _unescaped(data: bytes) -> bytes:
    """Return a text with the escape sequences of JSON, YAML and HCL replaced, except those of quotes."""
    return _TEXT_ESCAPE.sub(_character, data) if any(start in data for start in _ESCAPES) else data


def _character(found: re.Match[bytes]) -> bytes:
    if found["utf16"]:
        units = bytes.fromhex(found["utf16"].replace(b"\\u", b"").decode())
        return units.decode("utf-16-be", "replace").encode()
    number = int(found["byte"] or found["code"] or b"0", 16)
    if number:
        return chr(number).encode("utf-8", "replace") if number <= sys.maxunicode else found[0]
    return b"" if not found["kept"] else found[0] if found["kept"] == b"\\" else b"/"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
