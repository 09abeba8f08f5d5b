"""Escape untrusted text for terminals, Markdown, HTML and annotations."""
