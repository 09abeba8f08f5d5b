"""Output formats: each module renders results as text."""
