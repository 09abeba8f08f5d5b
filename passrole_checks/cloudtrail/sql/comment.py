"""What stands above the statement, for whoever runs it: which table it wants, and what it tells otherwise than `trail`.

The table for Athena is that of the Athena User Guide ("Query AWS CloudTrail logs"), which the CloudTrail console makes
as well; that for Spark reads the files as CloudTrail delivers them.
"""

from __future__ import annotations

from collections.abc import Iterator

from passrole_checks import __version__
from passrole_checks.aws.cloudtrail_events import trail_events, trail_sources
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql.dialect import Dialect

# The members of an event that the view reads, as CloudTrail spells them: names matter to Spark's reader of JSON.
_RECORD = (
    "eventID: STRING, eventTime: STRING, eventSource: STRING, eventName: STRING, awsRegion: STRING,",
    "sourceIPAddress: STRING, errorCode: STRING, errorMessage: STRING, recipientAccountId: STRING,",
    "requestParameters: STRING, responseElements: STRING, userIdentity: STRUCT<type: STRING, principalId: STRING,",
    "arn: STRING, accountId: STRING, invokedBy: STRING, userName: STRING, onBehalfOf: STRUCT<userId: STRING>,",
    "sessionContext: STRUCT<sourceIdentity: STRING, sessionIssuer: STRUCT<arn: STRING>>>",
)


def comment(d: Dialect, table: str, name: str, bounds: Bounds) -> str:
    """The lines of the comment, each with its end."""
    made = {"Athena": _for_athena, "Spark": _for_spark}[d.name]
    lines = [*_what(d, table, name, bounds), "", *made(table), "", *_otherwise(d)]
    return "".join(f"-- {line}".rstrip() + "\n" for line in lines)


def _what(d: Dialect, table: str, name: str, bounds: Bounds) -> Iterator[str]:
    derived = " and ".join(f"{package} {version}" for package, version in trail_sources().items())
    yield f"{name}: which roles were passed to which services, by whom, a row for each pass."
    yield f"From passrole-checks {__version__}, trail --sql {d.name.lower()}, which knows {_count()} events that may"
    yield f"pass a role, derived from {derived}. Print it anew with a newer version, and change nothing by hand."
    if bounds.since or bounds.until:
        yield f"Only events from {bounds.since or 'the first'} on, before {bounds.until or 'any end'}."
    if bounds.accounts:
        yield f"Only events of the accounts {', '.join(sorted(bounds.accounts))}."
    yield f"It reads each event in {table} once and resolves instance profiles and launch templates by what other"
    yield "events in there say of them before, as trail does with its logs. To look at a part of a large table, as"
    yield "some of its partitions, make a view of that part and give its name with --table."


def _count() -> int:
    return len({(event.source, event.name) for event in trail_events().values()})


def _for_athena(table: str) -> Iterator[str]:
    yield f"For Athena, engine version 3. {table} has the columns of the table that the CloudTrail console and the page"
    yield "Query AWS CloudTrail logs of the Athena User Guide make. That table has no source identities: add"
    yield "sourceidentity:STRING to the sessioncontext in its useridentity, and the view has them."


def _for_spark(table: str) -> Iterator[str]:
    yield f"For Spark from 3.5 on. {table} has columns as that for Athena (Athena User Guide, Query AWS CloudTrail"
    yield "logs), requestparameters and responseelements as the JSON that they are; names are in any letters. To make"
    yield "such a table of files as CloudTrail delivers them, put in where they are. The view is a long one: the first"
    yield "line is for versions that give up its analysis otherwise, as 3.5 does, also before it is queried."
    yield ""
    yield "SET spark.sql.analyzer.maxIterations = 1000;"
    yield "CREATE TABLE cloudtrail_files (Records ARRAY<STRUCT<"
    yield from (f"  {line}" for line in _RECORD)
    yield ">>) USING json OPTIONS ("
    yield "  path 's3://BUCKET/AWSLogs', recursiveFileLookup 'true', multiLine 'true',"
    yield "  pathGlobFilter '*_CloudTrail_*');"
    yield f"CREATE VIEW {table} AS"
    yield "SELECT record.* FROM (SELECT explode(Records) AS record FROM cloudtrail_files);"


def _otherwise(d: Dialect) -> Iterator[str]:
    yield "Columns are those of trail --format json --events, with NULL where nothing is known; services is an array."
    yield "Other than there: no column tells the file, and events are told by no more than their columns hold, so that"
    yield "structures in any other notation than JSON tell nothing."
