"""Collect what the resources of a configuration say about access, by tables: attribute and meaning.

Each format reads its resources as :class:`~passrole_checks.sources.collect.policies.PolicyResource` and contributes
its tables and what only it has.
"""
