"""Trust policies: the service principals that may assume a role."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from passrole_checks.iam.conditions.condition_implication import ConditionTest, condition_tests
from passrole_checks.iam.conditions.condition_operators import Operator, parse_operator
from passrole_checks.iam.documents import action
from passrole_checks.iam.documents.json_document import json_or_none
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import (
    Absent,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
    Ternary,
    Unresolved,
    UnresolvedKind,
)
from passrole_checks.iam.values.path_conditions import PathCondition, any_compatible, conjoin
from passrole_checks.iam.values.variants import variants_of


@dataclass(frozen=True, slots=True)
class KnownRole:
    """A role defined in the configuration: ``trusted`` are the service principals that may assume it, None if unknown;
    ``presumed``: the same, leniently read.

    ``no_service``: its trust policy surely names only accounts, users, roles and identity providers; ``federated``: it
    names an identity provider. ``only_services``: it surely names only services. ``arn`` is its ARN as far as known,
    with unresolved account and partition, or None. ``exists_when``: alternative path conditions under which the role
    exists; empty if it always does. ``repositories``, ``people``, ``possible``: as :func:`trusted_repositories`,
    :func:`trusted_people` and :func:`possible_services` return them. ``names_accounts``: its trust policy names only
    accounts, users and roles, so that a service can assume it only if an unresolved one of these is a wildcard.
    ``deployed``: its ARN in the account, if that is known from elsewhere. ``foreign_when``: as
    :func:`foreign_conditions` returns it.
    """

    address: str
    trusted: frozenset[str] | None
    no_service: bool = False
    federated: bool = False
    arn: StringNode | None = None
    only_services: bool = False
    exists_when: tuple[PathCondition, ...] = ()
    repositories: tuple[str, ...] = ()
    possible: frozenset[str] | None = None
    people: tuple[str, ...] = ()
    presumed: frozenset[str] | None = None
    names_accounts: bool = False
    deployed: StringNode | None = None
    foreign_when: tuple[PathCondition, ...] | None = None

    def is_of_own_account(self, when: PathCondition) -> bool:
        """True if only principals of its own account can assume the role under a path condition."""
        return self.foreign_when is not None and all(conjoin(when, one) is None for one in self.foreign_when)

    @property
    def arns(self) -> tuple[StringNode, ...]:
        """Its ARN as far as the configuration determines it, and the one that it has in the account."""
        return tuple(arn for arn in (self.arn, self.deployed) if arn is not None)

    @property
    def may_trust(self) -> frozenset[str]:
        """The service principals that it trusts, or that it may trust; empty if these are unknown."""
        return self.trusted or self.possible or frozenset()

    def may_exist(self, when: PathCondition) -> bool:
        """True if the role may exist under ``when``."""
        return any_compatible(self.exists_when, when)


def service_of_linked_role(pattern: StringNode) -> str:
    """Return the service of the service-linked roles that an ARN pattern names, "" for other patterns.

    These are ``role/aws-service-role/SERVICE/…``; only that service can assume and change them (IAM User Guide, "Using
    service-linked roles").
    """
    written = "".join(part if isinstance(part, str) else "\0" for part in pattern.parts)
    service, slash, _ = written.partition(":role/aws-service-role/")[2].partition("/")
    return service if slash and not {"*", "?", "\0"} & set(service) else ""


def trusted_services(document: Node | None, *, is_lenient: bool = False) -> frozenset[str] | None:
    """Return the service principals that the Allow statements of a trust policy name; None if unknown.

    Trust policies are described in the IAM User Guide, "IAM roles: terms and concepts". A Deny, a condition, or
    NotPrincipal gives None. ``is_lenient``: an unresolved value within a name is a Region, and "allow" means Allow.
    """
    services: set[str] = set()
    readings = statement_variants(document)
    for statement in readings[0] if len(readings) == 1 else ():
        named = _services_of(statement, is_lenient)
        if named is None:
            return None
        services |= named
    return frozenset(services) or None


def possible_services(document: Node | None) -> frozenset[str] | None:
    """Return every service principal that may assume a role in any variant of its trust policy; None if there may be
    others."""
    services: set[str] = set()
    for statement in possible_statements(document):
        if not isinstance(statement, ObjectNode):
            return None
        effect = statement.get("Effect")
        if isinstance(effect, StringNode) and effect.literal == "Deny":
            continue
        if not set(_kinds_of(statement)) <= {"AWS", "Service"}:
            return None
        principal = statement.get("Principal")
        named = principal.get("Service") if isinstance(principal, ObjectNode) else None
        for value in options_of(as_list(named)):
            if not isinstance(value, StringNode) or value.literal is None:
                return None
            services.add(value.literal)
    return frozenset(services) or None


def names_no_service(document: Node | None) -> tuple[bool, bool]:
    """Return whether a trust policy surely lets no service assume the role, and whether it names an identity provider.

    ``AWS`` contains accounts, users and roles, or ``*`` for everyone, services included unless a condition requires
    membership of an organization; ``Federated`` contains identity providers (IAM User Guide, "AWS JSON policy elements:
    Principal"). All variants have to be such.
    """
    kinds = _kinds(document)
    return bool(kinds) and kinds <= {"AWS", "Federated"}, "Federated" in kinds


def names_only_accounts(document: Node | None) -> bool:
    """True if a trust policy names accounts, users and roles, unresolved ones included, and nothing else."""
    statements = possible_statements(document)
    principals = (one.get("Principal") if isinstance(one, ObjectNode) else None for one in statements)
    return bool(statements) and all(map(_is_of_accounts, principals))


def _is_of_accounts(principal: Node | None) -> bool:
    if not isinstance(principal, ObjectNode) or {entry.key.literal for entry in principal.entries} != {"AWS"}:
        return False
    values = [value for entry in principal.entries for value in options_of(as_list(entry.value))]
    return all(not isinstance(value, StringNode) or value.literal != "*" for value in values)


def names_only_services(document: Node | None) -> bool:
    """True if a trust policy surely names services and nothing else."""
    return _kinds(document) == {"Service"}


# subjects of tokens that name one repository, project, pipeline or workspace; unresolved values are names
_REPOSITORY = lazy_regex(
    r"(?:repo|project_path):(?=[^*?]*[/$])[^*?:]*[^*?:/](?::.*)?"  # GitHub, GitLab
    r"|organization:[^*?:]+:(?:project:[^?:]+:workspace|pipeline):[^*?:]+(?::.*)?"  # HCP Terraform, Buildkite
    r"|org/[^*?/]+/project/[^*?/]+(?:/.*)?"  # CircleCI
)

_INNERMOST = lazy_regex(r"\{[^{}]*\}")


def trusted_repositories(document: Node | None) -> tuple[str, ...]:
    """Return the repositories whose workflows alone can assume a role, as its trust policy names them, sorted.

    Empty if anyone else can. Each statement has to require a subject (``…:sub``) that names the repository, as GitHub
    ("Configuring OpenID Connect in Amazon Web Services"), GitLab ("Configure OpenID Connect in AWS"), HCP Terraform
    ("Use dynamic credentials with the AWS provider"), Buildkite ("OIDC with AWS") and CircleCI ("Using OpenID Connect
    tokens in jobs") describe. Projects, pipelines and workspaces count as repositories.
    """
    found: set[str] = set()
    for statement in possible_statements(document):
        principal = statement.get("Principal") if isinstance(statement, ObjectNode) else None
        if not isinstance(principal, ObjectNode) or {entry.key.literal for entry in principal.entries} != {"Federated"}:
            return ()
        named = _repositories_of(statement.get("Condition") if isinstance(statement, ObjectNode) else None)
        if not named:
            return ()
        found |= named
    return tuple(sorted(found))


def _repositories_of(condition: Node | None) -> frozenset[str]:
    """Return the subjects that a condition requires, if all of them are of one repository; else none."""
    for test, operator in _required_tests(condition):
        is_of_subject = test.key.endswith(":sub") and operator.base.startswith("String")
        if is_of_subject and all(map(is_of_one_repository, test.values)):
            return test.values
    return frozenset()


def is_of_one_repository(subject: str) -> bool:
    """True if the subject of a token, with unresolved values as ``${…}``, is of one repository."""
    return _REPOSITORY.fullmatch(_without_expressions(subject)) is not None


def _without_expressions(value: str) -> str:
    """Return a value with ``$`` for each unresolved part, whose expression may contain any character."""
    shorter = _INNERMOST.sub("", value)
    return value if shorter == value else _without_expressions(shorter)


AUTHENTICATED = frozenset({"a SAML provider", "IAM Identity Center", "users with MFA"})
"""Kinds of people that an identity provider or MFA authenticates, which excludes workloads."""

_SAML = frozenset({"sts:assumerolewithsaml", "sts:tagsession", "sts:setsourceidentity"})
_PERSON = lazy_regex(
    r"\d{12}|[^:]*:[^:]*:iam::[^:*?]+:root"
    r"|[^:]*:[^:]*:iam::[^:]*:(?:(user)/[^*?]+|(role/aws-reserved/sso\.amazonaws\.com)/.+)"
)


def trusted_people(document: Node | None) -> tuple[str, ...]:
    """Return the kinds of people that alone can assume a role, sorted: "a SAML provider", "IAM Identity Center", "IAM
    users", "its own account", "named accounts" or "users with MFA"; empty if anyone else can, or that is unknown.

    Accounts are those of the organization, such as the management account in the trust policy of
    ``OrganizationAccountAccessRole`` (AWS Organizations User Guide, "Accessing member accounts in an organization").
    Those of third parties have a condition on ``sts:ExternalId`` (IAM User Guide, "Access to AWS accounts owned by
    third parties"), and roles of other accounts may be those of workloads: neither counts as people. A condition that
    requires MFA excludes workloads, since sessions of roles have none (IAM User Guide, "Secure API access with MFA").
    """
    found: set[str] = set()
    for statement in possible_statements(document):
        kinds = _people_of(statement) if isinstance(statement, ObjectNode) else None
        if not kinds:
            return ()
        found |= kinds
    return tuple(sorted(found))


def _people_of(statement: ObjectNode) -> set[str]:
    """Return the kinds of people that a statement lets assume the role; empty if it may be anyone else."""
    principal = statement.get("Principal")
    if not isinstance(principal, ObjectNode) or not principal.entries:
        return set()
    if any(test.key == "sts:externalid" for test in condition_tests(statement.get("Condition"))):
        return set()
    actions = [value for value in options_of(as_list(statement.get("Action"))) if isinstance(value, StringNode)]
    is_saml = bool(actions) and all((value.literal or "").lower() in _SAML for value in actions)
    with_mfa = requires_mfa(statement.get("Condition"))
    by_identity_center = _requires_identity_center(statement.get("Condition"))
    found: set[str] = set()
    for entry in principal.entries:
        values = list(options_of(as_list(entry.value)))
        if entry.key.literal == "Federated" and is_saml:
            found.add("a SAML provider")
        elif entry.key.literal == "AWS" and values:
            kinds = {_person_with_mfa(value) if with_mfa else person_of(value) for value in values}
            kinds = {"IAM Identity Center"} if by_identity_center else kinds
            if "" in kinds:
                return set()
            found |= kinds
        else:
            return set()
    return found


def _person_with_mfa(value: Node) -> str:
    """Return the kind of people that a principal of kind ``AWS`` is if it has to authenticate with MFA."""
    kind = person_of(value)
    is_named = isinstance(value, StringNode) and value.literal != "*"
    return kind if kind == "IAM Identity Center" or not is_named else "users with MFA"


def _requires_identity_center(condition: Node | None) -> bool:
    """True if a condition requires that the principal is a role of IAM Identity Center (IAM Identity Center User Guide,
    "Referencing permission sets in resource policies, Amazon EKS Cluster config maps, and AWS KMS key policies")."""
    return any(
        test.key == "aws:principalarn"
        and operator.base in _LIKE
        and all(_RESERVED_ROLE.fullmatch(_without_expressions(value)) for value in test.values)
        for test, operator in _required_tests(condition)
    )


_LIKE = ("ArnEquals", "ArnLike", "StringEquals", "StringLike")
_RESERVED_ROLE = lazy_regex(r"arn:[^:]*:iam::[^:]*:role/aws-reserved/sso\.amazonaws\.com/.+")


def requires_mfa(condition: Node | None) -> bool:
    """True if a condition requires that the principal has authenticated with MFA."""
    return any(
        (test.key == "aws:multifactorauthpresent" and operator.base == "Bool" and test.values == {"true"})
        or (test.key == "aws:multifactorauthage" and operator.base.startswith("NumericLessThan"))
        for test, operator in _required_tests(condition)
    )


def _required_tests(condition: Node | None) -> Iterator[tuple[ConditionTest, Operator]]:
    """Yield the tests of a condition that a request without their key does not meet, with their operators."""
    for test in condition_tests(condition):
        operator = parse_operator(test.operator)
        if operator is not None and operator.absent is Ternary.NO:
            yield test, operator


def person_of(value: Node) -> str:
    """Return the kind of people that a principal of kind ``AWS`` is, "" if it may be anyone else."""
    if not isinstance(value, StringNode):
        return ""
    match = _PERSON.fullmatch("".join(part if isinstance(part, str) else _known(part) for part in value.parts))
    if match is None:
        return ""
    other = "its own account" if _is_own_account(value) else "named accounts"
    return "IAM users" if match[1] else "IAM Identity Center" if match[2] else other


_OWN_ACCOUNT = lazy_regex(r"AWS::AccountId|(?:.+\.)?data\.aws_caller_identity\.[\w-]+\.(?:account_id|id)")


def _is_own_account(value: Node) -> bool:
    """True if a principal of kind ``AWS`` is the account of the role itself, which lets those of its principals assume
    the role that a policy there allows to (IAM User Guide, "AWS JSON policy elements: Principal")."""
    parts = value.parts if isinstance(value, StringNode) else ()
    unresolved = [part for part in parts if isinstance(part, Unresolved) and part.kind is _ACCOUNT_ID]
    is_root = len(parts) == 1 or parts[-1:] == (":root",)
    return is_root and len(unresolved) == 1 and _OWN_ACCOUNT.fullmatch(unresolved[0].expression) is not None


def foreign_conditions(document: Node | None) -> tuple[PathCondition, ...] | None:
    """Return the path conditions under which others than principals of its own account can assume a role by its trust
    policy; None if those surely cannot, or that is unknown."""
    found: list[PathCondition] = []
    has_own = False
    for when, node in variants_of(document) if document is not None else ():
        for statement in _statements(node):
            for facts, is_own in _accounts_of(statement, when):
                has_own = has_own or (is_own and not facts)
                found += [] if is_own else [facts]
    return tuple(found) if has_own else None


def _accounts_of(statement: Node, when: PathCondition) -> Iterator[tuple[PathCondition, bool]]:
    """Yield the path condition of each principal of a statement, with true for the account of the role itself."""
    for inner, option in variants_of(statement):
        facts = conjoin(when, inner)
        if facts is None or isinstance(option, Absent):
            continue
        principal = option.get("Principal") if isinstance(option, ObjectNode) else None
        if not isinstance(principal, ObjectNode) or not principal.entries:
            yield facts, False
            continue
        for entry in principal.entries:
            for value in as_list(entry.value):
                for deeper, named in variants_of(value):
                    both = conjoin(facts, deeper)
                    if both is not None and not isinstance(named, Absent):
                        yield both, entry.key.literal == "AWS" and _is_own_account(named)


def _known(part: Unresolved) -> str:
    """Return the known structure of an unresolved value, with "$" for what is unknown."""
    if part.known is not None:
        return "".join(one if isinstance(one, str) else _known(one) for one in part.known)
    return "0" * 12 if part.kind is UnresolvedKind.ACCOUNT_ID else "$"


def _kinds(document: Node | None) -> set[str]:
    """Return the kinds of principals in all variants of a trust policy, with "" for any that may be anyone."""
    return {kind for statement in possible_statements(document) for kind in _kinds_of(statement)}


def _kinds_of(statement: Node) -> Iterator[str]:
    """Yield the kinds of principals that a statement names, "" for any that may be anyone."""
    principal = statement.get("Principal") if isinstance(statement, ObjectNode) else None
    members = isinstance(statement, ObjectNode) and _requires_membership(statement)
    if members and isinstance(principal, StringNode) and principal.literal == "*":
        yield "AWS"
        return
    if not isinstance(principal, ObjectNode) or not principal.entries:
        yield ""
        return
    for entry in principal.entries:
        kind = entry.key.literal or ""
        is_certain = kind == "Federated" or (members and kind == "AWS")
        is_certain = is_certain or all(
            isinstance(value, StringNode) and _is_account(value) for value in options_of(as_list(entry.value))
        )
        yield kind if is_certain else ""


def _requires_membership(statement: ObjectNode) -> bool:
    """True if a condition requires membership of an organization, which excludes services: these keys are in a request
    only if the principal is a member (IAM User Guide, "AWS global condition context keys")."""
    tests = _required_tests(statement.get("Condition"))
    return any(test.key in _MEMBERSHIP_KEYS and operator.base != "Null" for test, operator in tests)


_ACCOUNT_ID = UnresolvedKind.ACCOUNT_ID
_MEMBERSHIP_KEYS = ("aws:principalorgid", "aws:principalorgpaths")


def _is_account(name: StringNode) -> bool:
    """True if a string is an account id or an ARN, whatever its unresolved parts are, such as the ARN of a user."""
    parts = expand(name.parts)
    if any(isinstance(part, Unresolved) for part in parts):
        start = parts[0]
        return start.startswith("arn:") if isinstance(start, str) else start.kind is _ACCOUNT_ID and len(parts) == 1
    return parts != ("*",)


def possible_statements(document: Node | None) -> list[Node]:
    """Return the statements of every variant of a document; none if a variant has no statement."""
    variants = [list(options_of(statements)) for statements in statement_variants(document)]
    return [statement for statements in variants for statement in statements] if all(variants) else []


def statement_variants(document: Node | None) -> list[tuple[Node, ...]]:
    """Return the statements of each variant of a trust policy; none for a variant that cannot be parsed."""
    return [_statements(node) for _, node in variants_of(document)] if document is not None else []


def _statements(node: Node) -> tuple[Node, ...]:
    document = json_or_none(node) if isinstance(node, StringNode) else node
    return as_list(document.get("Statement") if isinstance(document, ObjectNode) else None)


def options_of(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield the nodes, and all alternatives of each choice."""
    for node in nodes:
        for _, option in variants_of(node):
            if not isinstance(option, Absent):
                yield from options_of(option.items) if isinstance(option, ListNode) else (option,)


def _services_of(statement: Node, is_lenient: bool) -> set[str] | None:
    if not isinstance(statement, ObjectNode) or statement.get("NotPrincipal") is not None:
        return None
    effect = statement.get("Effect")
    if not isinstance(effect, StringNode) or effect.literal not in (("Allow", "allow") if is_lenient else ("Allow",)):
        return None
    actions = [value for value in as_list(statement.get("Action")) if isinstance(value, StringNode)]
    if action.best_match(actions, "sts:AssumeRole")[0] is Ternary.NO:
        return set()
    principal = statement.get("Principal")
    if isinstance(principal, ObjectNode):
        names: set[str] = set()
        for entry in principal.entries:
            if entry.key.literal != "Service":
                continue
            for value in as_list(entry.value):
                name = value.literal if isinstance(value, StringNode) else None
                name = _regional(value) if name is None and is_lenient and isinstance(value, StringNode) else name
                if name is None:
                    return None
                names.add(name)
        return names
    return None


def _regional(name: StringNode) -> str | None:
    """Return the name of a service whose Region is unresolved (``logs.${AWS::Region}.amazonaws.com``), without it;
    None for other names."""
    if len(name.parts) != 3:
        return None
    first, _, last = name.parts
    written = first + last if isinstance(first, str) and isinstance(last, str) else ""
    match = re.fullmatch(r"([a-z][a-z0-9-]*)\.(\.amazonaws\.com)(?:\.cn)?", written)
    return f"{match[1]}{match[2]}" if match else None


def as_list(node: Node | None) -> tuple[Node, ...]:
    """Return the items of a list, or a single value; nothing for None."""
    if node is None:
        return ()
    return node.items if isinstance(node, ListNode) else (node,)
