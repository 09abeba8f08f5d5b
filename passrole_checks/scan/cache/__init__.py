"""A cache of scan results on disk, valid while every file that a scan accessed is unchanged.

``keys`` identifies a scan and the program, ``store`` contains the entries, ``codec`` serializes values, ``cached_scan``
combines them. :mod:`passrole_checks.files.access_log` records what was accessed, and
:mod:`passrole_checks.sources.files.path_states` compares it. A scan with the cache returns the same
as one without; if the cache is unusable, there is none.

The commands ``scan`` and ``grants`` use it, and ``fix`` for the scan after its edits. ``diff`` and ``review`` do not:
they read each version from git objects in a temporary folder with a new name each time, and read files that both
versions share once. Neither do ``required`` and ``suggest``, which need configurations that are not cached, nor the
hosts.
"""
