"""Passing roles: what an Allow of iam:PassRole lets be passed to which services, and the sets of that."""
