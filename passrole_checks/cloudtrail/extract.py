"""Extract passes from events: which role an event passes to which service, whether it was allowed, for
which resource.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from passrole_checks.aws.cloudtrail_events import RoleLocation, TrailEvent, trail_event, without_version
from passrole_checks.cloudtrail.identity import account_of, read_identity, with_issuer
from passrole_checks.cloudtrail.instance_profiles import STATE_EVENTS, ProfileState
from passrole_checks.cloudtrail.model import LogSummary, Pass, RequestOutcome
from passrole_checks.cloudtrail.parameter_paths import strings_at, strings_at_location, unwrap, values_at
from passrole_checks.cloudtrail.struct_text import parse_structure
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex

_DENIED = lazy_regex(
    r"access.?denied|unauthori[sz]ed|not.?authori[sz]ed|authori[sz]ation(?:error|exception)|forbidden", re.I
)
# "User: ARN is not authorized to perform: iam:PassRole on resource: ARN because …" (IAM User Guide, "Access denied
# error messages"). EC2 encodes the message of its own errors.
_NAMED = lazy_regex(r"iam:PassRole on resource: (arn:[^\s,]+)")
_ACTION = lazy_regex(r"not authorized to perform: ?([A-Za-z0-9-]+:[A-Za-z0-9]+)")
_PASS_ROLE = "perform: iam:PassRole"
_ROLE = lazy_regex(r"arn:[^:]+:iam::(\d{12}):role/\S+")
_PROFILE = lazy_regex(r"arn:[^:]+:iam::(\d{12}):instance-profile/\S+")
_NAME = lazy_regex(
    r"/?[\w+=,.@-]+(?:/[\w+=,.@-]+)*"
)  # IAM API, CreateRole: RoleName; some services accept a path before it
_NO_NAMES = frozenset({"none", "null", "default", "hidden_due_to_security_reasons", "***"})


@dataclass(frozen=True, slots=True)
class Row:
    """An event as read; its structures are still text."""

    event_id: str
    time: str
    source: str
    name: str
    region: str
    source_ip: str
    error_code: str
    error_message: str
    account: str
    identity: str | None
    request: str | None
    response: str | None
    file: str


@dataclass(frozen=True, slots=True)
class _PassedItem:
    """A role (ARN or name) or an instance profile at one location in an event."""

    role: str
    services: tuple[str, ...]
    profile: str = ""
    template: str = ""


@dataclass(slots=True)
class PassExtractor:
    """Extract passes from rows, which must come in order of time. `reading` counts events that yield none. `issuers`:
    roles of sessions whose events do not state them (`identity.issuers_by_session`).
    """

    reading: LogSummary
    issuers: Mapping[str, str] = field(default_factory=dict)
    _profiles: ProfileState = field(default_factory=ProfileState)

    def of(self, row: Row) -> Iterator[Pass]:
        """Yield the passes of an event: one per role and service, however often the event names them."""
        source, name = row.source, without_version(row.name)
        event, outcome = trail_event(source, name), _outcome(row)
        account = row.account or account_of(parse_structure(row.identity))
        request = unwrap(parse_structure(row.request), name)
        changes_state = outcome is RequestOutcome.PASSED and (source, name) in STATE_EVENTS
        # Most events that may pass a role pass none, so parse the response only if needed.
        answers = changes_state or (event is not None and any(location.answered for location in event.places))
        response = unwrap(parse_structure(row.response), name, "Response") if answers else None
        passed_items = list(dict.fromkeys(self._given(event, account, row.region, request, response))) if event else []
        named = _NAMED.search(row.error_message)
        if named:
            passed_items = _denied_items(named[1], event, passed_items)
        if changes_state:
            self._profiles.take(source, name, account, row.region, request, response)
        own_items = [one for one in passed_items if not self._is_other_account(one, account)]
        self._count(event, outcome, request, passed_items)
        if not own_items:
            return
        if response is None:
            response = unwrap(parse_structure(row.response), name, "Response")
        principal = with_issuer(read_identity(parse_structure(row.identity)), self.issuers)
        action = "iam:PassRole" if named else _denied_action(row.error_message)
        resource = _resource(event, request, response) if event else ""
        for one in own_items:
            yield Pass(
                event_id=row.event_id,
                time=row.time,
                who=principal,
                role=one.role,
                services=one.services,
                service=event.source if event else source,
                event=name,
                action=event.action if event else "",
                outcome=outcome,
                instance_profile=one.profile,
                launch_template=one.template,
                resource=resource,
                region=row.region,
                account=account,
                source_ip=row.source_ip,
                error_code=row.error_code,
                denied_action=action,
                denied_role=named[1] if named else "",
                file=row.file,
            )

    def _given(
        self, event: TrailEvent, account: str, region: str, request: Any, response: Any
    ) -> Iterator[_PassedItem]:
        requested = [location for location in event.places if not location.answered]
        passed_items = [
            (location, one) for location in requested for one in self._at(location, account, region, request, response)
        ]
        if any(
            one.profile and location.kind != "launch_template" and "*" not in location.path
            for location, one in passed_items
        ):
            passed_items = [
                (location, one) for location, one in passed_items if location.kind != "launch_template"
            ]  # it takes precedence over them
        found = [one for _, one in passed_items]
        if not any(one.profile for one in found):
            # A profile in the response comes from a template that the logs do not show.
            answered = [location for location in event.places if location.answered]
            template = next((one.template for one in found if one.template), "")
            from_response = [
                one for location in answered for one in self._at(location, account, region, request, response)
            ]
            found += [_PassedItem(one.role, one.services, one.profile, template) for one in from_response]
        yield from (one for one in found if one.role or one.profile)

    def _at(
        self, location: RoleLocation, account: str, region: str, request: Any, response: Any
    ) -> Iterator[_PassedItem]:
        if location.kind == "launch_template":
            for chosen in values_at(request, location.path):
                profile, template = self._profiles.profile(account, region, chosen)
                if profile:
                    yield self._profile(profile, account, location, template)
                elif template:
                    yield _PassedItem("", location.services, "", template)
            return
        for text in strings_at_location(location, request, response):
            if _ROLE.fullmatch(text):
                yield _PassedItem(text, location.services)
            elif _PROFILE.fullmatch(text) or (location.kind == "instance_profile" and _is_name(text)):
                yield self._profile(text, account, location)
            elif location.kind == "role" and _is_name(text):
                yield _PassedItem(self._profiles.arn(account, text), location.services)

    def _profile(self, profile: str, account: str, location: RoleLocation, template: str = "") -> _PassedItem:
        return _PassedItem(self._profiles.role(account, profile), location.services, profile, template)

    def _is_other_account(self, passed_items: _PassedItem, account: str) -> bool:
        """True for a role of another account: a role can only be passed within its account, so it is named for other
        reasons.
        """
        found = _ROLE.fullmatch(passed_items.role) or _PROFILE.fullmatch(passed_items.profile)
        if found and account and found[1] != account:
            self.reading.abroad += 1
            return True
        return False

    def _count(
        self, event: TrailEvent | None, outcome: RequestOutcome, request: Any, passed_items: list[_PassedItem]
    ) -> None:
        if event is None or passed_items:
            return
        if request is None and outcome is RequestOutcome.DENIED:
            self.reading.denied_without_role += 1
        elif request is None or (isinstance(request, Mapping) and request.keys() == {"omitted"}):
            self.reading.no_parameters += 1
        else:
            self.reading.no_role += 1


def _outcome(row: Row) -> RequestOutcome:
    if not row.error_code and not row.error_message:
        return RequestOutcome.PASSED
    if _denied_action(row.error_message) not in ("", "iam:PassRole"):
        return RequestOutcome.FAILED  # another permission was missing
    denied = _DENIED.search(row.error_code) or "is not authorized to perform" in row.error_message
    return RequestOutcome.DENIED if denied else RequestOutcome.FAILED


def _denied_items(role: str, event: TrailEvent | None, passed_items: list[_PassedItem]) -> list[_PassedItem]:
    """Return the pass of the role that an error names as denied; other roles in the request are no evidence then."""
    same = [one for one in passed_items if one.role == role]
    if same:
        return same
    locations = [one for one in event.places if one.kind == "role"] if event else []
    services = tuple(dict.fromkeys(service for one in locations for service in one.services))
    known = [one.services for one in passed_items if role.endswith(f"/{one.role}")]
    return [_PassedItem(role, known[0] if known else services)]


def _denied_action(message: str) -> str:
    """Return the action that an error message says was denied; empty if it names none."""
    if _PASS_ROLE in message:
        return "iam:PassRole"
    found = _ACTION.search(message)
    return found[1] if found else ""


def _is_name(text: str) -> bool:
    return len(text) <= 512 and text.lower() not in _NO_NAMES and _NAME.fullmatch(text) is not None


def _resource(event: TrailEvent, request: Any, response: Any) -> str:
    for path, answered in event.resources:
        found = strings_at(response if answered else request, path)
        if answered and not found and path[1:]:  # query protocol responses (RDS) omit the outermost name
            found = strings_at(response, path[1:])
        if found:
            return found[0]
    return ""
