"""The pull request bot: report each new PassRole issue of a change once, on the line to fix."""
