"""Bounded reading, atomic writing and path relocation for untrusted files."""
