"""The first half of the view: select events from the table, each once, with the values at the known locations.

As in `passrole_checks.cloudtrail.store`, events that pass no role are dropped first, and the table is read once: Athena
reads it again for each mention of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from passrole_checks.aws.cloudtrail_events import VERSION
from passrole_checks.aws.data_files import SUFFIX
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql import known_events
from passrole_checks.cloudtrail.sql.dialect import Dialect
from passrole_checks.cloudtrail.sql.json_paths import (
    first_non_empty,
    follow_path,
    member_string,
    string_or_empty,
    string_or_number,
    unwrap,
)

_ACTION = r"not authorized to perform: ?([A-Za-z0-9-]+:[A-Za-z0-9]+)"
_NAMED = r"iam:PassRole on resource: (arn:[^\s,]+)"
_PASS_ROLE = "perform: iam:PassRole"
_DENIED = r"(?i)access.?denied|unauthori[sz]ed|not.?authori[sz]ed|authori[sz]ation(?:error|exception)|forbidden"
_SESSION = r"^(arn:[^:]+:sts::[0-9]{12}:assumed-role/[^/]+)/"
# Columns of an event that are kept through all steps.
FACTS = (
    "event_id", "time", "principal", "identity_type", "identity", "session_issuer", "source_identity", "invoked_by",
    "event_source", "event_name", "action", "outcome", "error_code", "denied_action", "denied_role", "resource",
    "region", "account", "source_ip", "role_services",
)  # fmt: skip


def event_steps(d: Dialect, table: str, bounds: Bounds) -> list[tuple[str, str]]:
    """The steps from the table to the values in its events, each a name and a query.

    The last is ``event_facts``: the values of each event.
    """
    return [
        ("known (source, name, action, services, sought)", _rows(d, known_events.event_rows())),
        ("aliases (alias, source)", _rows(d, known_events.source_aliases())),
        ("logged", _logged(d, table, bounds)),
        ("sifted", _sifted(d)),
        ("once", "SELECT *, row_number() OVER (PARTITION BY event_key ORDER BY time) AS copy FROM sifted"),
        ("parsed", _parsed(d)),
        ("identified", _identified(d)),
        ("looked", _looked(d)),
        ("event_facts", _event_facts(d)),
    ]


def _rows(d: Dialect, rows: Iterable[Sequence[str]]) -> str:
    listed = ",\n".join(f"({', '.join(map(d.literal, row))})" for row in rows)
    return f"VALUES\n{listed}"


def _logged(d: Dialect, table: str, bounds: Bounds) -> str:
    version = d.literal(VERSION.replace(r"\d", "[0-9]"))
    within = []
    if bounds.since:
        within.append(f"eventtime >= {d.literal(bounds.since)}")
    if bounds.until:
        within.append(f"eventtime < {d.literal(bounds.until)}")
    if bounds.accounts:
        within.append(f"recipientaccountid IN ({', '.join(map(d.literal, sorted(bounds.accounts)))})")
    return f"""SELECT
  coalesce(eventid, '') AS event_id,
  coalesce(eventtime, '') AS time,
  coalesce(eventsource, '') AS source,
  regexp_replace(coalesce(eventname, ''), {version}, '') AS event_name,
  coalesce(awsregion, '') AS region,
  coalesce(sourceipaddress, '') AS source_ip,
  coalesce(errorcode, '') AS error_code,
  coalesce(errormessage, '') AS error_message,
  coalesce(recipientaccountid, '') AS recipient,
  useridentity,
  requestparameters AS request_text,
  responseelements AS response_text
FROM {d.quoted(table)}""" + (f"\nWHERE {' AND '.join(within)}" if within else "")


def _sifted(d: Dialect) -> str:
    short = f"CASE WHEN l.source LIKE '%{SUFFIX}' THEN replace(l.source, '{SUFFIX}', '') ELSE '' END"
    texts_ = "l.time, l.source, l.event_name, l.region, l.source_ip, l.error_code, l.error_message, l.recipient"
    identity = d.json("l.useridentity")  # only for the remaining events, because it is expensive
    whole = f"concat_ws('|', {texts_}, {d.json_text(identity)}, l.request_text, l.response_text)"
    return f"""SELECT
  l.*,
  {identity} AS who,
  coalesce(nullif(l.event_id, ''), {whole}) AS event_key,
  k.source AS service,
  k.action AS known_action,
  CASE WHEN k.services = '' THEN k.source ELSE coalesce(k.services, '') END AS role_services,
  k.sought AS sought,
  a.alias IS NULL AS own_name
FROM logged l
LEFT JOIN aliases a ON a.alias = {short}
LEFT JOIN known k ON k.source = coalesce(a.source, {short}) AND k.name = l.event_name
WHERE k.name IS NOT NULL OR position('iam:PassRole' IN l.error_message) > 0"""


def _parsed(d: Dialect) -> str:
    named = d.extracted("error_message", _NAMED)
    return f"""SELECT
  *,
  {d.nodes.parsed("request_text")} AS whole_request,
  {d.nodes.parsed("response_text")} AS whole_response,
  {named} AS denied_role,
  CASE
    WHEN position('{_PASS_ROLE}' IN error_message) > 0 OR {named} <> '' THEN 'iam:PassRole'
    ELSE {d.extracted("error_message", _ACTION)}
  END AS denied_action,
  CASE
    WHEN error_code = '' AND error_message = '' THEN 'passed'
    WHEN position('{_PASS_ROLE}' IN error_message) = 0 AND {d.matches("error_message", _ACTION)} THEN 'failed'
    WHEN {d.matches("error_code", _DENIED)} THEN 'denied'
    WHEN position('is not authorized to perform' IN error_message) > 0 THEN 'denied'
    ELSE 'failed'
  END AS outcome
FROM once
WHERE copy = 1"""


def _identified(d: Dialect) -> str:
    def said(*path: str) -> str:
        found = d.member_of_json("who", *path)
        return f"CASE WHEN lower({found}) = 'null' THEN '' ELSE coalesce({found}, '') END"

    return f"""SELECT
  *,
  {said("type")} AS identity_type,
  {said("arn")} AS identity,
  {said("sessionContext", "sessionIssuer", "arn")} AS session_issuer,
  {said("sessionContext", "sourceIdentity")} AS source_identity,
  {said("invokedBy")} AS invoked_by,
  {said("onBehalfOf", "userId")} AS on_behalf_of,
  {said("userName")} AS user_name,
  {said("principalId")} AS principal_id,
  CASE WHEN recipient <> '' THEN recipient ELSE {said("accountId")} END AS account,
  {unwrap(d, "whole_request", "event_name", "Request")} AS request,
  {unwrap(d, "whole_response", "event_name", "Response")} AS response
FROM parsed"""


def _looked(d: Dialect) -> str:
    kind, services, path = (d.at("split(one_sought, ':')", place) for place in "123")
    steps = f"split(replace({path}, '>', ''), '/')"
    root = f"CASE WHEN {path} LIKE '>%' THEN response ELSE request END"
    place = d.row(
        kind=(kind, d.text),
        services=(f"CASE WHEN {services} = '' THEN service ELSE {services} END", d.text),
        answered=(f"{path} LIKE '>%'", d.truth),
        starred=(d.contains(steps, "'*'"), d.truth),
        node=("found_node", d.nodes.type),
    )
    principal = ", ".join(
        f"nullif({one}, '')"
        for one in (
            "session_issuer", _issuer_of_session(d), d.extracted("identity", _SESSION), "identity", "on_behalf_of",
            "invoked_by", "user_name", "principal_id",
        )
    )  # fmt: skip
    return f"""SELECT
  event_key, event_id, time, role_services, identity_type, identity, session_issuer, source_identity, invoked_by,
  event_name, outcome, error_code, denied_action, denied_role, region, account, source_ip,
  coalesce({principal}, '') AS principal,
  CASE WHEN service IS NULL THEN source ELSE service || '{SUFFIX}' END AS event_source,
  CASE
    WHEN service IS NULL OR known_action = '{known_events.NO_SERVICE}' THEN ''
    WHEN known_action = '' THEN service || ':' || event_name
    ELSE known_action
  END AS action,
  outcome = 'passed' AND own_name AND service IS NOT NULL AS changes_state,
  flatten(transform(split(sought, ' '), one_sought -> transform(
    {follow_path(d, root, steps)},
    found_node -> {place}))) AS looked_at
FROM identified"""


def _issuer_of_session(d: Dialect) -> str:
    """The ARN of the role of a session, from all events with its issuer: `passrole_checks.cloudtrail.identity`."""
    partition, account = (
        d.extracted("session_issuer", pattern)
        for pattern in (r"^(arn:[^:]+:)iam::[0-9]{12}:role/", r"^arn:[^:]+:iam::([0-9]{12}):role/")
    )
    issued = f"{partition} || 'sts::' || {account} || ':assumed-role/' || {d.last_part('session_issuer')}"
    session = f"coalesce(nullif({d.extracted('identity', _SESSION)}, ''), '?' || event_key)"
    key = f"CASE WHEN {account} <> '' THEN {issued} ELSE {session} END"
    issuer = f"CASE WHEN {account} <> '' THEN session_issuer END"
    order = "ORDER BY time, event_id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
    return f"last_value({issuer}) IGNORE NULLS OVER (PARTITION BY {key} {order})"


def _event_facts(d: Dialect) -> str:
    def of(kind: str, value: str = "") -> str:
        found = f"filter(looked_at, x -> x.kind = '{kind}')"
        return first_non_empty(d, f"transform({found}, x -> {value or string_or_empty(d, 'x.node')})")

    def state_fact(kind: str, value: str = "") -> str:
        return f"CASE WHEN changes_state THEN {of(kind, value)} ELSE '' END"

    number = string_or_number(d, "x.node")
    given = ", ".join(f"'{one}'" for one in known_events.GIVEN)
    chosen = [
        f"CASE WHEN x.kind = 't' THEN {member_string(d, 'x.node', name)} ELSE '' END"
        for name in ("launchTemplateId", "launchTemplateName", "version")
    ]
    row = d.row(
        kind=("x.kind", d.text),
        services=("x.services", d.text),
        answered=("x.answered", d.truth),
        starred=("x.starred", d.truth),
        given=(string_or_empty(d, "x.node"), d.text),
        id=(chosen[0], d.text),
        name=(chosen[1], d.text),
        version=(chosen[2], d.text),
    )
    return f"""SELECT
  *,
  {of(known_events.RESOURCE)} AS resource,
  {state_fact(known_events.ROLE_NAME)} AS fact_role,
  {state_fact(known_events.ROLE_ARN)} AS fact_arn,
  {state_fact(known_events.PROFILE)} AS fact_profile,
  {state_fact(known_events.TEMPLATE_ID, number)} AS fact_id,
  {state_fact(known_events.TEMPLATE_NAME, number)} AS fact_name,
  {state_fact(known_events.VERSION, number)} AS fact_version,
  {state_fact(known_events.VERSION_PROFILE, number)} AS version_profile,
  {state_fact(known_events.SOURCE_VERSION, number)} AS source_version,
  {state_fact(known_events.DEFAULT, number)} AS fact_default,
  transform(filter(looked_at, x -> x.kind IN ({given})), x -> {row}) AS givens
FROM looked"""
