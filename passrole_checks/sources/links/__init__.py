"""Find the values, roles and policies that roots name of each other."""
