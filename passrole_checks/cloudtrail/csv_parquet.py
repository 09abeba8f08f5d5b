"""Exports of CloudTrail Lake and Athena: one row per event, as CSV or Parquet.

Athena's table for CloudTrail (Athena UG, "Query AWS CloudTrail logs") has ``requestparameters`` as the text of the
event and ``useridentity`` as a row; CloudTrail Lake has rows and maps. Queries may select columns and flatten rows, so
columns are identified by name, ignoring case and separators between words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from passrole_checks.cloudtrail.log_files import LogFile, LogFormat

# In the order of the store's columns.
_NAMES = (
    "eventid", "eventtime", "eventsource", "eventname", "awsregion", "sourceipaddress", "errorcode", "errormessage",
    "recipientaccountid", "useridentity", "requestparameters", "responseelements",
)  # fmt: skip
_STRUCTURES = _NAMES[-3:]
# Columns that a query may have extracted from userIdentity, and the members they come from.
_IDENTITY = {
    "useridentitytype": "type",
    "useridentityarn": "arn",
    "useridentityprincipalid": "principalId",
    "useridentityaccountid": "accountId",
    "useridentityusername": "userName",
    "useridentityinvokedby": "invokedBy",
    "useridentitysessioncontextsessionissuerarn": "issuer",
    "useridentitysessionissuerarn": "issuer",
    "sessionissuerarn": "issuer",
    "useridentitysessioncontextsourceidentity": "source",
    "useridentitysourceidentity": "source",
    "sourceidentity": "source",
}
_LONGEST_LINE = 2 << 20  # an event has at most 256 KB; DuckDB allocates sixteen times this size


def reader_expression(file: LogFile) -> tuple[str, dict[str, Any]]:
    """Return the DuckDB expression that reads an export, and its parameters."""
    if file.form is LogFormat.PARQUET:
        return "read_parquet($file)", {"file": file.path}
    compression = "gzip" if file.packed else "none"
    return (
        "read_csv($file, all_varchar = true, header = true, delim = ',', quote = '\"', escape = '\"',"
        f" max_line_size = {_LONGEST_LINE}, compression = '{compression}')",
        {"file": file.path},
    )


def column_expressions(described: Sequence[tuple[str, str]]) -> list[str] | None:
    """Return an SQL expression per column of the store, given the names and types of the columns of an export.

    None if the export has no columns that identify the event.
    """
    columns_by_name = {
        re.sub(r"[^a-z0-9]", "", name.lower()): (sql_literal(name, '"'), kind) for name, kind in reversed(described)
    }
    if "eventname" not in columns_by_name or "eventsource" not in columns_by_name:
        return None
    return [_expression(name, columns_by_name) for name in _NAMES]


def _expression(name: str, columns_by_name: dict[str, tuple[str, str]]) -> str:
    if name not in columns_by_name:
        return _identity(columns_by_name) if name == "useridentity" else "NULL"
    column, kind = columns_by_name[name]
    if name == "eventtime":
        if kind.startswith("TIMESTAMP"):
            return f"strftime({column}, '%Y-%m-%dT%H:%M:%SZ')"
        # "2026-01-02 03:04:05.000" is what Lake writes for "2026-01-02T03:04:05Z"
        return f"regexp_replace({column}, '^(\\d{{4}}-\\d\\d-\\d\\d)[T ](\\d\\d:\\d\\d:\\d\\d).*$', '\\1T\\2Z')"
    if name in _STRUCTURES and kind != "VARCHAR":
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _identity(columns_by_name: dict[str, tuple[str, str]]) -> str:
    """Build ``userIdentity`` from columns of its parts."""
    parts = {member: columns_by_name[name][0] for name, member in _IDENTITY.items() if name in columns_by_name}
    if not parts:
        return "NULL"
    issuer, source = parts.pop("issuer", "NULL"), parts.pop("source", "NULL")
    listed = "".join(f"'{member}', {column}, " for member, column in parts.items())
    context = f"json_object('sourceIdentity', {source}, 'sessionIssuer', json_object('arn', {issuer}))"
    return f"CAST(json_object({listed}'sessionContext', {context}) AS VARCHAR)"


def sql_literal(text: str, mark: str = "'") -> str:
    """Return an SQL string in single quotes, or a name in other quotation marks."""
    return f"{mark}{text.replace(mark, mark * 2)}{mark}"
