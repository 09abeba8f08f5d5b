"""Find from texts which roots may pass values to others: outputs in a state, exports of stacks, SSM parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from posixpath import basename, dirname

from passrole_checks.sources.files.file_types import is_terraform_name
from passrole_checks.sources.links.link_texts import IamName, LinkText, link_text


class LinkedRoots:
    """The Terraform folders and templates among ``texts``, the contents of files in both versions, that may read values
    of others or pass values to them."""

    def __init__(self, texts: Mapping[str, Sequence[bytes]]) -> None:
        found: dict[str, LinkText] = {}
        for path, contents in texts.items():
            is_terraform = is_terraform_name(basename(path))
            place = dirname(path) if is_terraform else path
            for data in contents:
                text = link_text(data, is_terraform=is_terraform)
                if text != _NOTHING:
                    found[place] = found.get(place, _NOTHING) | text
        declared = frozenset[IamName]().union(*(text.names_declared for text in found.values()))
        held = {place: text.names_held & declared for place, text in found.items() if text.names_held}
        found |= {place: replace(found[place], names_held=names) for place, names in held.items()}
        self._readers = {
            place: text for place, text in found.items() if text.reads or text.names_read or text.names_declared
        }
        self._offering = (
            {place: text for place, text in found.items() if text.offers or text.names_declared or text.names_held}
            if self._readers
            else {}
        )

    def readers_of(self, places: Collection[str]) -> set[str]:
        """Return the folders and templates that may read a value of one of these."""
        offering = {text for place in places if (text := self._offering.get(place)) is not None}
        if not offering:
            return set()
        return {place for place, text in self._readers.items() if any(one.may_pass_to(text) for one in offering)}

    def offering_to(self, places: Collection[str]) -> set[str]:
        """Return the folders and templates that may pass a value to one of these."""
        readers = {text for place in places if (text := self._readers.get(place)) is not None}
        if not readers:
            return set()
        return {place for place, text in self._offering.items() if any(map(text.may_pass_to, readers))}


_NOTHING = LinkText()
