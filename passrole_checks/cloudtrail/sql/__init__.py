"""The extraction of `passrole_checks.cloudtrail` as a view for Athena or Spark SQL, for logs that lie in a table there.

The way of a statement: `data` gives the knowledge of events as rows, `reading` takes the events out of the table and
looks at the places in them (`following` goes along the paths), `holding` resolves profiles and launch templates and
says what was passed. `dialect` is what `athena` and `spark` say differently. All of it is one text for both, so that
what the one is tested to do, the other does.
"""

from __future__ import annotations

from passrole_checks.aws.load import SUFFIX
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql.athena import Athena
from passrole_checks.cloudtrail.sql.comment import comment
from passrole_checks.cloudtrail.sql.data import NO_SERVICE
from passrole_checks.cloudtrail.sql.dialect import Dialect
from passrole_checks.cloudtrail.sql.holding import holding
from passrole_checks.cloudtrail.sql.reading import reading
from passrole_checks.cloudtrail.sql.spark import Spark

DIALECTS: dict[str, Dialect] = {"athena": Athena(), "spark": Spark()}
# Those of a pass in `trail --events`, but for the file.
COLUMNS = (
    "event_id", "time", "principal", "identity_type", "identity", "session_issuer", "source_identity", "invoked_by",
    "role", "instance_profile", "launch_template", "services", "event_source", "event_name", "action", "outcome",
    "error_code", "resource", "region", "account", "source_ip",
)  # fmt: skip


def view(dialect: str, table: str, name: str, bounds: Bounds) -> str:
    """The statement that makes a view called ``name`` of the passes in ``table``, with a comment before it; ``bounds``
    say which events count. Names may have dots between their parts. ``dialect`` is a key of `DIALECTS`."""
    d = DIALECTS[dialect]
    steps = [*reading(d, table, bounds), *holding(d)]
    written = ",\n".join(f"{step} AS (\n{query}\n)" for step, query in steps)
    chosen = ",\n".join(f"  {_chosen(column)} AS {column}" for column in COLUMNS)
    return (
        f"{comment(d, table, name, bounds)}CREATE OR REPLACE VIEW {d.quoted(name)} AS\nWITH {written}\n"
        f"SELECT\n{chosen}\nFROM passed;\n"
    )


def _chosen(column: str) -> str:
    if column != "services":
        return f"nullif({column}, '')"
    named = f"filter(split(services, ','), x -> x NOT IN ('', '{NO_SERVICE}'))"
    return f"transform({named}, x -> x || '{SUFFIX}')"
