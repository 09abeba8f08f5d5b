"""Run a scan on a Dask cluster of two worker processes that is started for it::

python on_cluster.py -m passrole_checks scan PATH
"""

from __future__ import annotations

import logging
import subprocess
import sys


def main(arguments: list[str]) -> int:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", silence_logs=logging.CRITICAL + 1
    ) as cluster:
        url = str(cluster.scheduler_address).replace("tcp://", "dask://")
        return subprocess.run([sys.executable, *arguments, "--executor", url], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
