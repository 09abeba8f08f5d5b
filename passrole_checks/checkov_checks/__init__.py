"""Checks for checkov: give this folder to ``--external-checks-dir``.

checkov takes a folder only where it holds this file, and runs every module in it by its bare name: hence one module,
whose name collides with nothing, and no relative imports.
"""
