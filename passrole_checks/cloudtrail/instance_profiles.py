"""Track the content of instance profiles and launch templates, and the ARNs of roles, as far as the logs show them.

An instance profile contains one role (IAM User Guide, "Use instance profiles"); ``AddRoleToInstanceProfile`` names it.
A launch template may name a profile, and starting a resource from it passes the role (EC2 User Guide, "Control access
to launch templates with IAM permissions"). Events must come in order of time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from passrole_checks.cloudtrail.parameter_paths import strings_at, unwrap, values_at
from passrole_checks.iam.fast_dataclass import dataclass

IAM, EC2 = "iam.amazonaws.com", "ec2.amazonaws.com"
# Events that change this state; some of them pass no role themselves.
STATE_EVENTS = frozenset(
    {
        (IAM, "CreateRole"),
        (IAM, "AddRoleToInstanceProfile"),
        (IAM, "RemoveRoleFromInstanceProfile"),
        (EC2, "CreateLaunchTemplate"),
        (EC2, "CreateLaunchTemplateVersion"),
        (EC2, "ModifyLaunchTemplate"),
    }
)


@dataclass(slots=True)
class _Template:
    """A launch template: its instance profile by version, and its default version."""

    profiles: dict[str, str] = field(default_factory=dict)  # by version; empty if it names none
    default: str = "1"


@dataclass(slots=True)
class ProfileState:
    """The state of profiles by account and of templates by account and region, after the events so far.

    The ARN of a role, and so its path, is known if the logs contain its creation.
    """

    _arns: dict[tuple[str, str], str] = field(default_factory=dict)
    _roles: dict[tuple[str, str], str] = field(default_factory=dict)
    _templates: dict[tuple[str, str, str], _Template] = field(default_factory=dict)

    def take(self, source: str, event: str, account: str, region: str, request: Any, response: Any) -> None:
        """Update the state with an event that succeeded."""
        if (source, event) not in STATE_EVENTS:
            return
        if event == "CreateRole":
            for name, arn in zip(
                strings_at(request, ("roleName",)), strings_at(response, ("role", "arn")), strict=False
            ):
                self._arns[account, name] = arn
        elif source == IAM:
            for name in strings_at(request, ("instanceProfileName",)):
                if event == "AddRoleToInstanceProfile":
                    for role in strings_at(request, ("roleName",)):
                        self._roles[account, name] = role
                else:
                    self._roles.pop((account, name), None)
        else:
            self._take_template(event, account, region, unwrap(request, event), unwrap(response, event, "Response"))

    def arn(self, account: str, role: str) -> str:
        """Return the ARN of a role given by name, if the logs show it; else the name."""
        return self._arns.get((account, role.rpartition("/")[2]), role)

    def role(self, account: str, profile: str) -> str:
        """Return the ARN or name of the role in a profile, given by name or ARN; empty if the logs do not show it."""
        role = self._roles.get((account, profile.rpartition("/")[2]), "")
        return self.arn(account, role) if role else ""

    def profile(self, account: str, region: str, chosen: Any) -> tuple[str, str]:
        """Return the profile that a template specifies, and the name or id of the template; both may be empty.

        `chosen` is the object that names a template and a version: a number, ``$Latest``, ``$Default``, or none, which
        means the default version (EC2 API, LaunchTemplateSpecification).
        """
        named = _template_names(chosen)
        template = next(
            (self._templates[key] for one in named if (key := (account, region, one)) in self._templates), None
        )
        if template is None:
            return "", named[0] if named else ""
        version = next(iter(_member_strings(chosen, "version")), "$Default")
        if version == "$Latest":
            version = max(template.profiles, key=_number, default="")
        elif version == "$Default":
            version = template.default
        return template.profiles.get(version, ""), named[0]

    def _take_template(self, event: str, account: str, region: str, request: Any, response: Any) -> None:
        if event == "ModifyLaunchTemplate":
            for name in _template_names(request):
                template = self._templates.get((account, region, name))
                default = _member_strings(request, "setDefaultVersion") or _member_strings(request, "defaultVersion")
                if template is not None and default:
                    template.default = default[0]
            return
        answered = next(
            iter(values_at(response, ("launchTemplate",)) + values_at(response, ("launchTemplateVersion",))), None
        )
        names = [*_template_names(answered), *_template_names(request)]
        if not names:
            return
        # Names can be reused after a template is deleted, ids cannot.
        ids = [*_member_strings(answered, "launchTemplateId"), *_member_strings(request, "launchTemplateId")]
        known = (self._templates[key] for one in ids or names if (key := (account, region, one)) in self._templates)
        template = (next(known, None) if event != "CreateLaunchTemplate" else None) or _Template()
        number = (_member_strings(answered, "versionNumber") or ["1" if event == "CreateLaunchTemplate" else ""])[0]
        number = number or str(max(map(_number, template.profiles), default=0) + 1)
        given = next(iter(values_at(request, ("launchTemplateData", "iamInstanceProfile"))), None)
        profile = next(iter([*_member_strings(given, "arn"), *_member_strings(given, "name")]), "")
        if not profile and event == "CreateLaunchTemplateVersion":
            # A version inherits unspecified values from its source version, if any.
            profile = template.profiles.get(next(iter(_member_strings(request, "sourceVersion")), ""), "")
        template.profiles[number] = profile
        for name in names:
            self._templates[account, region, name] = template


def _template_names(node: Any) -> list[str]:
    return [*_member_strings(node, "launchTemplateId"), *_member_strings(node, "launchTemplateName")]


def _member_strings(node: Any, name: str) -> list[str]:
    """Return the strings and numbers of a member, as strings."""
    found = values_at(node, (name,)) if isinstance(node, Mapping) else []
    return [str(one) for one in found if isinstance(one, str | int) and not isinstance(one, bool) and one != ""]


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
