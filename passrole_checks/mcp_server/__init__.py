"""The server for code assistants: functions of :mod:`passrole_checks.api` over the Model Context Protocol.

``workspace`` decides which files a call may read, ``tools`` calls the Python API, ``answers`` bounds and sanitizes what
it returns. Only ``server`` imports the protocol's SDK.
"""
