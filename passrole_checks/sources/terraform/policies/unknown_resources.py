"""Resources that may hand a policy document out of the configuration, by their source text.

Most resources hold none, and their bodies are not even parsed.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache, partial

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.text_search import (
    AWS_MANAGED,
    ReferencedName,
    TextSearch,
    reference_names,
)
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block

# words, and calls that they may be part of
_READS_FILE = tuple((word, lazy_regex(word + rb"\s*\(")) for word in (b"file", b"decode", b"templatestring"))
_NAMES_FILE = _READS_FILE[:1]
_Calls = tuple[tuple[bytes, "re.Pattern[bytes]"], ...]
_POLICY_FILE = lazy_regex(rb"\.json\b|(?i:polic)")
_POLICY = b"aws_iam_policy"  # data sources that are a document or have one
DOCUMENT = "aws_iam_policy_document"
_TEMPLATES = ("template_file", "local_file")
_OWN_PROVIDERS = ("aws_", "awscc_")
# arguments of these providers that identify or measure something
_NO_DOCUMENT = lazy_regex(
    r"(?:.*_)?(?:arns?|cidr_blocks?|class|count|days|ids?|names?|periods?|port|role|size|threshold|type)"
    r"|name_prefix|(?:alarm|ok)_actions|cidr_ipv[46]|datapoints_to_alarm|dimensions"
)


def may_attach_managed_policies(block: Block) -> bool:
    """True if a resource of another provider may name AWS managed policies. AWS types that attach them are known."""
    return not block.labels[0].startswith(_OWN_PROVIDERS) and (
        block.source_bytes is None
        or b"polic" in block.source_bytes.lower()
        or AWS_MANAGED.encode() in block.source_bytes
    )


def holds_no_document(block: Block, argument: Attribute) -> bool:
    """True if an argument of an AWS resource cannot be a policy document by its name."""
    return block.labels[0].startswith(_OWN_PROVIDERS) and _NO_DOCUMENT.fullmatch(argument.name) is not None


class HandedOutFilter(TextSearch):
    """The test for one configuration, with a cache of the names that were followed.

    ``files``: the calls that read a file that may hold a document; none if files hold none.
    """

    reads_variables = False

    def __init__(self, files: _Calls = _READS_FILE) -> None:
        super().__init__(partial(_names_to_follow, files=files))
        self._files = files
        self._is_possible: bool | None = None

    def may_hand_out(self, module: Module, part: Block | Attribute) -> bool:
        """True if the source text of a block or argument, with what it refers to, may lead to a policy document."""
        if self._is_possible is None:
            self._is_possible = self._any_text_leads_to_document(module)
        return self._is_possible and self.may_lead(module, part.source_bytes)

    def _any_text_leads_to_document(self, module: Module) -> bool:
        """True if any text of the configuration contains a document, or what a reference to one contains."""
        run = module.run
        texts = [parsed.source.data for folder in run.folders.values() for parsed in folder.files]
        texts.extend(value.source.data for value in run.values.values())
        return (
            bool(run.evaluated)
            or any(_POLICY in text or _holds_document(text) for text in texts)
            or any(_reads_policy_file(text, self._files) for text in texts)
        )

    @cached_property
    def without_files(self) -> HandedOutFilter:
        """The same test, for which files hold no documents."""
        return HandedOutFilter(())

    @cached_property
    def for_nested(self) -> HandedOutFilter:
        """The test for nested blocks, which are expanded: files count only where a text, or a local value that it
        names, reads one."""
        return HandedOutFilter(_NAMES_FILE)

    def _search_behind(self, name: ReferencedName) -> TextSearch:
        return self.without_files if self._files is _NAMES_FILE and name.first != "local" else self


@lru_cache(maxsize=4096)
def _names_to_follow(source_text: bytes, files: _Calls) -> tuple[ReferencedName, ...] | None:
    """Return the names in a source text that may lead to a document; None if it contains or reads one.

    Other attributes of resources are attached where they are declared.
    """
    if _holds_document(source_text) or _reads_policy_file(source_text, files):
        return None
    names: list[ReferencedName] = []
    for name in reference_names(source_text):
        if name.is_data and (name.first == DOCUMENT or (name.first, name.third) == ("aws_iam_policy", "policy")):
            return None
        if name.first in (_TEMPLATES if name.is_data else ("var", "local", "module", "terraform_data")):
            names.append(
                name._replace(third="", is_indexed=False) if name.first in ("terraform_data", *_TEMPLATES) else name
            )
    return tuple(names)


def _reads_policy_file(source_text: bytes, files: _Calls) -> bool:
    """True if a source text reads a file that may contain a document."""
    is_read = any(word in source_text and call.search(source_text) for word, call in files)
    return is_read and _POLICY_FILE.search(source_text) is not None


def _holds_document(source_text: bytes) -> bool:
    """True if a source text contains a document, or the keys of a statement."""
    return (
        b"Statement" in source_text
        or (b"actions" in source_text and b"resources" in source_text)
        or (b"Action" in source_text and b"Effect" in source_text)
    )
