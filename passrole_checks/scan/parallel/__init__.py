"""Scanning in other places: threads, processes, other computers.

What is handed over is a few units and the options, what comes back is small, and the order of the units is kept: the
result is the same as that of a scan in one place, whatever is finished first.

- ``over``: any executor of ``concurrent.futures``; this is for those who scan from Python.
- ``processes``: several processes of this machine, for ``--jobs``; ``crew`` has the processes.
- ``cluster``: other computers, for ``--executor``.
"""
