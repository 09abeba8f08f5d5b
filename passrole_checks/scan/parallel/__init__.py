"""Parallel scans: threads, processes, other computers.

A few units and the options are sent, the results are small, and the order of the units is kept: the result is the same
as that of a scan in one process, whatever finishes first.

- ``any_executor``: any executor of ``concurrent.futures``, for scans from Python.
- ``processes``: several processes of this machine, for ``--jobs``; ``worker_pool`` has the processes. They also read
  units for ``diff`` and ``review``.
- ``dask``: other computers, for ``--executor``.
"""
