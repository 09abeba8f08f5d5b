"""Resources that may hand a policy document out of the configuration, told by their source text.

Most resources hold none, and their bodies are not even parsed.
"""

from __future__ import annotations

import re

from passrole_checks.sources.terraform.modules.module import Module
from passrole_checks.sources.terraform.policies.may_contain_policy import PolicyDetector
from passrole_checks.sources.terraform.policies.mentions_managed_policy import AWS_MANAGED, reference_names
from passrole_checks.sources.terraform.reading.syntax import Block

_STATEMENT_KEYS = ((b"actions", b"resources"), (b"Action", b"Effect"))  # of statements without a document
_READS_FILE = re.compile(rb"\b(?:file|templatefile|templatestring|[a-z]+decode)\s*\(")
_POLICY_FILE = re.compile(rb"\.json\b|(?i:polic)")
_DOCUMENT_SOURCES = frozenset({"aws_iam_policy_document", "aws_iam_policy", "template_file", "local_file"})
_OWN_PROVIDERS = ("aws_", "awscc_")


def may_attach_managed_policies(block: Block) -> bool:
    """True if a resource of another provider may name AWS managed policies. AWS types that attach them are known."""
    return not block.labels[0].startswith(_OWN_PROVIDERS) and (
        block.source_bytes is None
        or b"polic" in block.source_bytes.lower()
        or AWS_MANAGED.encode() in block.source_bytes
    )


class HandedOutFilter:
    """The test for one configuration, with a cache of the names that blocks refer to."""

    def __init__(self, detector: PolicyDetector) -> None:
        self._detector = detector
        self._known: dict[tuple[str, bool, str, str, str], bool] = {}

    def may_hand_out(self, module: Module, block: Block) -> bool:
        """True if the source text of a block may lead to a policy document."""
        source_text = block.source_bytes
        if source_text is None or b"Statement" in source_text:
            return True
        if any(action in source_text and resource in source_text for action, resource in _STATEMENT_KEYS):
            return True
        if _READS_FILE.search(source_text) and _POLICY_FILE.search(source_text):
            return True
        return any(self._may_lead_to_document(module, *name) for name in reference_names(source_text))

    def _may_lead_to_document(self, module: Module, data: bool, first: str, second: str, third: str) -> bool:
        if data:
            return first in _DOCUMENT_SOURCES
        if first not in ("var", "local", "module", "terraform_data"):
            return False
        key = module.address, data, first, second, third
        known = self._known.get(key)
        if known is None:
            steps = [second, third] if third else [second]
            known = self._known[key] = self._detector.name_may_contain(module, first, steps)
        return known
