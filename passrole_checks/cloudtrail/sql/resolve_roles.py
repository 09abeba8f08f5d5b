"""The second half of the view: resolve profiles and launch templates at the time of an event, and return the passes.

As in `passrole_checks.cloudtrail.instance_profiles`, an event changes the state for later ones, by time and id. Each
question (which template has this name, which profile a version of it names, which role is in a profile, which ARN a
role has) is a window over the events of one account that share the name: the last answer before an event counts. Rows
without a question are in windows of their own.
"""

from __future__ import annotations

from passrole_checks.aws.data_files import SUFFIX
from passrole_checks.cloudtrail.sql.dialect import Dialect
from passrole_checks.cloudtrail.sql.json_paths import first_non_empty
from passrole_checks.cloudtrail.sql.select_events import FACTS

_ROLE = r"^arn:[^:]+:iam::([0-9]{12}):role/\S+\z"
_PROFILE = r"^arn:[^:]+:iam::([0-9]{12}):instance-profile/\S+\z"
_NAME = r"^/?[\p{L}\p{N}_+=,.@-]+(?:/[\p{L}\p{N}_+=,.@-]+)*\z"
_NO_NAMES = ("none", "null", "default", "hidden_due_to_security_reasons", "***")
_MADE = ("CreateLaunchTemplate", "CreateLaunchTemplateVersion")
_ALONE = "'?' || event_key"


def passing_steps(d: Dialect) -> list[tuple[str, str]]:
    """The steps from ``event_facts`` to ``passed``, which has one row per pass, each named as its function."""
    steps = (
        _asked, _named, _folded, _states, _resolved, _given, _profiles, _roles, _gathered, _narrowed, _answered,
        _refused, _distinct_items, _passed,
    )  # fmt: skip
    return [(step.__name__.removeprefix("_"), step(d)) for step in steps]


def _asked(d: Dialect) -> str:
    """One row per passed item, and one per event that passes nothing."""
    one = d.at("givens", "nth")
    listed = ",\n  ".join(
        f"{one}.{member} AS {column}"
        for member, column in (
            ("kind", "kind"), ("services", "services"), ("answered", "is_answered"), ("starred", "starred"),
            ("given", "given_text"), ("id", "chosen_id"), ("name", "chosen_name"), ("version", "chosen_version"),
        )
    )  # fmt: skip
    number = "greatest(coalesce(cardinality(givens), 0), 1)"
    made = ", ".join(f"'{one}'" for one in _MADE)
    return f"""SELECT
  {", ".join(("event_key", "nth", *FACTS))},
  fact_role, fact_arn, fact_profile, fact_version, version_profile, source_version, fact_default,
  changes_state AND event_source = 'ec2{SUFFIX}' AND event_name IN ({made}) AS makes,
  coalesce(nullif(fact_id, ''), {one}.id, '') AS template_id,
  coalesce(nullif(fact_name, ''), {one}.name, '') AS template_name,
  {listed}
FROM {d.unnested("event_facts", number, "nth")}"""


def _over(*keys: str) -> str:
    listed = ", ".join(keys)
    order = "ORDER BY time, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    return f"PARTITION BY account, {listed} {order}"


def _last(value: str, *keys: str) -> str:
    """The last value up to an event among those that share a name."""
    return f"last_value({value}) IGNORE NULLS OVER ({_over(*keys)})"


def _named(d: Dialect) -> str:
    """Names of templates with their ids."""
    both = "CASE WHEN makes AND template_id <> '' AND template_name <> '' THEN template_id END"
    name = f"CASE WHEN template_name <> '' THEN template_name ELSE {_ALONE} END"
    return f"""SELECT
  *,
  {_last(both, "region", name)} AS id_of_name
FROM asked"""


def _folded(d: Dialect) -> str:
    """The history of a template up to each event that changes it."""
    said = d.row(
        version=("CASE WHEN fact_version = '' AND event_name = 'CreateLaunchTemplate' THEN '1' ELSE fact_version END",
                 d.text),
        profile=("version_profile", d.text),
        source=("source_version", d.text),
        chosen=("fact_default", d.text),
        made=(f"makes AND event_name = '{_MADE[0]}'", d.truth),
    )  # fmt: skip
    template = "coalesce(nullif(template_id, ''), id_of_name, nullif(template_name, ''))"
    turning = f"CASE WHEN makes OR fact_default <> '' THEN coalesce({template}, {_ALONE}) ELSE {_ALONE} END"
    return f"""SELECT
  *,
  {template} AS template,
  {d.gathered(said, _over("region", turning))} AS history
FROM named"""


def _latest(d: Dialect, state: str) -> str:
    numbers = f"filter(map_keys({state}), one -> {d.matches('one', '^[0-9]{1,15}$')})"
    return f"coalesce(array_max(transform({numbers}, one -> CAST(one AS {d.number}))), 0)"


def _states(d: Dialect) -> str:
    """The state of a template: the profile of each version, and the default version."""
    number = f"CASE WHEN said.version <> '' THEN said.version ELSE CAST({_latest(d, 'state')} + 1 AS {d.text}) END"
    profile = (
        "CASE WHEN said.profile <> '' OR said.source LIKE '$%' THEN said.profile"
        f" ELSE coalesce({d.at('state', 'said.source')}, '') END"
    )

    def put(key: str, value: str) -> str:
        return f"map_concat(map_filter(state, (k, v) -> k <> {key}), {d.mapping(key, value)})"

    start = d.mapping("'$Default'", "'1'")
    body = (
        f"CASE WHEN said.made THEN map_concat({start}, {d.mapping(number, 'said.profile')})"
        " WHEN said.chosen = '' THEN " + put(number, profile) + " WHEN cardinality(state) > 1 THEN "
        + put("'$Default'", "said.chosen") + " ELSE state END"
    )  # fmt: skip
    state = d.folded("history", start, "state", "said", body)
    return f"""SELECT
  *,
  CASE WHEN makes OR fact_default <> '' THEN {state} END AS new_state
FROM folded"""


def _resolved(d: Dialect) -> str:
    """The state of each template at the time of an event."""
    return f"""SELECT
  *,
  {_last("new_state", "region", f"coalesce(template, {_ALONE})")} AS state
FROM states"""


def _given(d: Dialect) -> str:
    """Roles and profiles, by ARN or name, from the parameters or the selected template."""
    no_names = ", ".join(f"'{one}'" for one in _NO_NAMES)
    is_name = (
        f"length(given_text) <= 512 AND lower(given_text) NOT IN ({no_names}) AND {d.matches('given_text', _NAME)}"
    )
    is_role, is_profile = d.matches("given_text", _ROLE), d.matches("given_text", _PROFILE)
    version = (
        f"CASE WHEN chosen_version = '$Latest' THEN CAST({_latest(d, 'state')} AS {d.text})"
        f" WHEN chosen_version IN ('', '$Default') THEN {d.at('state', chr(39) + '$Default' + chr(39))}"
        " ELSE chosen_version END"
    )
    return f"""SELECT
  *,
  CASE
    WHEN kind = 't' THEN coalesce({d.at("state", version)}, '')
    WHEN kind IS NULL OR {is_role} THEN ''
    WHEN {is_profile} OR (kind = 'i' AND {is_name}) THEN given_text
    ELSE ''
  END AS profile,
  CASE
    WHEN kind IS NULL OR kind = 't' THEN ''
    WHEN {is_role} THEN given_text
    WHEN kind = 'r' AND NOT {is_profile} AND {is_name} THEN given_text
    ELSE ''
  END AS role_text,
  CASE WHEN kind = 't' THEN coalesce(nullif(chosen_id, ''), chosen_name) ELSE '' END AS launch_template
FROM resolved"""


def _profiles(d: Dialect) -> str:
    said = (
        "CASE WHEN fact_profile = '' THEN NULL WHEN event_name = 'RemoveRoleFromInstanceProfile' THEN ''"
        " ELSE nullif(fact_role, '') END"
    )
    name = (
        f"CASE WHEN profile <> '' THEN {d.last_part('profile')} WHEN fact_profile <> '' THEN fact_profile"
        f" ELSE {_ALONE} END"
    )
    return f"""SELECT
  *,
  coalesce({_last(said, name)}, '') AS held_role
FROM given"""


def _roles(d: Dialect) -> str:
    is_role = d.matches("role_text", _ROLE)
    asked = f"CASE WHEN profile <> '' THEN held_role WHEN {is_role} THEN '' ELSE role_text END"
    name = f"CASE WHEN {asked} <> '' THEN {d.last_part(asked)} WHEN fact_arn <> '' THEN fact_role ELSE {_ALONE} END"
    return f"""SELECT
  *,
  CASE
    WHEN {is_role} THEN role_text
    WHEN {asked} <> '' THEN coalesce({_last("nullif(fact_arn, '')", name)}, {asked})
    ELSE ''
  END AS role
FROM profiles"""


def _gathered(d: Dialect) -> str:
    """One row per event again, with everything that it passes."""
    row = d.row(
        nth=("nth", d.number),
        kind=("coalesce(kind, '')", d.text),
        services=("coalesce(services, '')", d.text),
        answered=("coalesce(is_answered, false)", d.truth),
        starred=("coalesce(starred, false)", d.truth),
        role=("role", d.text),
        profile=("profile", d.text),
        template=("launch_template", d.text),
    )
    facts = ",\n  ".join(f"max({one}) AS {one}" for one in FACTS)
    return f"""SELECT
  event_key,
  {facts},
  {d.collected(row, "nth")} AS all_given
FROM roles
GROUP BY event_key"""


def _any(array: str, test: str) -> str:
    return f"cardinality(filter({array}, x -> {test})) > 0"


def _narrowed(d: Dialect) -> str:
    """A profile that the request names takes precedence over those of templates."""
    asked = "filter(all_given, x -> x.kind <> '' AND NOT x.answered)"
    own = _any(asked, "x.profile <> '' AND x.kind <> 't' AND NOT x.starred")
    return f"""SELECT
  *,
  CASE WHEN {own} THEN filter({asked}, x -> x.kind <> 't') ELSE {asked} END AS asked_for
FROM gathered"""


def _given_row(d: Dialect, services: str, role: str, profile: str, template: str) -> str:
    return d.row(
        services=(services, d.text), role=(role, d.text), profile=(profile, d.text), template=(template, d.text)
    )


def _answered(d: Dialect) -> str:
    """A profile in the response comes from a template that the logs do not show."""
    template = first_non_empty(d, "transform(asked_for, y -> y.template)")
    asked = f"transform(asked_for, x -> {_given_row(d, 'x.services', 'x.role', 'x.profile', 'x.template')})"
    answer = (
        "transform(filter(all_given, x -> x.answered), x -> "
        f"{_given_row(d, 'x.services', 'x.role', 'x.profile', template)})"
    )
    has_profile = _any("asked_for", "x.profile <> ''")
    whole = f"CASE WHEN {has_profile} THEN {asked} ELSE concat({asked}, {answer}) END"
    return f"""SELECT
  *,
  filter({whole}, x -> x.role <> '' OR x.profile <> '') AS all_items
FROM narrowed"""


def _refused(d: Dialect) -> str:
    """If the error names a role, this is the denied one."""
    ending = (
        "x.role <> '' AND length(denied_role) > length(x.role)"
        " AND substr(denied_role, length(denied_role) - length(x.role)) = '/' || x.role"
    )
    alike = f"transform(filter(all_items, x -> {ending}), x -> x.services)"
    services = f"coalesce({d.at(alike, '1')}, role_services)"
    return f"""SELECT
  *,
  CASE
    WHEN denied_role = '' THEN all_items
    WHEN {_any("all_items", "x.role = denied_role")} THEN filter(all_items, x -> x.role = denied_role)
    ELSE {d.array(_given_row(d, services, "denied_role", "''", "''"))}
  END AS left_over
FROM answered"""


def _distinct_items(d: Dialect) -> str:
    """Distinct roles of the same account: a role of another account cannot be passed."""
    of_role, of_profile = d.extracted("x.role", _ROLE), d.extracted("x.profile", _PROFILE)
    owner = f"coalesce(nullif({of_role}, ''), nullif({of_profile}, ''), account)"
    kept = f"filter(array_distinct(left_over), x -> account = '' OR {owner} = account)"
    return f"""SELECT
  *,
  {kept} AS kept
FROM refused"""


def _passed(d: Dialect) -> str:
    one = d.at("kept", "which")
    return f"""SELECT
  *,
  {one}.role AS role,
  {one}.profile AS instance_profile,
  {one}.template AS launch_template,
  {one}.services AS services
FROM {d.unnested("(SELECT * FROM distinct_items WHERE cardinality(kept) > 0) gives", "cardinality(kept)", "which")}"""
