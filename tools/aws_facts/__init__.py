"""Writes the data files of ``passrole_checks.aws`` anew, from pinned packages and the overlay that is kept by
hand.

``python -m tools.aws_facts`` downloads the packages (`packages`), reads the facts
(`cloudformation`, `terraform`, `actions`), puts them together with ``overlay.toml`` (`overlay`, `assemble`), prints
what changes, and writes. It stops where a receiver, an action, a policy or a service principal would be lost that the
overlay does not exclude. Nothing of this package is needed when the others run, and it is not in the wheel.
"""
