"""`passrole_checks.cloudtrail` as an SQL view for Athena or Spark, for logs in a table there.

`known_events` provides the known events as rows, `select_events` selects the events from the table and reads the
parameters in them (`json_paths` follows the paths), `resolve_roles` resolves instance profiles and launch templates and
returns the passes. `dialect` contains the differences of `athena` and `spark`. Everything else is one text for both, so
that tests of one dialect cover the other.
"""

from __future__ import annotations

from passrole_checks.aws.data_files import SUFFIX
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql.athena import ATHENA
from passrole_checks.cloudtrail.sql.comment import view_comment
from passrole_checks.cloudtrail.sql.dialect import Dialect
from passrole_checks.cloudtrail.sql.known_events import NO_SERVICE
from passrole_checks.cloudtrail.sql.resolve_roles import passing_steps
from passrole_checks.cloudtrail.sql.select_events import event_steps
from passrole_checks.cloudtrail.sql.spark import SPARK

DIALECTS: dict[str, Dialect] = {"athena": ATHENA, "spark": SPARK}
# The columns of a pass in `trail --events`, except the file.
COLUMNS = (
    "event_id", "time", "principal", "identity_type", "identity", "session_issuer", "source_identity", "invoked_by",
    "role", "instance_profile", "launch_template", "services", "event_source", "event_name", "action", "outcome",
    "error_code", "resource", "region", "account", "source_ip", "denied_action", "denied_role",
)  # fmt: skip


def view_statement(dialect: str, table: str, name: str, bounds: Bounds) -> str:
    """Return a commented statement that creates a view ``name`` of the passes in ``table``. ``bounds`` filter events.

    Names may have several parts, separated by dots. ``dialect`` is a key of `DIALECTS`.
    """
    d = DIALECTS[dialect]
    steps = [*event_steps(d, table, bounds), *passing_steps(d)]
    written = ",\n".join(f"{step} AS (\n{query}\n)" for step, query in steps)
    chosen = ",\n".join(f"  {_chosen(column)} AS {column}" for column in COLUMNS)
    return (
        f"{view_comment(d, table, name, bounds)}CREATE OR REPLACE VIEW {d.quoted(name)} AS\nWITH {written}\n"
        f"SELECT\n{chosen}\nFROM passed;\n"
    )


def _chosen(column: str) -> str:
    if column != "services":
        return f"nullif({column}, '')"
    named = f"filter(split(services, ','), x -> x NOT IN ('', '{NO_SERVICE}'))"
    return f"transform({named}, x -> x || '{SUFFIX}')"
