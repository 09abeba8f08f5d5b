"""Sets of roles: the ARNs that patterns match, their intersections and differences."""
