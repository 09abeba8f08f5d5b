"""The view for Spark, in a real local session, returns the same results as ``trail`` for the same logs.

Skipped where ``pyspark`` (extra ``spark``) or Java is not installed, unless NEED_SPARK is set. Starting Spark and
reading the statement take most of the time, so all logs are in one table.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trails.every import Every
from trails.held import Held
from trails.rows import as_rows, rows_of
from trails.writing import Maker, write

from passrole_checks.aws.cloudtrail_events import trail_events
from passrole_checks.cloudtrail.log_files import Bounds
from passrole_checks.cloudtrail.sql import COLUMNS, view_statement

if os.environ.get("NEED_SPARK"):
    import pyspark.sql

    assert shutil.which("java"), "Spark needs Java"
else:
    pytest.importorskip("pyspark.sql")
    pytest.importorskip("duckdb")
    if not shutil.which("java"):
        pytest.skip("there is no Java", allow_module_level=True)
    import pyspark.sql


def long_event() -> dict[str, Any]:
    """An event with a text that is longer than any, and full of what has to be escaped."""
    return {
        "eventID": "long",
        "eventTime": "2026-01-01T00:00:00Z",
        "eventSource": "lambda.amazonaws.com",
        "eventName": "CreateFunction20150331",
        "requestParameters": {"description": '\\"s" \\\n{:,' * 30_000, "role": "arn:aws:iam::111122223333:role/long"},
    }


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Logs as CloudTrail delivers them: events with known results, every event in the knowledge data, and events about
    instance profiles and templates; some compressed, one in many lines."""
    folder = tmp_path_factory.mktemp("logs")
    write(folder, Maker(1).log(repeat=2, noise=100).events)
    write(folder / "held", [*Held(1).events(600)], organisation="o-a1b2c3d4e5")
    every = [*Every(1).events(), *Every(2, 0.2).events(), long_event()]
    (folder / "1_CloudTrail_every.json").write_text(json.dumps({"Records": every}, indent=1))
    (folder / "CloudTrail-Digest").mkdir()
    (folder / "CloudTrail-Digest" / "1_CloudTrail-Digest_x.json").write_text('{"digestS3Bucket": "b"}')
    return folder


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory, logs: Path) -> Iterator[Any]:
    """A session with a table of the logs, made as the comment in the statement says."""
    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.master": "local[2]",
        "spark.ui.enabled": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # it is over before more pays
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "localhost",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.local.dir": str(folder),
    }
    session = pyspark.sql.SparkSession.builder.config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    for statement in comment_of(view_statement("spark", "cloudtrail_logs", "passed_roles", Bounds())):
        session.sql(statement.replace("s3://BUCKET/AWSLogs", logs.as_uri()))
    yield session
    session.stop()


def comment_of(text: str) -> list[str]:
    """The statements in the comment."""
    lines = [line.removeprefix("--") for line in text.splitlines() if line.startswith("--")]
    return re.findall(r"(?:SET|CREATE) [^;]+(?=;)", "\n".join(lines))


def told(session: Any) -> list[str]:
    """The rows of the view, made by the statement as it is printed."""
    session.sql(view_statement("spark", "cloudtrail_logs", "default.passed_roles", Bounds()))
    found = session.sql("SELECT * FROM passed_roles")
    assert found.columns == list(COLUMNS)
    return as_rows(row.asDict() for row in found.collect())


def test_view_equals_trail(spark: Any, logs: Path) -> None:
    """The same rows, column for column, of all events that pass roles."""
    found = told(spark)
    assert found == rows_of(logs)
    rows = [json.loads(row) for row in found]
    assert len({row["event_name"] for row in rows}) > 0.8 * len({event.name for event in trail_events().values()})
    assert sum(row["launch_template"] is not None for row in rows) > 20
    assert any(row["event_id"] == "long" for row in rows)
