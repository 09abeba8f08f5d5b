"""How privileged a role is beyond a principal, as a severity and in words.

Graded so that ordinary roles raise no alarm. High: permissions that change permissions (IAM, STS, Organizations), or
everything. Medium: a wildcard of actions that change resources, secrets and data, in the whole account, and passing any
role. Low: such a wildcard on named resources, named changes of any resource, all Systems Manager parameters, passing or
assuming named roles. Info: a few named actions on named resources. Reading named resources, or no data, does not
count, as in AWS's own examples of roles that users pass ("Grant a user permissions to pass a role to an AWS service"),
and neither does what nearly every workload writes about itself: logs, traces, metrics. No permission on service-linked
roles is more than low: they can be passed, but not changed ("Update permissions for a role").
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from passrole_checks.escaping.shorten import shortened
from passrole_checks.findings import EVERYTHING, Severity
from passrole_checks.iam.documents import action
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.permissions.principal import Principal, PrincipalKind
from passrole_checks.iam.values.nodes import Position, Ternary, text
from passrole_checks.iam.values.path_conditions import PathCondition, implies_all

if TYPE_CHECKING:
    from passrole_checks.iam.permissions.extra_permissions import ExtraPermission, ExtraPermissions

_NOWHERE = Position("", 0)

# actions that widen the permissions of a principal, or assume those of another one
_RISING = (
    "iam:AddUserToGroup", "iam:AttachGroupPolicy", "iam:AttachRolePolicy", "iam:AttachUserPolicy",
    "iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:CreatePolicyVersion", "iam:CreateRole", "iam:CreateUser",
    "iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PassRole", "iam:PutGroupPolicy",
    "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:PutUserPermissionsBoundary", "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion", "iam:UpdateAssumeRolePolicy", "iam:UpdateLoginProfile",
    "organizations:AttachPolicy", "organizations:CreateAccount", "organizations:DetachPolicy",
    "organizations:LeaveOrganization", "organizations:UpdatePolicy", "sso:AttachManagedPolicyToPermissionSet",
    "sso:CreateAccountAssignment", "sso:PutInlinePolicyToPermissionSet", "sts:AssumeRole", "sts:GetFederationToken",
)  # fmt: skip
# of these one that names what it is for is no more than a service's ordinary work
_NAMED_IS_LESS = ("iam:PassRole", "sts:AssumeRole")
_SECRETS = (
    "kms:Decrypt", "rds-data:ExecuteStatement", "secretsmanager:GetSecretValue", "ssm:SendCommand",
    "ssm:StartSession",
)  # fmt: skip
# of the whole account: AmazonSSMManagedInstanceCore, which nearly every instance's role holds, allows it
_PARAMETERS = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath")
_DATA = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "s3:GetObject", "sqs:ReceiveMessage")
_OWN_TRACES = lazy_regex(
    r"logs:(create(logstream|loggroup|log\*)|putlogevents|put\*|describelog(streams|groups)|putretentionpolicy)"
    r"|xray:(put\w*\*?|getsampling\w*\*?)|cloudwatch:putmetric(data|\*)|cloudwatch:putmetric"
)
_REFERENCE = lazy_regex(r"arn:[^:]*:[^:]*:\$\{([^}]*)/…\}[:*]*")  # an ARN of which only the service is known
_HOLE = lazy_regex(r"\$\{[^{}]*\}")  # a value of which nothing is known
_NAMED = "arn:aws:example:::kind/name"
_MOST_LEFT_OUT = 3  # of the actions that a NotAction leaves out
_READS = ("batchget", "describe", "get", "head", "list", "lookup", "query", "scan", "search", "select", "view")


_GIVES_POLICIES = {
    PrincipalKind.USER: ("iam:AttachUserPolicy", "iam:PutUserPolicy"),
    PrincipalKind.GROUP: ("iam:AttachGroupPolicy", "iam:PutGroupPolicy"),
    PrincipalKind.ROLE: ("iam:AttachRolePolicy", "iam:PutRolePolicy"),
}


def can_do_everything(holder: Principal, when: PathCondition) -> bool:
    """True if a principal is an administrator under a path condition, or can make itself one: it can pass any role, and
    give any principal of its kind any policy, without conditions. No role is more privileged, and the statement that
    lets it pass any role is flagged itself.
    """
    permissions = holder.certain_permissions
    if permissions.is_administrator_when(when):
        return True
    kinds = [holder.kind] if holder.kind in _GIVES_POLICIES else list(_GIVES_POLICIES)
    return not permissions.limits and all(
        any(permissions.allows_on_all(name.lower(), when) and permissions.allows(name, (), when) for name in names)
        for names in (("iam:PassRole",), *(_GIVES_POLICIES[kind] for kind in kinds))
    )


def can_administer_iam(holder: Principal) -> bool:
    """True if a principal surely is an administrator, or can give any user, group or role any policy."""
    permissions = holder.permissions
    return permissions.is_administrator_when(()) or any(
        permissions.allows_on_all(name.lower(), ())
        and (allowed := permissions.allows(name)) is not None
        and allowed.certain is Ternary.YES
        for names in _GIVES_POLICIES.values()
        for name in (*names, "iam:CreatePolicyVersion")
    )


@dataclass(frozen=True, slots=True)
class PrivilegeGain:
    """How privileged a role is beyond a principal: severity, two examples, and the path condition under which it is."""

    severity: Severity
    words: str
    certain: Ternary
    when: PathCondition = ()

    @property
    def is_everything(self) -> bool:
        """True if the role may do everything on every resource."""
        return self.words == EVERYTHING


def privilege_gain(excess: ExtraPermissions) -> PrivilegeGain | None:
    """Return the privilege gain of additional permissions; None if none of them counts.

    Uncertain ones, and those with an unresolved resource, count only if there are no others.
    """
    graded = [
        (grade, pair)
        for pair in excess.pairs
        if (grade := _grade(pair.action, pair.resource, pair.except_actions)) is not None
    ]
    sure = [item for item in graded if item[1].certain is Ternary.YES and not _is_hole(item[1])]
    if not graded:
        return None
    graded = sorted(
        sure or graded,
        key=lambda item: (-item[0].rank, item[1].action.lower(), item[1].resource, item[1].except_actions),
    )
    when = min((pair.when for grade, pair in graded if grade is graded[0][0]), key=len)  # under the fewest facts
    graded = [item for item in graded if implies_all(when, item[1].when)]
    by_action: dict[str, ExtraPermission] = {}  # of several resources of one action the first, which is the widest
    for _, pair in graded:
        by_action.setdefault(pair.action.lower(), pair)
    everything = by_action.get(EVERYTHING)
    is_all = everything is not None and _in_words(everything) == EVERYTHING
    examples = [EVERYTHING] if is_all else list(map(_in_words, islice(by_action.values(), 2)))
    more = 0 if is_all else len(by_action) - 2
    shown = " and ".join(examples) if more <= 0 else f"{', '.join(examples)} and {more} more"
    return PrivilegeGain(graded[0][0], shown, Ternary.YES if sure else Ternary.UNKNOWN, when)


def most_of(excess: ExtraPermissions | None) -> Severity | None:
    """Return the highest severity of additional permissions, certain or not; None if none of them counts."""
    pairs = excess.pairs if excess is not None else ()
    grades = (_grade(pair.action, pair.resource, pair.except_actions) for pair in pairs)
    return max(filter(None, grades), key=lambda grade: grade.rank, default=None)


@lru_cache(maxsize=65536)
def _grade(name: str, resource: str, but: tuple[str, ...] = ()) -> Severity | None:
    """Return the severity of an action on a resource without the actions ``but``; None if it does not count."""
    grade = _grade_of(name, _is_wide(resource), but)
    return Severity.LOW if grade is Severity.HIGH and ":role/aws-service-role/" in resource else grade


@lru_cache(maxsize=16384)
def _grade_of(name: str, wide: bool, but: tuple[str, ...]) -> Severity | None:
    if _OWN_TRACES.fullmatch(name.lower()) is not None:
        return None
    pattern = text(name, _NOWHERE)
    left_out = [text(one, _NOWHERE) for one in but]

    def among(actions: Iterable[str]) -> list[str]:
        found = (one for one in actions if action.matches(pattern, one) is Ternary.YES)
        return [one for one in found if not any(action.matches(other, one) is Ternary.YES for other in left_out)]

    rising = among(_RISING)
    if rising == ["iam:PassRole"]:
        return Severity.MEDIUM if wide else Severity.LOW  # it takes one step more, and mostly a service is named
    if rising:
        return Severity.HIGH if wide or any(one not in _NAMED_IS_LESS for one in rising) else Severity.LOW
    verb = name.partition(":")[2].lower() or name
    if "*" not in verb and among(_PARAMETERS):
        return Severity.LOW if wide else Severity.INFO
    if among((*_SECRETS, *_PARAMETERS)):
        return Severity.MEDIUM if wide else Severity.INFO
    if verb.startswith(_READS):
        return Severity.MEDIUM if wide and among(_DATA) else None
    if "*" in verb:
        return Severity.MEDIUM if wide else Severity.LOW
    return Severity.LOW if wide else Severity.INFO


def _is_hole(pair: ExtraPermission) -> bool:
    """True if the resource of a permission is unresolved and its severity depends on it."""
    return bool(_HOLE.fullmatch(pair.resource)) and _grade(pair.action, "*") != _grade(pair.action, _NAMED)


def _is_wide(resource: str) -> bool:
    """True if a resource pattern covers the whole account: ``*``, or a wildcard for all resources of a kind."""
    fields = resource.split(":", 5)
    if "/…}" in resource or (resource.startswith("${") and not _HOLE.fullmatch(resource)):
        return False  # what a reference to a resource holds; before more text a value is no wildcard by itself
    if len(fields) < 6:
        return True  # what is left out is any (IAM User Guide, "Identify AWS resources with ARNs")
    kind, found, name = fields[5].replace(":", "/").partition("/")
    if fields[2] in ("s3", "sns", "sqs"):
        return not kind.strip("*")  # these begin with a name
    return not (name if found else kind).strip("*")


def _in_words(pair: ExtraPermission) -> str:
    name = pair.action
    if pair.except_actions:
        named, more = pair.except_actions[:_MOST_LEFT_OUT], len(pair.except_actions) - _MOST_LEFT_OUT
        name = f"everything (except {', '.join(named)}{f' and {more} more' if more > 0 else ''})"
    where = _REFERENCE.sub(r"${\1}", pair.resource).replace("${an account id}", "${AccountId}")
    where = shortened(where, 80)
    return f"{name} on {where}" if where != "*" else name
