"""Owners who may accept findings: those that the configuration of BASE names and the target branch still does.

BASE may be an old commit that the author of a pull request chose to begin from, when others were owners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from passrole_checks.errors import ConfigurationError
from passrole_checks.git_versions import NamedVersion, VersionPair
from passrole_checks.review.ci_context import Context
from passrole_checks.review.merge_base import target_tips
from passrole_checks.scan import settings

SETTING = "accept_owners"


def current_owners(
    owners: Sequence[str], context: Context, versions: VersionPair
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ``owners`` of BASE that each commit of the target branch in the clone names too, and the others."""
    current = list(owners)
    for tip in dict.fromkeys(target_tips(context, versions)):
        if tip != versions.base.id:
            named = {_normalized(owner) for owner in _owners_in(replace(versions, base=NamedVersion(tip[:12], tip)))}
            current = [owner for owner in current if _normalized(owner) in named]
    return tuple(current), tuple(owner for owner in owners if owner not in current)


def _owners_in(versions: VersionPair) -> list[str]:
    """Return the owners that BASE names; none if its configuration cannot be read."""
    try:
        content = versions.base_file(settings.FILE)
        named = None if content is None else settings.table_in(content).get(SETTING)
    except ConfigurationError:
        return []
    owners = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    return [owner for owner in owners if isinstance(owner, str)]


def _normalized(owner: str) -> str:
    return owner.strip().removeprefix("@").lower()
