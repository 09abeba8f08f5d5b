"""Names of principals, apart from what their addresses say besides: type and module."""

from __future__ import annotations

from typing import NamedTuple

from passrole_checks.iam.lazy_regex import lazy_regex

_INDEX = r"""(?:\[(?:"(?:[^"\\]|\\.)*"|[^\]"]*)\])?"""
MODULE = lazy_regex(rf"module\.[\w-]+{_INDEX}(?=\.)")
_ADDRESS = lazy_regex(
    rf"(?P<module>(?:module\.[\w-]+{_INDEX}\.)*)(?P<type>(?:data\.)?[a-z][a-z0-9]*_\w+)\.(?P<name>[\w-]+{_INDEX})"
)


class PrincipalName(NamedTuple):
    """The name of a principal, and its type and module, if its address says them."""

    name: str
    type: str = ""
    module: str = ""

    @property
    def beside(self) -> str:
        """Return what stands after the name: type and module."""
        return f"{self.type}{f' in {self.module}' if self.module else ''}"


def split_address(address: str) -> PrincipalName:
    """Split the Terraform address of a principal; any other name is a name as a whole.

    >>> split_address('module.app.aws_iam_role.deploy["eu"]')
    PrincipalName(name='deploy["eu"]', type='aws_iam_role', module='module.app')
    >>> split_address("DeployRole").name
    'DeployRole'
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return PrincipalName(address)
    return PrincipalName(match["name"], match["type"], match["module"].rstrip("."))
