"""The least privilege that still works."""
