"""Folders, their inputs, the modules that they call, and the instances of both."""
