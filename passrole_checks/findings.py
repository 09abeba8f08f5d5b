"""Findings and verdicts, with severity and confidence."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.values.nodes import Position
from passrole_checks.iam.values.path_conditions import PathCondition, is_off_by_default
from passrole_checks.sources.model.configuration import Framework, HandedTo, ResourceDefinition, Suppression

if TYPE_CHECKING:
    from passrole_checks.iam.grants.grant import PassRoleGrant

SITE = ""
"""Base address of the published documentation, with a slash at its end; empty until there is one."""
EVERYTHING = "*"
"""The ``gain`` of an :class:`Escalation` by a role that may do everything."""
GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"
"""AWS's page "Grant a user permissions to pass a role to an AWS service"."""


def check_page_url(check_id: str) -> str:
    """Return the address of the page of a check, or "" if the documentation is not published (`explain` prints it)."""
    return f"{SITE}checks/{check_id}/" if SITE else ""


class _Ordered(str, Enum):
    """Members in ascending order, comparable with ``rank``."""

    rank: int

    def __init__(self, _: str) -> None:
        self.rank = len(type(self).__members__)


class Severity(_Ordered):
    """How much a finding matters, in ascending order."""

    INFO = "info"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Confidence(_Ordered):
    """How certain a finding is; low if values are unknown before deployment."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Outcome(_Ordered):
    """How far a principal gets with the roles that it can pass, in ascending order.

    ``ROLES``: it acts as roles whose permissions are unknown. ``MORE``: as more privileged roles. ``ADMINISTRATOR``: as
    roles that can change permissions, any role among them, or it has every permission itself.
    """

    ROLES = "roles"
    MORE = "more"
    ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Escalation:
    """The access that a principal gains by passing roles.

    ``principal``: its name; "" for any principal with the policy, if none is known. ``roles``: the roles that it can
    act as: addresses of this configuration, or patterns; empty for any role, or if it is an administrator without one.
    ``gain``: their additional permissions in words, "" if unknown. ``service``: to which it passes them. ``actions``:
    those that launch a workload there; empty if none is known. ``path``: the id of that escalation path.
    """

    principal: str
    outcome: Outcome
    roles: tuple[str, ...] = ()
    gain: str = ""
    service: str = ""
    actions: tuple[str, ...] = ()
    path: str = ""

    @property
    def needs_no_role(self) -> bool:
        """True if the principal is an administrator itself."""
        return self.outcome is Outcome.ADMINISTRATOR and not (self.roles or self.actions)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check for one grant.

    ``message``: what is wrong and why it matters; ``remediation``: what to write instead; both are sentences. ``who``:
    the principals it is about, if it is not about the statement alone; the message then begins with a verb ("can pass
    …"), and ``message_for_several`` replaces it for several principals, if it has to differ. ``when``: the path
    condition under which it applies, in addition to that of the grant. ``cause``: equal for verdicts of several grants
    with one cause; "" for a cause of its own. ``reaches``: the addresses of more privileged roles of this configuration
    that the principals can pass, each named by the statement or by a pattern of it. ``escalations``: what principals
    can do with the roles, at most one for each.
    """

    severity: Severity
    message: str
    remediation: str
    confidence: Confidence = Confidence.HIGH
    who: tuple[str, ...] = ()
    when: PathCondition = ()
    message_for_several: str = ""
    cause: str = ""
    reaches: tuple[str, ...] = ()
    escalations: tuple[Escalation, ...] = ()


@dataclass(frozen=True, slots=True)
class FindingDetails:
    """Facts about a finding that decide what it is merged with, how it is worded, and what access it is about.

    ``gainers``: for a change, the principals of the finding that gain access. ``who``: the principals that the message
    is about. ``managed``: the name of the AWS managed policy that contains the statement, if one does; the finding is
    then at its attachment. ``handed_to``: the kind of the resource if the policy leaves the configuration there;
    ``element``: the element of it that gets the policy, in words. ``message_for_several``, ``cause`` and
    ``escalations``: as in :class:`Verdict`. ``elsewhere``: principals or resources with the same verdict for other
    roles or services, which the message names. ``missing``: the subjects of the missing modules, states or values that
    alone decide, where nothing else is known of the policy. ``is_of_people``: only people can use the principals, which
    may have lowered the severity. ``reaches``: as in :class:`Verdict`, each after a file of its configuration;
    ``reached_as``: the principals in this form, if the finding is that they can pass any role and only those can use
    them who pass them to CloudFormation. ``holders``: the principals in this form, or the policy if none is known, each
    with a grant of the statement that it holds.
    """

    gainers: tuple[str, ...] = ()
    who: tuple[str, ...] = ()
    managed: str = ""
    handed_to: HandedTo | None = None
    element: str = ""
    message_for_several: str = ""
    cause: str = ""
    elsewhere: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    is_of_people: bool = False
    reaches: tuple[str, ...] = ()
    reached_as: tuple[str, ...] = ()
    holders: tuple[tuple[str, PassRoleGrant], ...] = ()
    escalations: tuple[Escalation, ...] = ()


_NO_DETAILS = FindingDetails()


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict at its location, as the command line, the hosts and all output formats use it.

    ``at``: the statement. ``resource``: the first resource that uses it; ``uses``: the addresses of all of them.
    ``suppressed``: its suppression, if any; such findings are shown on request only. ``when``: the path conditions of
    the flagged variants of the statement, each of them sufficient; empty if it is always flagged. ``group``: the
    fingerprint of the primary finding on the same cause, its own if there is no other; ``primary``: True for that one.
    Both are set when the results of a scan are merged.
    """

    check_id: str
    name: str
    severity: Severity
    confidence: Confidence
    message: str
    remediation: str
    at: Position
    framework: Framework
    resource: ResourceDefinition
    uses: tuple[str, ...]
    statement_path: str
    sid: str | None
    principals: tuple[str, ...]
    grant: PassRoleGrant | None
    fingerprint: str
    suppressed: Suppression | None = None
    when: tuple[PathCondition, ...] = ()
    group: str = ""
    primary: bool = True
    details: FindingDetails = _NO_DETAILS

    @property
    def off_by_default(self) -> bool:
        """True if it applies only under conditions that the defaults of variables contradict."""
        return bool(self.when) and all(map(is_off_by_default, self.when))
