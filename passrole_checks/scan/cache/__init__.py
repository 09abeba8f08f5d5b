"""What scans have given, kept on the disk, for as long as everything that they have looked at is the same.

``disk`` tells whether it is, ``questions`` what was asked and by which program, ``store`` holds the entries, ``codec``
turns values into bytes and back, ``remembering`` puts all of that around a scan. A scan with the cache gives the same
as one without it; where the cache cannot be used, it is one without it.

The commands ``scan`` and ``grants`` use it. ``diff`` and ``review`` do not: they read each version from git's objects
in a temporary folder, which has another name each time, and what both versions share they read once as it is. Nor do
``suggest`` and ``fix``, which need the syntax that is not kept, nor the hosts.
"""
