"""Synthetic logs of CloudTrail, true to format, with the truth that was put into them.

`calls` is a table of events that pass roles, written by hand from AWS's API references, the services' pages on logging
with CloudTrail and published sample events; nothing of it comes from the package's own knowledge. `writing` makes logs
of it.
"""
