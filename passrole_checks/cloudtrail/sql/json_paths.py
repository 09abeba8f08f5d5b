"""Follow parameter paths in SQL: `passrole_checks.cloudtrail.parameter_paths` for the nodes of a dialect.

A path is an array of steps, and following it is one fold over them: from the current nodes to those that the next step
reaches. So the statement contains this once, regardless of the number and length of paths.
"""

from __future__ import annotations

from passrole_checks.cloudtrail.sql.dialect import Dialect

# Before the last step of a path, ``?name=pattern``: only objects with a matching member. A slash in a pattern is ``~1``
# there, as in a JSON pointer (RFC 6901), since slashes separate steps.
WHERE, EQUALS, SLASH = "?", "=", "~1"
_CONTENT = "'content'"
_LISTS = ("items", "item", "member", "members")


def follow_path(d: Dialect, root: str, steps: str) -> str:
    """The array of the nodes at a path from a node."""
    reached = d.folded(steps, d.array(root), "nodes", "step", _step(d))
    return f"transform({reached}, reached -> {_content(d, 'reached')})"


def unwrap(d: Dialect, node: str, event: str, end: str) -> str:
    """Parameters without the wrapper of some EC2 events. ``node`` is used several times."""
    members = d.nodes.members(node)
    name = d.nodes.name_of(d.at(f"map_keys({members})", "1"))
    return (
        f"CASE WHEN {d.nodes.is_object(node)} AND cardinality({members}) = 1"
        f" AND lower({name}) = lower({event} || '{end}')"
        f" THEN {d.at(f'map_values({members})', '1')} ELSE {node} END"
    )


def string_or_number(d: Dialect, node: str) -> str:
    """A string or a whole number, as a string; empty for others."""
    number = d.nodes.number_of(node)
    return (
        f"CASE WHEN {d.nodes.is_text(node)} THEN {d.nodes.text_of(node)}"
        f" WHEN {d.matches(number, '^-?[0-9]+$')} THEN {number} ELSE '' END"
    )


def string_or_empty(d: Dialect, node: str) -> str:
    """A string; empty for others."""
    return f"CASE WHEN {d.nodes.is_text(node)} THEN {d.nodes.text_of(node)} ELSE '' END"


def member_string(d: Dialect, node: str, name: str) -> str:
    """The first string or number of a name in an object; empty if there is none."""
    found = f"transform({_named(d, node, d.literal(name))}, one -> {string_or_number(d, 'one')})"
    return first_non_empty(d, found)


def first_non_empty(d: Dialect, texts_: str) -> str:
    """The first non-empty string of an array; empty if there is none."""
    found = f"filter({texts_}, one -> one <> '')"
    return f"coalesce({d.at(found, '1')}, '')"


def _step(d: Dialect) -> str:
    none = d.none(d.nodes.type)
    name, pattern = (d.at(f"split(step, '{EQUALS}')", place) for place in "12")
    beside = string_or_empty(d, _content(d, "v"))
    key = d.nodes.name_of("k")
    fits = f"lower({key}) = lower(substr({name}, 2)) AND regexp_like(lower({beside}), {_pattern(pattern)})"
    fitting = f"cardinality(map_filter({d.nodes.members('object')}, (k, v) -> {fits})) > 0"
    return (
        f"flatten(transform(transform(nodes, outer_ -> {_content(d, 'outer_')}), inner_ -> CASE"
        f" WHEN step = '*' THEN {_elements(d, 'inner_')}"
        f" WHEN step = '@json' THEN CASE WHEN {d.nodes.is_text('inner_')} THEN"
        f" {d.array(d.nodes.parsed(d.nodes.text_of('inner_')))} ELSE {none} END"
        f" WHEN step LIKE '{WHERE}%' THEN filter({_objects(d, 'inner_')}, object -> {fitting})"
        f" ELSE flatten(transform({_objects(d, 'inner_')}, object -> {_by_name(d, 'object', 'step')})) END))"
    )


def _content(d: Dialect, node: str) -> str:
    """An element of an EC2 list without its index."""
    members = d.nodes.members(node)
    has_content, has_tag = (d.contains(f"map_keys({members})", d.nodes.key(name)) for name in (_CONTENT, "'tag'"))
    return (
        f"CASE WHEN {d.nodes.is_object(node)} AND cardinality({members}) <= 2 AND {has_content}"
        f" AND (cardinality({members}) = 1 OR {has_tag}) THEN {d.at(members, d.nodes.key(_CONTENT))} ELSE {node} END"
    )


def _elements(d: Dialect, node: str) -> str:
    members = d.nodes.members(node)
    listed = [d.at(members, d.nodes.key(f"'{name}'")) for name in _LISTS]
    inner = " ".join(f"WHEN {d.nodes.is_list(one)} THEN {d.nodes.elements(one)}" for one in listed)
    return (
        f"CASE WHEN {d.nodes.is_null(node)} THEN {d.none(d.nodes.type)}"
        f" WHEN {d.nodes.is_list(node)} THEN {d.nodes.elements(node)}"
        f" WHEN {d.nodes.is_object(node)} THEN CASE {inner} ELSE {d.array(node)} END ELSE {d.array(node)} END"
    )


def _objects(d: Dialect, node: str) -> str:
    """The object that a node is, or the objects in the list that it is."""
    each = f"transform({d.nodes.elements(node)}, one -> {_content(d, 'one')})"
    return (
        f"CASE WHEN {d.nodes.is_object(node)} THEN {d.array(node)}"
        f" WHEN {d.nodes.is_list(node)} THEN filter({each}, one -> {d.nodes.is_object('one')})"
        f" ELSE {d.none(d.nodes.type)} END"
    )


def _by_name(d: Dialect, node: str, name: str) -> str:
    """The values in an object that a step reaches: all, those with matching names, or that of one name."""
    fitting = (
        f"map_filter({d.nodes.members(node)}, (k, v) -> regexp_like(lower({d.nodes.name_of('k')}), {_pattern(name)}))"
    )
    return (
        f"CASE WHEN {name} = '{{}}' THEN map_values({d.nodes.members(node)})"
        f" WHEN {name} LIKE '%*%' THEN map_values({fitting}) ELSE {_named(d, node, name)} END"
    )


def _named(d: Dialect, node: str, name: str) -> str:
    """The value of a name, else those of names that differ only in case."""
    exact = d.at(d.nodes.members(node), d.nodes.key(name))
    alike = f"map_values(map_filter({d.nodes.members(node)}, (k, v) -> lower({d.nodes.name_of('k')}) = lower({name})))"
    return f"CASE WHEN {exact} IS NOT NULL THEN {d.array(exact)} ELSE {alike} END"


def _pattern(name: str) -> str:
    """The regular expression of a pattern with ``*``, in lower case."""
    return f"'^' || replace(replace(lower({name}), '{SLASH}', '/'), '*', '.*') || '$'"
