"""`passrole_checks.cloudtrail` as an SQL view for Athena or Spark, for logs in a table there.

`data` provides the known events as rows, `reading` selects the events from the table and reads the locations in them
(`following` follows the paths), `holding` resolves profiles and launch templates and returns the passes. `dialect`
contains the differences of `athena` and `spark`. Everything else is one text for both, so that tests of one dialect
cover the other.
"""

from __future__ import annotations

from passrole_checks.aws.load import SUFFIX
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql.athena import Athena
from passrole_checks.cloudtrail.sql.comment import view_comment
from passrole_checks.cloudtrail.sql.data import NO_SERVICE
from passrole_checks.cloudtrail.sql.dialect import Dialect
from passrole_checks.cloudtrail.sql.holding import passing_steps
from passrole_checks.cloudtrail.sql.reading import reading_steps
from passrole_checks.cloudtrail.sql.spark import Spark

DIALECTS: dict[str, Dialect] = {"athena": Athena(), "spark": Spark()}
# The columns of a pass in `trail --events`, except the file.
COLUMNS = (
    "event_id", "time", "principal", "identity_type", "identity", "session_issuer", "source_identity", "invoked_by",
    "role", "instance_profile", "launch_template", "services", "event_source", "event_name", "action", "outcome",
    "error_code", "resource", "region", "account", "source_ip",
)  # fmt: skip


def view_statement(dialect: str, table: str, name: str, bounds: Bounds) -> str:
    """Return a commented statement that creates a view ``name`` of the passes in ``table``. ``bounds`` filter events.

    Names may have several parts, separated by dots. ``dialect`` is a key of `DIALECTS`.
    """
    d = DIALECTS[dialect]
    steps = [*reading_steps(d, table, bounds), *passing_steps(d)]
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
