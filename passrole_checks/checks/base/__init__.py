"""Base classes of the checks: Check, GrantContext and wording."""
