"""The pull request bot: what a change makes of PassRole access, told once, where it can be mended."""
