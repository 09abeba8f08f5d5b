"""Search of source texts, and of the texts that their names refer to: which arguments need not be evaluated.

Nothing is evaluated. A document is an object with certain keys, or JSON. A text leads to no document if neither it nor
anything that it refers to contains such a key, a quote within a string, or syntax or a function that may create one;
and to no AWS managed policy if none of them contains the constant part of the ARN. Comments may separate what belongs
together, so that a text with one always counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, cast

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Node, strings_in
from passrole_checks.sources.collect.terraform_tables import ENTITIES
from passrole_checks.sources.terraform.evaluation.symbolic_values import Encoded, Reference
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.reading.syntax import Block
from passrole_checks.sources.terraform.resources.data_sources import is_special

AWS_MANAGED = ":iam::aws:policy/"
_ESCAPE = b"\\"
_NAME = lazy_regex(
    rb"(?<![\w.\x80-\xff-])(?P<data>data\s*\.\s*)?(?P<first>[A-Za-z_\x80-\xff][\w\x80-\xff-]*)"
    rb"\s*\.\s*(?P<second>[A-Za-z_\x80-\xff][\w\x80-\xff-]*)(?P<index>\s*\[[^\]]{0,200}\])?"
    rb"(?:\s*\.\s*(?P<third>[A-Za-z_\x80-\xff][\w\x80-\xff-]*))?"
)
_CREATES = lazy_regex(
    rb"\b(?:Statement|(?:Not)?Action|(?:not_)?actions)\b|\\|<<"  # keys of documents, quotes within a string
    rb"|=>|[{,\n][^\S\n]*\(|\}[^\"\n}]*\"\s*[=:](?!=)"  # computed keys
    rb"|format\s*\((?!\s*\"(?:[^\"%$]|%[-+ 0-9.]*[sd%])*\")"  # other verbs than %s and %d create JSON
    rb"|\n[^\S\n]*\.|\*/\s*[.(=:]|\.\s*(?:/\*|#|//)"  # a name or call with a comment in it
)
_CALL = lazy_regex(rb"(?<![\w:\x80-\xff-])([\w:\x80-\xff-]+)\s*\(")
# type constraints, and functions whose result contains no quote and no object key that their arguments do not contain
_TRANSPARENT_FUNCTIONS = frozenset(
    b"list map object optional set tuple "
    b"abs alltrue anytrue basename can ceil chunklist cidrhost cidrnetmask cidrsubnet cidrsubnets coalesce "
    b"coalescelist compact concat contains dirname distinct element endswith fileexists filesha256 flatten "
    b"floor format index join jsondecode keys length log lookup lower max md5 merge min nonsensitive one "
    b"parseint pow range replace reverse sensitive setintersection setsubtract setunion sha1 sha256 sha512 "
    b"signum slice sort split startswith substr sum timeadd timestamp title tobool tolist tomap tonumber toset "
    b"tostring trim trimprefix trimspace trimsuffix try upper uuid values".split()
)
_BETWEEN_WORDS = lazy_regex(r"[^\w:/]+")
_VALUES = {"variable": ("type", "default"), "output": ("value",)}
# arguments that other attributes of the same block, such as `arn` and `output`, contain
_CONTAINED = ("name", "name_prefix", "path", "bucket", "function_name", "input", "aws_service_name", "custom_suffix")
_MAX_DEPTH = 60  # names that lead to each other


class ReferencedName(NamedTuple):
    """A possible reference, to a data source if ``is_data``: ``first.second.third``; ``is_indexed``: ``second[…]``."""

    is_data: bool
    first: str
    second: str
    third: str = ""
    is_indexed: bool = False


class TextSearch:
    """One search in a configuration, with a cache of the names that were followed.

    ``names_to_follow``: returns the names in a text to follow, None if the text itself contains what is searched for.
    """

    reads_variables = True  # a variable that may decide the result counts as read

    def __init__(self, names_to_follow: Callable[[bytes], Iterable[ReferencedName] | None]) -> None:
        self._names_to_follow = names_to_follow
        self._known: dict[tuple[str, ReferencedName], bool] = {}
        self._depth = 0  # names that are followed now

    def may_lead(self, module: Module, text: bytes | None, each: bytes | None = None) -> bool:
        """True if a text, or what it refers to, may contain what is searched for; so may an unknown text.

        ``each``: the text of ``for_each`` in the block around it.
        """
        names = self._names_to_follow(text) if text is not None else None
        return names is None or any(self._follow(module, name, each) for name in names)

    def _follow(self, module: Module, name: ReferencedName, each: bytes | None) -> bool:
        if name.first == "each" and not name.is_data:
            return each is not None and self.may_lead(module, each)
        if name.first == "var" and not module.address and self.reads_variables:
            module.run.variables_read.add(name.second)
        key = module.address, name
        known = self._known.get(key)
        if known is None:
            if self._depth >= _MAX_DEPTH:
                return True
            self._known[key] = True  # ends the recursion of a value that refers to itself
            self._depth += 1
            search = self._search_behind(name)
            known = self._known[key] = any(
                search.may_lead(where, text, each_behind) for where, text, each_behind in _texts_of(module, name)
            )
            self._depth -= 1
        return known

    def _search_behind(self, name: ReferencedName) -> TextSearch:
        """Return the search for the texts that a name refers to."""
        return self


def document_search() -> TextSearch:
    """Return the search for policy documents and statements."""
    return TextSearch(_names_to_documents)


def managed_policy_search(root: Module) -> TextSearch:
    """Return the search for AWS managed policies; it finds none if no file of the configuration mentions one."""
    texts = [parsed.source.data for folder in root.run.folders.values() for parsed in folder.files]
    texts += [value.source.data for value in root.run.values.values()]
    mark = AWS_MANAGED.encode()
    if not any(mark in text for text in texts):
        return TextSearch(lambda text: ())
    return TextSearch(lambda text: None if mark in text or _ESCAPE in text else reference_names(text))


@lru_cache(maxsize=10_000)
def _names_to_documents(text: bytes) -> tuple[ReferencedName, ...] | None:
    if _CREATES.search(text) or not _TRANSPARENT_FUNCTIONS.issuperset(_CALL.findall(text)):
        return None
    names = reference_names(text)
    return None if any(name.is_data and is_special(name.first) for name in names) else names


@lru_cache(maxsize=10_000)
def reference_names(text: bytes) -> tuple[ReferencedName, ...]:
    """Return the possible references in a source text."""
    names: dict[ReferencedName, None] = {}
    for match in _NAME.finditer(text):
        first, second, third = ((match[part] or b"").decode() for part in ("first", "second", "third"))
        names[ReferencedName(match["data"] is not None, first, second, third, match["index"] is not None)] = None
    return tuple(names)


_Text = tuple[Module, "bytes | None", "bytes | None"]  # with its module, and `for_each` of the block around it


def _texts_of(module: Module, name: ReferencedName) -> Iterator[_Text]:
    """Yield the source texts that a name refers to."""
    folder, (_, first, second, third, indexed) = module.folder, name
    if name.is_data:
        yield from _texts_of_block(module, folder.data_source(first, second), third, indexed=indexed)
    elif first == "local":
        if second in folder.locals:
            yield module, folder.locals[second].source_bytes, None
    elif first == "var":
        yield from _texts_of_variable(module, second)
    elif first == "module":
        block = folder.modules.get(second)
        third = "" if _names_instance(block, indexed=indexed) else third
        for child in ((module.children(block) or {}) if block is not None else {}).values():
            outputs = [child.folder.outputs[third]] if third in child.folder.outputs else child.folder.outputs.values()
            for output in outputs:
                yield from _texts_of_block(child, output)
    else:
        yield from _texts_of_block(module, folder.resource(first, second), third, indexed=indexed)


def _texts_of_variable(module: Module, name: str) -> Iterator[_Text]:
    """Yield the texts of the value of an input variable, and of its declaration."""
    run, block = module.run, module.folder.variables.get(name)
    if name in module.arguments:
        argument, scope = module.arguments[name]
        caller = cast("Module", scope.module)
        yield caller, argument.source_bytes, each_text(caller.folder.modules[module.key[-1]])
    elif not module.address and name in run.evaluated:
        yield module, _text_of(run.evaluated[name]), None
    elif not module.address and name in run.values:
        given = run.values[name]  # that of an option has no source text of its own
        is_written = given.source.data and (block is None or given.source is not block.source)
        yield module, given.source_bytes if is_written else None, None
    yield from _texts_of_block(module, block)


def _names_instance(block: Block | None, *, indexed: bool) -> bool:
    """True if the name after that of a block may be the key of an instance: ``aws_iam_policy.p.key.policy``."""
    return block is not None and block.body.get("for_each") is not None and not indexed


def _texts_of_block(module: Module, block: Block | None, name: str = "", *, indexed: bool = False) -> Iterator[_Text]:
    """Yield the source texts of the arguments that an attribute contains; without a name that of the block, or of the
    files of its folder if it is merged from several blocks."""
    if block is None:
        return
    each = each_text(block)
    names = _VALUES.get(block.type)
    if name and names is None and not _names_instance(block, indexed=indexed):
        names = (name, *_CONTAINED, *((ENTITIES[block.labels[0]].name,) if block.labels[0] in ENTITIES else ()))
    if names:
        yield from (
            (module, argument.source_bytes, each) for argument in map(block.body.get, names) if argument is not None
        )
    elif block.source_bytes is not None:
        yield module, block.source_bytes, each
    else:
        yield from ((module, parsed.source.data, each) for parsed in module.folder.files)


def each_text(block: Block) -> bytes | None:
    """Return the source text of ``for_each``; None if a block has none."""
    argument = block.body.get("for_each")
    return argument.source_bytes if argument is not None else None


def _text_of(value: Node) -> bytes:
    """Return the words of the strings in a value as a source text; a backslash, which may be anything, if one is a
    reference or may continue a quoted key of another string."""
    texts: list[str] = []
    for string in strings_in(value):
        texts.append(str(string))
        if isinstance(string, (Encoded, Reference)) or "\\" in texts[-1] or texts[-1].count('"') % 2:
            return _ESCAPE
    return _BETWEEN_WORDS.sub(" ", "\0".join(texts)).encode()
