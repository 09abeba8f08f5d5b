"""The command ``doctor``: what is installed, and what does not work."""
