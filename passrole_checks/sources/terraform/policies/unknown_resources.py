"""Resources that may hand a policy document out of the configuration, told by their source text.

Most resources hold none, and their bodies are not even parsed.
"""

from __future__ import annotations

import re
from functools import cached_property

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.mentions_managed_policy import (
    AWS_MANAGED,
    reference_names,
    sources_of,
)
from passrole_checks.sources.terraform.reading.syntax import Attribute, Block

_READS_FILE = lazy_regex(rb"\b(?:file|templatefile|templatestring|[a-z]+decode)\s*\(")
_NAMES_FILE = lazy_regex(rb"\b(?:file|templatefile)\s*\(")
_POLICY_FILE = lazy_regex(rb"\.json\b|(?i:polic)")
_POLICY = b"aws_iam_policy"  # data sources that are a document or have one
DOCUMENT = "aws_iam_policy_document"
_TEMPLATES = ("template_file", "local_file")
_Name = tuple[str, bool, str, str, str]  # module address, true for a data source, and the three names of a reference
_OWN_PROVIDERS = ("aws_", "awscc_")
_MAX_DEPTH = 60  # names that lead to each other


def may_attach_managed_policies(block: Block) -> bool:
    """True if a resource of another provider may name AWS managed policies. AWS types that attach them are known."""
    return not block.labels[0].startswith(_OWN_PROVIDERS) and (
        block.source_bytes is None
        or b"polic" in block.source_bytes.lower()
        or AWS_MANAGED.encode() in block.source_bytes
    )


class HandedOutFilter:
    """The test for one configuration, with a cache of the names that were followed.

    ``files``: the text by which a file is read that may hold a document; None if files hold none.
    """

    def __init__(self, files: re.Pattern[bytes] | None = _READS_FILE) -> None:
        self._files = files
        self._known: dict[_Name, bool] = {}
        self._is_possible: bool | None = None
        self._depth = 0  # names that are followed now

    def may_hand_out(self, module: Module, part: Block | Attribute) -> bool:
        """True if the source text of a block or argument, with what it refers to, may lead to a policy document."""
        if self._is_possible is None:
            self._is_possible = self._any_text_leads_to_document(module)
        source_text = part.source_bytes
        return self._is_possible and (source_text is None or self._may_lead_to_document(module, source_text))

    def _any_text_leads_to_document(self, module: Module) -> bool:
        """True if any text of the configuration contains a document, or what a reference to one contains."""
        run = module.run
        files = (parsed.source.data for folder in run.folders.values() for parsed in folder.files)
        return bool(run.evaluated) or any(
            _POLICY in text or _holds_document(text) or self._reads_policy_file(text)
            for text in (*files, *(value.source.data for value in run.values.values()))
        )

    @cached_property
    def without_files(self) -> HandedOutFilter:
        """The same test, for which files hold no documents."""
        return HandedOutFilter(None)

    @cached_property
    def for_nested(self) -> HandedOutFilter:
        """The test for nested blocks, which are expanded: files count only where a text, or a local value that it
        names, reads one."""
        return HandedOutFilter(_NAMES_FILE)

    def _may_lead_to_document(self, module: Module, source_text: bytes) -> bool:
        if _holds_document(source_text) or self._reads_policy_file(source_text):
            return True
        return any(self._follow(module, *name) for name in reference_names(source_text))

    def _follow(self, module: Module, data: bool, first: str, second: str, third: str) -> bool:
        """True if a name may lead to a document. Other attributes of resources are attached where they are declared."""
        if data:
            if first == DOCUMENT or (first, third) == ("aws_iam_policy", "policy"):
                return True
            if first not in _TEMPLATES:
                return False
        elif first not in ("var", "local", "module", "terraform_data"):
            return False
        key = module.address, data, first, second, third
        known = self._known.get(key)
        if known is None:
            if self._depth >= _MAX_DEPTH:
                return True
            self._known[key] = False  # ends the recursion of a value that refers to itself
            third = "" if first in ("terraform_data", *_TEMPLATES) else third
            found = sources_of(module, first, second, third, data=data)
            search = self.without_files if self._files is _NAMES_FILE and first != "local" else self
            self._depth += 1
            known = self._known[key] = any(search._may_lead_to_document(owner, text) for owner, text in found)
            self._depth -= 1
        return known

    def _reads_policy_file(self, source_text: bytes) -> bool:
        """True if a source text reads a file that may contain a document."""
        if self._files is None or not (
            b"file" in source_text or b"decode" in source_text or b"templatestring" in source_text
        ):
            return False  # quick answer for most texts
        return bool(self._files.search(source_text) and _POLICY_FILE.search(source_text))


def _holds_document(source_text: bytes) -> bool:
    """True if a source text contains a document, or the keys of a statement."""
    return (
        b"Statement" in source_text
        or (b"actions" in source_text and b"resources" in source_text)
        or (b"Action" in source_text and b"Effect" in source_text)
    )
