"""What a statement should say instead: which roles, to which services, from what its configuration really passes.

Nobody can see in one configuration what another one passes, or what people pass by hand. So roles are only named where
resources of this configuration are given some that the statement lets be passed today; the sentence that goes with it
says where they are from. Nothing gets wider than it stands there, but for a misspelled service, whose statement lets
nothing be passed at all.

Source: IAM User Guide, "Grant a user permissions to pass a role to an AWS service": name the roles in ``Resource`` and
the service in ``iam:PassedToService``, do not rely on tags. A condition on that key switches off the other actions of
its statement, whose requests do not carry it ("IAM JSON policy elements: Condition operators").
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from passrole_checks.access.known_roles import resolve_role
from passrole_checks.access.role_consumers import RoleUse
from passrole_checks.access.service_trust import passed_as
from passrole_checks.aws.service_principals import known_services
from passrole_checks.checks.base.wording import shortened
from passrole_checks.iam.conditions.likely_typos import NOT_A_KEY
from passrole_checks.iam.conditions.passed_to_service import Constraint
from passrole_checks.iam.partial_values import StringNode
from passrole_checks.iam.roles.arn import Scope
from passrole_checks.scan.analyze import AnalyzedConfiguration
from passrole_checks.scan.result import LocatedGrant
from passrole_checks.sources.model.addresses import module_of, seen_from
from passrole_checks.sources.model.terraform_policy_attributes import PERMISSION_SETS
from passrole_checks.suggest.advice import READING, Advice
from passrole_checks.suggest.caveats import Doubts
from passrole_checks.suggest.not_editable import why_not
from passrole_checks.suggest.passed_roles import OPEN, Handed, HandedOver
from passrole_checks.suggest.referable_roles import ReferableRoles
from passrole_checks.suggest.service_names import meant_by, sends_the_key, undocumented
from passrole_checks.suggest.suggestion import StatementChange, TargetRole

ANY_ROLE, ANY_SERVICE, INEFFECTIVE, TAGS = "PASSROLE_001", "PASSROLE_002", "PASSROLE_003", "PASSROLE_004"
LINKED, GET_ROLE = "PASSROLE_006", "PASSROLE_012"
MENDED = frozenset({ANY_ROLE, ANY_SERVICE, INEFFECTIVE, TAGS, LINKED, GET_ROLE})
"""The checks whose findings a statement can be rewritten for."""

_APART = "iam:PassRole in a statement of its own, since this one has other actions"
_LIMITED = (Scope.EXACT, Scope.ROLE_IN_TEMPLATE, Scope.PREFIX)
_MOST_ROLES = 20  # that are named one by one
_SHOWN = 3


class _PersonError(Exception):
    """What a person has to find out; the arguments are phrases."""


class Narrower:
    """Advice on the statements of one configuration that was judged."""

    def __init__(self, analyzed: AnalyzedConfiguration, surroundings: ReferableRoles) -> None:
        self._analyzed = analyzed
        self._surroundings = surroundings
        self._received = (
            analyzed.model.passable_roles.receiving.roles if analyzed.model.passable_roles.receiving is not None else ()
        )

    def over(self, located: LocatedGrant) -> HandedOver:
        """What the resources of the configuration are given, as seen from a statement."""
        return HandedOver(self._analyzed, self._surroundings, self._received, located)

    def advice(self, located: LocatedGrant, checks: Collection[str]) -> Advice:
        """What to do about a statement that these checks flag. Checks that nothing can be rewritten for are left
        alone. Never raises."""
        return _Decision(
            self._analyzed, self._surroundings, self._received, located, frozenset(checks) & MENDED
        ).advice()


class _Decision:
    def __init__(
        self,
        analyzed: AnalyzedConfiguration,
        surroundings: ReferableRoles,
        received: Sequence[RoleUse],
        located: LocatedGrant,
        checks: frozenset[str],
    ) -> None:
        self.analyzed = analyzed
        self.over = HandedOver(analyzed, surroundings, received, located)
        self.doubts = Doubts(analyzed, surroundings, located)
        self.located, self.grant, self.checks = located, located.grant, checks
        self.condition = self.grant.condition
        self.handed: Sequence[Handed] = ()
        self.roles: tuple[TargetRole, ...] = ()
        self.services: tuple[str, ...] = ()
        self.words: list[str] = []
        self.left: tuple[str, ...] = ()
        self.targets = self.checks
        self.by_trust = False

    def advice(self) -> Advice:
        new = self._is_apart
        try:
            wish = self._wish()
        except _PersonError as missing:
            told = (*missing.args, *((_APART,) if new and self.checks != {GET_ROLE} else ()))
            self._keep_what_fits()
            return Advice(None, "", told, self.roles, self.services, self.checks, new)
        reads = GET_ROLE in self.checks and not wish.get_role
        if reads and wish != StatementChange():
            self.words.append(READING)
        says = "; ".join(self.words)
        said = f"{says[:1].upper()}{says[1:]}."
        return Advice(wish, said, self.left, self.roles, self.services, self.targets, new, reads)

    # -- what is wanted

    def _wish(self) -> StatementChange:
        grant, checks = self.grant, self.checks
        refused = why_not(self.analyzed, self.located)
        if refused:
            raise _PersonError(refused)
        tags = self.condition.tags if TAGS in checks else ()
        spelled = self._spelled() if INEFFECTIVE in checks else None
        wide = grant.scope is Scope.ANY_ROLE
        narrow = wide or LINKED in checks or (bool(tags) and grant.scope is Scope.PREFIX)
        open_ = grant.services.constraint in OPEN or grant.open_to_other_services
        limit = spelled is not None or bool({ANY_SERVICE, INEFFECTIVE} & checks) or (narrow and open_)
        if not narrow and not limit and not tags:
            return self._get_role()
        handed = self.over.roles(spelled)
        found: tuple[str, ...] | None = None
        if narrow:
            try:
                self._name(handed, spelled)
            except _PersonError as missing:
                if spelled is None or self.condition.dead or tags:
                    raise
                narrow, self.left, self.roles = False, tuple(missing.args), ()
                self.targets = frozenset({INEFFECTIVE})
        if narrow:
            found = tuple(sorted({service for one in handed for service in one.services}))
        if limit:
            self.services = spelled if spelled is not None else found or self._services(handed)
            self._say_services(spelled, handed if narrow else None)
        if tags:
            self.words.append(f"takes away the condition on {', '.join(dict.fromkeys(tags))}")
        apart = self._is_apart and (narrow or limit)
        if apart:
            self.words.append("the other actions keep the statement that is there")
        return StatementChange(
            roles=self.roles if narrow else None,
            services=self.services if limit else None,
            drop=tuple(dict.fromkeys(tags)),
            apart=apart,
        )

    @property
    def _is_apart(self) -> bool:
        """Whether iam:PassRole needs a statement of its own, for the sake of other actions that are allowed now."""
        return self.grant.explicit and self.grant.other_actions and not self.condition.shared

    def _get_role(self) -> StatementChange:
        """iam:GetRole beside iam:PassRole, as AWS writes it; a statement of its own where a condition stands in the
        way."""
        keys = self.condition.constraint is not Constraint.ABSENT or self.condition.associated_resource_arn
        if keys or self.condition.tags:
            self.words.append(READING)
            return StatementChange()
        self.words.append("allows iam:GetRole on the roles as well")
        return StatementChange(get_role=True)

    # -- services

    def _spelled(self) -> tuple[str, ...] | None:
        """The services that the condition means, where it says so itself; None where the roles have to tell."""
        condition = self.condition
        if any(item.reason.startswith(NOT_A_KEY) for item in condition.likely_typos):
            raise _PersonError("the key that is meant: iam:PassedToService, or another one")
        if condition.problems or any("${" in value or "{{" in value for value in condition.values):
            raise _PersonError("the full name of the service that uses the roles")
        every = condition.constraint is Constraint.INEFFECTIVE and bool(condition.possible)
        if every or condition.negated_only or not condition.values or "*" in condition.values:
            return None
        known = known_services(self.over.partition)
        found: dict[str, None] = {}
        for value in condition.values:
            meant = (value,) if value in known_services("aws-cn") else meant_by(value, known)
            if not meant:
                raise _PersonError(f'the service that "{shortened(value)}" stands for, by its full name')
            found.update(dict.fromkeys(meant))
        if self.grant.services.constraint is Constraint.EXACT_IF_PRESENT and set(found) == set(condition.values):
            silent = [service for service in found if not sends_the_key(service)]
            if silent:
                raise _PersonError(
                    f"whether requests that pass roles to {_listed(silent)} carry iam:PassedToService: some services do"
                    " not send it"
                )
        return tuple(found)

    def _services(self, handed: Sequence[Handed]) -> tuple[str, ...]:
        """The services of a statement whose roles stay as they are."""
        if self.grant.scope is Scope.PREFIX:
            found = {service for one in handed for service in one.services}
            if found:
                return tuple(sorted(found))
            raise _PersonError("the service that uses the roles: this configuration hands none of them to a service")
        services: dict[str, None] = {}
        by_address, by_name = self.analyzed.model.roles, self.analyzed.model.roles_by_name
        for item in self.grant.roles:
            if item.scope is Scope.NOT_A_ROLE:
                continue
            role = resolve_role(item.pattern, by_address, by_name)
            given = [one.services for one in handed if self._is_among(item.pattern, [one])]
            own = tuple(service for services_ in given for service in services_)
            trusted = tuple(filter(self.over.lets_through, passed_as(role.trusted or ()))) if role is not None else ()
            if not own and not trusted:
                raise _PersonError(f"the service that uses {shortened(str(item.pattern))}")
            # what passes roles while it runs, or what is not here, may do it in other ways than those that are written
            both = self.over.runs or bool(self.doubts.of_parts())
            taken = (*own, *trusted) if both else own or trusted
            self.by_trust = self.by_trust or taken != own
            services.update(dict.fromkeys(taken))
        return tuple(sorted(services))

    # -- roles

    def _name(self, handed: Sequence[Handed], spelled: tuple[str, ...] | None) -> None:
        """Names the roles that are handed over. Raises what a person has to find out."""
        if self.located.resource.type in PERMISSION_SETS:
            raise _PersonError(
                "the roles in the accounts that the permission set is provisioned into: a role can be passed in its own"
                " account only"
            )
        self.handed = handed
        self.roles = tuple(one.wanted for one in handed if one.wanted is not None)
        self.services = tuple(sorted({service for one in handed for service in one.services}))
        unknown = [one.label for one in handed if one.wanted is None]
        if unknown:
            raise _PersonError(
                *(f"how the statement can name {shortened(label)}" for label in unknown[:_SHOWN]),
                *([f"and {len(unknown) - _SHOWN} more roles like this"] if len(unknown) > _SHOWN else []),
            )
        if not handed:
            named = self._named_services(spelled)
            to = _listed(named) if named else "a service"
            raise _PersonError(
                f"the roles that are passed: no resource here gives one that the statement allows to {to}"
            )
        without = [
            service for service in self._named_services(spelled) if not any(service in one.services for one in handed)
        ]
        if without:
            raise _PersonError(f"the roles that are passed to {_listed(without)}")
        limited = [item.pattern for item in self.grant.roles if item.scope in _LIMITED]
        beside = [str(pattern) for pattern in limited if not self._is_among(pattern, handed)]
        if self.grant.scope is Scope.ANY_ROLE and beside:
            raise _PersonError(f"the roles that are passed beside {_listed(beside)}, which are named already")
        doubts = self._doubts(handed, spelled)
        if doubts:
            raise _PersonError(*doubts)
        if len(handed) > _MOST_ROLES:
            raise _PersonError(f"a path or a prefix that the {len(handed)} roles that are passed here share")
        names = _listed([seen_from(module_of(self.located.resource.address), one.label) for one in handed])
        services = _listed(self.services)
        self.words.append(
            f"names the {'role' if len(handed) == 1 else f'{len(handed)} roles'} that this configuration hands to"
            f" {services} ({names}); if others are passed by hand or from elsewhere, they have to be added"
        )

    def _keep_what_fits(self) -> None:
        """Of what people are shown, only what the other actions can pass: the rest was handed over by somebody else."""
        reached = self.doubts.reached() if self.services and not self._named_services(None) else ()
        if reached:
            fits = [one for one in self.handed if set(one.services) & set(reached)]
            self.roles = tuple(one.wanted for one in fits if one.wanted is not None)
            services = tuple(one for one in self.services if one in reached)
            self.services = services or (reached if len(reached) <= _SHOWN else ())

    def _doubts(self, handed: Sequence[Handed], spelled: tuple[str, ...] | None) -> tuple[str, ...]:
        """Why the roles that are handed over may not be all, or not the right ones."""
        doubts, named = self.doubts, self._named_services(spelled)
        choices = (doubts.of_choice(place) for one in handed for place in one.places)
        found = [*choices, *doubts.of_defaults(named), *doubts.of_parts()]
        if not named:
            found += [doubts.of_holder(), doubts.of_actions(self.services)]
        return tuple(dict.fromkeys(filter(None, found)))

    def _is_among(self, pattern: StringNode, handed: Sequence[Handed]) -> bool:
        """Whether a Resource is one of the roles that are handed over."""
        role = resolve_role(pattern, self.analyzed.model.roles, self.analyzed.model.roles_by_name)
        return any(one.label in (str(pattern), role.address if role is not None else "") for one in handed)

    def _named_services(self, spelled: tuple[str, ...] | None) -> tuple[str, ...]:
        """The services that the condition names one by one."""
        if spelled is not None:
            return spelled
        exact = self.grant.services.constraint in (Constraint.EXACT, Constraint.EXACT_IF_PRESENT)
        return self.grant.services.values if exact and self.condition.constraint is not Constraint.ABSENT else ()

    def _say_services(self, spelled: tuple[str, ...] | None, named: Sequence[Handed] | None) -> None:
        self._say_what_is_limited(spelled, named)
        unsure = undocumented([one for one in self.services if one not in self.condition.values])
        if unsure:
            self.words.append(f"AWS does not document that requests for {_listed(unsure)} carry this key: try it first")

    def _say_what_is_limited(self, spelled: tuple[str, ...] | None, named: Sequence[Handed] | None) -> None:
        services = _listed(self.services)
        if spelled is not None:
            changed = [value for value in self.condition.values if value not in spelled]
            if changed:
                quoted = _listed([f'"{shortened(value)}"' for value in changed])
                self.words.append(f"writes {services} in iam:PassedToService, which is meant by {quoted}")
            else:
                self.words.append(f"lets roles be passed to {services} by requests only that name the service")
        elif named is not None:
            self.words.append(f"limits iam:PassedToService to {services}")
        else:
            self.words.append(
                f"limits iam:PassedToService to {services}, "
                + (
                    "as the trust policies of the roles have it"
                    if self.by_trust
                    else "as this configuration uses the roles; if others use them as well, they have to be added"
                )
            )


def _listed(names: Sequence[str]) -> str:
    shown = [shortened(name) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        return f"{', '.join(shown)} and {len(names) - _SHOWN} more"
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])} and {shown[-1]}"
