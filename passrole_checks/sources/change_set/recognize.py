"""Recognize change sets by content, quickly.

Source: AWS CloudFormation API Reference, DescribeChangeSet, "Response Elements".
"""

from __future__ import annotations

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.json_positions import NotJson, walk

_CHANGE = lazy_regex(r'"[rR]esourceChange"\s*:\s*\{')
_CHANGES = lazy_regex(r'"[cC]hanges"\s*:')
_LOGICAL_ID = lazy_regex(r'"[lL]ogicalResourceId"\s*:')
_OTHERS = frozenset({"Resources", "AWSTemplateFormatVersion", "planned_values", "resource_changes"})
_NAMES = frozenset({"ChangeSetName", "ChangeSetId", "changeSetName", "changeSetId"})
_NAME = lazy_regex(r'"[cC]hangeSet(?:Name|Id)"\s*:')
_LIST = lazy_regex(r'\s*\[\s*\{\s*"(?:[cC]hanges?|[tT]ype|[rR]esourceChange|[cC]hangeSet\w+|[sS]tack\w+)"')


def is_change_set(content: str) -> bool:
    """True if a text is the output of ``describe-change-set``, also if it is truncated or malformed further on.

    It is an object with ``Changes`` that are resource changes, or with the name of a change set; a list of such objects
    (the pages of one change set); or the list of changes that the console shows.
    """
    content = content.removeprefix("\ufeff")
    start = content[:4096].lstrip()[:1]
    if start not in ("[", "{"):
        return False
    has_changes = _CHANGE.search(content) is not None and _LOGICAL_ID.search(content) is not None
    if start == "[":
        return _LIST.match(content) is not None and (has_changes or _NAME.search(content) is not None)
    if not _CHANGES.search(content):
        return False
    keys: set[str] = set()
    try:
        for path, member in walk(content, lambda path: len(path) == 1):
            if len(path) == 1:
                keys.add(str(member.key))
                if keys & _OTHERS:
                    return False
    except NotJson:
        pass  # the part before the error is enough
    return bool(keys & {"Changes", "changes"}) and (has_changes or bool(keys & _NAMES))
