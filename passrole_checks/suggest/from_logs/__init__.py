"""Suggestions from observed use in CloudTrail logs."""
