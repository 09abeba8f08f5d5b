"""Diagnose the installation for the command ``doctor``."""
