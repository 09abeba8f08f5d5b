"""The comment above the statement: which table it needs, and how its results differ from `trail`.

The table for Athena is that of the Athena User Guide ("Query AWS CloudTrail logs"), which the CloudTrail console also
creates; that for Spark reads the files as CloudTrail delivers them.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks import __version__
from passrole_checks.aws.cloudtrail_events import trail_events, trail_sources
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql.dialect import Dialect

# The members of an event that the view reads, as CloudTrail spells them: Spark's JSON reader is case-sensitive.
_RECORD = (
    "eventID: STRING, eventTime: STRING, eventSource: STRING, eventName: STRING, awsRegion: STRING,",
    "sourceIPAddress: STRING, errorCode: STRING, errorMessage: STRING, recipientAccountId: STRING,",
    "requestParameters: STRING, responseElements: STRING, userIdentity: STRUCT<type: STRING, principalId: STRING,",
    "arn: STRING, accountId: STRING, invokedBy: STRING, userName: STRING, onBehalfOf: STRUCT<userId: STRING>,",
    "sessionContext: STRUCT<sourceIdentity: STRING, sessionIssuer: STRUCT<arn: STRING>>>",
)


def view_comment(d: Dialect, table: str, name: str, bounds: Bounds) -> str:
    """Return the lines of the comment, with line ends."""
    made = {"Athena": _for_athena, "Spark": _for_spark}[d.name]
    lines = [*_describe_view(d, table, name, bounds), "", *made(table), "", *_differences(d)]
    return "".join(f"-- {line}".rstrip() + "\n" for line in lines)


def _describe_view(d: Dialect, table: str, name: str, bounds: Bounds) -> Iterator[str]:
    derived = " and ".join(f"{package} {version}" for package, version in trail_sources().items())
    yield f"{name}: one row per pass: which principal passed which role to which service."
    yield f"From passrole-checks {__version__}, trail --sql {d.name.lower()}, which knows {_count()} events that may"
    yield f"pass a role, derived from {derived}; {_count(retired=True)} are retired. Do not edit; regenerate it with a"
    yield "newer version."
    if bounds.since or bounds.until:
        yield f"Only events since {bounds.since or 'the first'} and before {bounds.until or 'any end'}."
    if bounds.accounts:
        yield f"Only events of the accounts {', '.join(sorted(bounds.accounts))}."
    yield f"It reads each event in {table} once and resolves instance profiles and launch templates from earlier"
    yield "events in the table, as trail does with its logs. To query a part of a large table, such as some of its"
    yield "partitions, create a view of that part and pass its name with --table."


def _count(*, retired: bool = False) -> int:
    events = trail_events().values()
    return len({(event.source, event.name) for event in events if event.retired or not retired})


def _for_athena(table: str) -> Iterator[str]:
    yield f"For Athena, engine version 3. {table} has the columns of the table that the CloudTrail console and the page"
    yield "Query AWS CloudTrail logs of the Athena User Guide create. That table has no source identities: to get them,"
    yield "add sourceidentity:STRING to the sessioncontext in its useridentity."


def _for_spark(table: str) -> Iterator[str]:
    yield f"For Spark 3.5 or later. {table} has the columns of the Athena table (Athena User Guide, Query CloudTrail"
    yield "logs), requestparameters and responseelements as JSON text; names are case-insensitive. To create such a"
    yield "table from files as CloudTrail delivers them, fill in their location below. The view is long: versions such"
    yield "as 3.5 can analyze it only after the first statement; run that before each query too."
    yield ""
    yield "SET spark.sql.analyzer.maxIterations = 1000;"
    yield "CREATE TABLE cloudtrail_files (Records ARRAY<STRUCT<"
    yield from (f"  {line}" for line in _RECORD)
    yield ">>) USING json OPTIONS ("
    yield "  path 's3://BUCKET/AWSLogs', recursiveFileLookup 'true', multiLine 'true',"
    yield "  pathGlobFilter '*_CloudTrail_*');"
    yield f"CREATE VIEW {table} AS"
    yield "SELECT record.* FROM (SELECT explode(Records) AS record FROM cloudtrail_files);"


def _differences(d: Dialect) -> Iterator[str]:
    yield "Columns are those of trail --format json --events, with NULL for unknown values; services is an array."
    yield "Differences: there is no column for the file, and structures are read only if they are JSON."
