"""Write the IAM entities that a configuration declares as the account file that AWS returns once it is deployed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from passrole_checks.iam.roles.arn_pattern import expand
from passrole_checks.iam.values.nodes import (
    Absent,
    Choice,
    Const,
    ListNode,
    Node,
    ObjectNode,
    StringNode,
    Unresolved,
    UnresolvedKind,
)
from passrole_checks.sources.collect.attachments import AttachmentIndex
from passrole_checks.sources.model.configuration import AttachedPolicy, Configuration, Framework, PolicyKind
from passrole_checks.sources.model.paired_names import address_type, kind_of

ACCOUNT = "111122223333"
_KNOWN = {UnresolvedKind.ACCOUNT_ID: ACCOUNT, UnresolvedKind.PARTITION: "aws", UnresolvedKind.REGION: "us-east-1"}


class Deployment:
    """The account of one configuration: ``details`` is the file, ``arns`` the ARNs of principals by address."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.arns: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.details: dict[str, list[dict[str, Any]]] = {
            "UserDetailList": [],
            "GroupDetailList": [],
            "RoleDetailList": [],
            "Policies": [],
        }
        self._entities: dict[str, dict[str, Any]] = {}
        self._add_principals()
        for policy in configuration.policies:
            if policy.kind is PolicyKind.IDENTITY and policy.handed_to is None:
                self._add_policy(policy)
        self._attach()

    def _add_principals(self) -> None:
        whole = self.configuration
        for role in whole.roles:
            address = role.resource.address
            path = self.text(role.role_path) if role.role_path is not None else "/"
            name = self.text(role.name) if role.name is not None else self._generated_name(address)
            self.names[address] = name
            self._principal("role", address, name, path or "/")
        for address, name in whole.users:
            self._principal(kind_of(address_type(whole, address)) or "user", address, self.text(name))
        for shown, kind, name in whole.literals:
            if kind in ("role", "user", "group"):
                self._principal(kind, shown, name.rpartition("/")[2])
        for resource in whole.resources:
            kind = kind_of(resource.type)
            if kind:
                self._principal(kind, resource.address, self._generated_name(resource.address))
        for role in whole.roles:  # whose trust policies may name other roles
            trust = self.json(role.trust) if role.trust is not None else {}
            self._entities[role.resource.address]["AssumeRolePolicyDocument"] = trust

    def _principal(self, kind: str, address: str, name: str, path: str = "/") -> None:
        title = kind.capitalize()
        arn = f"arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"
        same = next((key for key, known in self.arns.items() if known == arn), None)
        if address in self.arns:
            return
        self.arns[address] = arn
        if same is not None:
            self._entities[address] = self._entities[same]
            return
        entity: dict[str, Any] = {f"{title}Name": name, "Path": path, "Arn": arn}
        self._entities[address] = {**entity, f"{title}PolicyList": [], "AttachedManagedPolicies": []}
        self.details[f"{title}DetailList"].append(self._entities[address])

    def _add_policy(self, policy: AttachedPolicy) -> None:
        """Add a managed policy with its attachments, or an inline policy of each principal. One that is unknown as a
        whole, or absent in its first variant, is left out."""
        document = self.json(policy.document)
        if not isinstance(document, dict) and not str(document).lstrip().startswith("{"):
            return
        if AttachmentIndex().join(policy) is policy:  # an inline policy
            for holder in policy.principals:
                entity = self._entities.get(holder)
                if entity is not None:
                    own = entity[next(key for key in entity if key.endswith("PolicyList"))]
                    own.append({"PolicyName": f"p{len(own)}", "PolicyDocument": document})
            return
        name = policy.name or self._generated_name(policy.resource.address)
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
        versions = [{"VersionId": "v1", "IsDefaultVersion": True, "Document": document}]
        self.details["Policies"].append({"PolicyName": name, "Arn": arn, "PolicyVersionList": versions})
        for holder in policy.principals:
            if holder in self._entities:
                self._entities[holder]["AttachedManagedPolicies"].append({"PolicyName": name, "PolicyArn": arn})

    def _attach(self) -> None:
        attached = self.configuration.attached
        for one in attached.managed_policies:
            if one.holder in self._entities and one.handed_to is None:
                arn = self.text(one.policy)
                self._entities[one.holder]["AttachedManagedPolicies"].append({"PolicyName": arn, "PolicyArn": arn})
        for group, user in attached.members:
            if group in self._entities and user in self._entities:
                names = self._entities[user].setdefault("GroupList", [])
                names.append(self._entities[group]["GroupName"])
        for use in attached.boundaries:
            if isinstance(use.policy, AttachedPolicy) and use.principal in self._entities:
                name = use.policy.name or self._generated_name(use.policy.resource.address)
                arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
            elif isinstance(use.policy, StringNode) and use.principal in self._entities:
                arn = self.text(use.policy)
            else:
                continue
            self._entities[use.principal]["PermissionsBoundary"] = {"PermissionsBoundaryArn": arn}
            if isinstance(use.policy, AttachedPolicy) and use.policy.kind is PolicyKind.BOUNDARY:
                version = {"VersionId": "v1", "IsDefaultVersion": True, "Document": self.json(use.policy.document)}
                name = arn.rpartition("/")[2]
                if all(policy["Arn"] != arn for policy in self.details["Policies"]):
                    self.details["Policies"].append({"PolicyName": name, "Arn": arn, "PolicyVersionList": [version]})

    def _generated_name(self, address: str) -> str:
        """Return the name that AWS or Terraform generates."""
        if self.configuration.framework in (Framework.CLOUDFORMATION, Framework.SAM):
            stack = self.configuration.provisioning.stack or "stack"
            return f"{stack}-{address.replace('.', '-1A2B3C4D5E6F7-')}-1A2B3C4D5E6F7"
        return _generated(address)

    def text(self, node: StringNode) -> str:
        """Return a string with a value in place of each unresolved part."""
        return "".join(part if isinstance(part, str) else self._value(part) for part in expand(node.parts))

    def _value(self, part: Unresolved) -> str:
        if part.kind is UnresolvedKind.POLICY_VARIABLE:
            return part.written
        if part.role in self.arns:
            return self.names[part.role] if part.kind is UnresolvedKind.NAME else self.arns[part.role]
        if "account" in part.expression.lower():
            return ACCOUNT
        return _KNOWN.get(part.kind) or _generated(part.expression)

    def json(self, node: Node) -> Any:
        """Return a document with a value in place of each unresolved part, and the first variant of each choice."""
        if isinstance(node, StringNode):
            return self.text(node)
        if isinstance(node, ListNode):
            return [self.json(item) for item in _present(node.items)]
        if isinstance(node, ObjectNode):
            return {self.text(entry.key): self.json(entry.value) for entry in node.entries if _is_present(entry.value)}
        if isinstance(node, Choice):
            return self.json(node.options[0][1])
        return node.value if isinstance(node, Const) else None


def _is_present(node: Node) -> bool:
    return not isinstance(node, Absent)


def _present(nodes: Iterable[Node]) -> Iterable[Node]:
    return filter(_is_present, nodes)


def _generated(address: str) -> str:
    """Return a name for an address or an expression, as AWS generates one."""
    return re.sub(r"[^\w]+", "-", address).strip("-")[:100] or "x"
