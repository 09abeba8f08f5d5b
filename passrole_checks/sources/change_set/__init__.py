"""Read CloudFormation change sets as JSON (``aws cloudformation describe-change-set --include-property-values``).

Sources: AWS CLI Command Reference, "cloudformation describe-change-set"; AWS CloudFormation User Guide, "Update
CloudFormation stacks using change sets".
"""

from passrole_checks.sources.change_set.recognize import is_change_set
from passrole_checks.sources.change_set.source import load

__all__ = ["is_change_set", "load"]
