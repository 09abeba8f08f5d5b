"""Evaluate IAM policies by their meaning. Standard library only."""
