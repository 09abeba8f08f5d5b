"""Read the IAM entities of an account: the output of ``aws iam get-account-authorization-details``.

Source: IAM API Reference, ``GetAccountAuthorizationDetails``.
"""

from __future__ import annotations

from passrole_checks.sources.account.details import is_account, is_account_file, may_be_account_file, owner_of
from passrole_checks.sources.account.source import load

__all__ = ["is_account", "is_account_file", "load", "may_be_account_file", "owner_of"]
