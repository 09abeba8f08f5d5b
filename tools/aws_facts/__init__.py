"""Generate the data files of ``passrole_checks.aws`` from pinned packages and a hand-maintained overlay.

``python -m tools.aws_facts`` downloads the packages (`packages`), reads the facts (`cloudformation`, `terraform`,
`models`, `actions`), merges them with ``overlay.toml`` (`overlay`, `assemble`), prints the changes, and writes the
files. It fails if a receiver, an action, a policy or a service principal would be lost that the overlay does not
exclude. The product does not need this package, and the wheel does not contain it.
"""
