"""Commands of the AWS CLI in a template that attach or create IAM policies: start scripts, build specifications.

Source: AWS CloudFormation Template Reference, AWS::EC2::Instance (``UserData``), AWS::CodeBuild::Project
(``BuildSpec``); "AWS::CloudFormation::Init" (``commands``). They are not evaluated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from passrole_checks.sources.cloudformation.template import Template
from passrole_checks.sources.model.configuration import NoteKind, ResourceDefinition, Unreadable
from passrole_checks.sources.model.iam_commands import find_mention, note_reason


def commands_in(template: Template, resources: Iterable[ResourceDefinition]) -> Iterator[Unreadable]:
    """Yield a note for each resource of a template whose text has such a command."""
    if find_mention(template.text.encode("utf-8", "replace")) is None:
        return
    for resource in resources:
        at = resource.at
        if at.file != template.file:
            continue
        text = "\n".join(template.lines[at.line - 1 : max(at.line, at.end_line)]).encode("utf-8", "replace")
        mention = find_mention(text)
        if mention is not None:
            operation, offset = mention
            reason = note_reason(resource.address, f"aws iam {operation}")
            yield Unreadable(at.file, reason, at.line + text.count(b"\n", 0, offset), kind=NoteKind.COMMAND)
