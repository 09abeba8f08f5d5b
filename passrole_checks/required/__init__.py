"""The command ``required``: the PassRole grants that a deployment needs."""
