"""Which texts are claimed as templates."""

from __future__ import annotations

import pytest

from passrole_checks.sources.cloudformation import looks_like_template

TEMPLATES = {
    "version": 'AWSTemplateFormatVersion: "2010-09-09"\n',
    "version after comments": "# a comment\n\n---\nAWSTemplateFormatVersion: 2010-09-09\n",
    "byte order mark": "\ufeffAWSTemplateFormatVersion: 2010-09-09\n",
    "windows line ends": "Description: x\r\nResources:\r\n  A:\r\n    Type: AWS::IAM::Role\r\n",
    "SAM": "Transform: AWS::Serverless-2016-10-31\nDescription: x\n",
    "SAM in a list": "Transform:\n  - AWS::LanguageExtensions\n  - AWS::Serverless-2016-10-31\n",
    "resources only": "Resources:\n  A:\n    Type: 'AWS::IAM::Role'\n",
    "flow style": "{Resources: {A: {Type: AWS::IAM::Role}}}",
    "JSON": '{"Resources": {"A": {"DependsOn": [], "Type": "AWS::IAM::Role"}}}',
    "JSON by version": '{\n\t"AWSTemplateFormatVersion" : "2010-09-09",\n\t"Resources": {}}',
    "JSON with a transform": '{"Transform": ["AWS::Serverless-2016-10-31"]}',
    "broken YAML": "Resources:\n  A:\n    Type: AWS::IAM::Role\n   Properties: [\n",
    "broken JSON": '{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": {',
    "tag": "Resources:\n  A:\n    Type: !!str AWS::IAM::Role\n",
    "anchor": "Resources:\n  A:\n    Type: &t AWS::IAM::Role\n",
    "alias": "Metadata: {A: &t AWS::IAM::Role}\nResources:\n  A:\n    Type: *t\n",
    "alias of all resources": "Metadata: &r\n  A: {Type: AWS::IAM::Role}\nResources: *r\n",
    "merge key": "Metadata: {A: &r {Type: AWS::IAM::Role}}\nResources:\n  A:\n    <<: *r\n",
    "folded type": "Resources:\n  A:\n    Type: >-\n      AWS::IAM::Role\n",
    "folded type with a line break": "Resources:\n  A:\n    Type: >\n      AWS::IAM::Role\n",
    "escaped type key": 'Resources:\n  A:\n    "Typ\\x65": AWS::IAM::Role\n',
    "escaped resources": '"Resourc\\x65s":\n  A:\n    Type: AWS::IAM::Role\n',
    "escaped line break": '? "Reso\\\n  urces"\n: {A: {Type: AWS::IAM::Role}}\n',
    "complex key": "? Resources\n: A:\n    Type: AWS::IAM::Role\n",
    "document mark before JSON": '---\n{"Resources": {"A": {"Type": "AWS::IAM::Role"}}}',
    "comment before JSON": '# x\n{"Resources": {"A": {"Type": "AWS::IAM::Role"}}}',
    "comment before broken JSON": '# x\n{"Resources": {"A": {"Type": "AWS::IAM::Role", "Properties": [}',
    "escaped type in JSON": '{"Resources": {"A": {"Type": "\\u0041WS::IAM::Role"}}}',
    "escaped resources in JSON": '{"Resour\\u0063es": {"A": {"Type": "AWS::IAM::Role"}}}',
    "escaped type key in JSON": '{"Resources": {"A": {"Typ\\u0065": "AWS::IAM::Role"}}}',
    "escapes in broken JSON": '{"Resour\\u0063es": {"A": {"Typ\\u0065": "\\u0041WS::IAM::Role", "P": {',
    "loop": "? Resources\n: Fn::ForEach::A:\n  - N\n  - [a]\n  - X${N}: {Type: AWS::IAM::Role}\n",
    "indented as a whole": "  Resources:\n    A:\n      Type: AWS::IAM::Role\n",
}

OTHERS = {
    "empty": "",
    "Kubernetes": "apiVersion: v1\nkind: Pod\nspec:\n  resources:\n    limits: {cpu: 1}\n",
    "workflow": "on: push\njobs:\n  a:\n    steps:\n      - run: |\n          AWSTemplateFormatVersion: x\n",
    "package.json": '{"name": "x", "scripts": {"Resources": "AWS::IAM::Role"}}',
    "plan": '{"planned_values": {"body": "{\\"AWSTemplateFormatVersion\\": \\"2010-09-09\\"}"}}',
    "template inside an answer": '{"TemplateBody": {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}}',
    "serverless framework": "service: x\nresources:\n  Resources:\n    A:\n      Type: AWS::IAM::Role\n",
    "Terraform": 'resource "x" "y" {\n  template_body = <<E\nAWSTemplateFormatVersion: x\nE\n}\n',
    "prose": "How to write one\n\nAWSTemplateFormatVersion: x\nResources:\n  A:\n    Type: AWS::IAM::Role\n",
    "front matter": "---\ntitle: x\n---\nAWSTemplateFormatVersion: 2010-09-09\n",
    "other resources": "Resources:\n  - Type: thing\n",
    "tree of a CDK app": '{"tree": {"attributes": {"aws:cdk:cloudformation:type": "AWS::IAM::Role", "Resources": {}}}}',
    "OpenAPI": "openapi: 3.0.1\npaths:\n  /Resources:\n    x: {description: 'Type: AWS::IAM::Role'}\n",
    "CRD": "kind: Stack\nspec:\n  template: |\n    Resources:\n      A: {Type: AWS::IAM::Role}\n",
    "list of templates": "- Resources:\n    A:\n      Type: &t AWS::IAM::Role\n",
    "second document": "a: &x 1\n---\nResources:\n  A:\n    Type: !!str AWS::IAM::Role\n",
    "endless alias": "a: &a\n  <<: *a\nResources: &r\n  A: *r\n  B: '::'\n",
    "AppSpec of CodeDeploy": "version: 0.0\nResources: # one\n\n  - Service:\n      Type: AWS::ECS::Service\n",
    "list": '[{"Resources": {"A": {"Type": "AWS::IAM::Role"}}}]',
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_templates_are_recognized(name: str) -> None:
    """By their top-level keys, whether they can be parsed or not."""
    assert looks_like_template(TEMPLATES[name])


@pytest.mark.parametrize("name", OTHERS)
def test_other_texts_are_not_recognized(name: str) -> None:
    """A text with CloudFormation's words only below its top level is skipped."""
    assert not looks_like_template(OTHERS[name])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{ # a comment\n "Resources": {"R": {"Type": "AWS::S3::Bucket"}}}', True),
        ("!!map\nTransform: [AWS::Serverless-2016-10-31]\n", True),
        ("!!map\nTransform: !!str AWS::Serverless-2016-10-31\n", True),
        ("!!map\nTransform: My::Macro\nOutputs: {}\n", False),
        ('? "AWSTemplateFormat\\u0056ersion"\n: 2010-09-09\n', True),
        ("x: &r {R: {Type: AWS::S3::Bucket}}\n? Resources\n: {<<: *r}\n", True),
        ("x: &r {R: {Type: AWS::S3::Bucket}}\n? Resources\n: {<<: [text, *r]}\n", True),
        ("? Resources\n: {<<: [text, {a: b}], ? [c] : d, R: {Type: AWS::S3::Bucket}}\n", True),
        ("? Resources\n: {<<: {R: {a: b}}, S: text}\nx: AWS::S3::Bucket\n", False),
        ("? Resources\n: {'Fn::ForEach::L': [X, [a], {'R${X}': {Type: AWS::S3::Bucket}}]}\n", True),
        ("? Resources\n: {'Fn::ForEach::L': [X, [a], {R: {a: b}}], 'Fn::ForEach::M': []}\nx: AWS::S3::Bucket\n", False),
        ("# Type: AWS::S3::Bucket\n\n---\n", False),
        ("# AWS::S3::Bucket\n", False),
    ],
)  # fmt: skip
def test_rare_yaml_and_json_forms_are_recognized(content: str, expected: bool) -> None:
    """Merge keys, complex keys, tags, loops and comments make no difference."""
    assert looks_like_template(content) is expected
