"""Suggest and fix: least-privilege statements as verified edits."""
