"""Roles as sets: the ARNs that patterns match, and what is left of them when others are taken away."""
