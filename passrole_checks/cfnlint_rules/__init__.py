"""Rules for cfn-lint: ``--append-rules passrole_checks.cfnlint_rules``, or this folder.

Of a package, cfn-lint takes the classes among its names; of a folder, those of the modules in it, but not of this file.
"""

from __future__ import annotations

from passrole_checks.cfnlint_rules.passrole_rules_for_cfn_lint import RULES

globals().update(RULES)
