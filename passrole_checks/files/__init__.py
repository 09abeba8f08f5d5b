"""Bounded reading, atomic writing and path relocation of untrusted files."""
