"""Hostile folders: mutated files of every format, with links, pipes, odd names and references that lead outside."""

from __future__ import annotations

import gzip
import json
import os
import random
from collections.abc import Callable

from fuzzing import formats, git_objects
from fuzzing.corpus import Tree, trees
from fuzzing.mutators import erase, flip, mutated, repeat, truncate
from fuzzing.targets import changed, changed_tree
from passrole_checks.cli.options import GRADES

# What a pull request may name things by.
_NAMES = (
    "main.tf", "x.tf", "a.tofu", "terraform.tfvars", "a.auto.tfvars", "b.auto.tfvars.json", "template.yaml", "t.json",
    "plan.json", "policy.json", "m", "modules/m", "m/main.tf", ".terraform", ".terraform/modules/modules.json", ".git",
    "pyproject.toml", "report.sarif", "report.json", "baseline.json", "cdk.out", "manifest.json", "serverless.yml",
    "samconfig.toml", "logs", "main_override.tf", "src", "out", "vendor",
)  # fmt: skip
_ODD_NAMES = (
    "a\nb.tf", "\x1b[2J.tf", "-rf.tf", "--output=x.tf", "::error::x.tf", "%0A.yaml", "a b.yaml", 'q"u\'o.json',
    "\u202efdp.tf", os.fsdecode(b"\xff\xfe.tf"), "e\u0301.tf", "b\\s.yaml", "[x](y).tf", "<b>.json", "$(id).tf",
    "a\rb.yaml", "x" * 240 + ".tf", "..tf", ".tf", "nul.tf", "@someone.yaml", "a:b.tf", "|x.tf", "{a,b}*?.json",
    "\u2028.tf", "%s.yaml", "`id`.tf", "con.json", "~.tf", "#1.yaml",
)  # fmt: skip
_OUTSIDE = (
    "{outside}", "{outside}/main.tf", "{outside}/deep", "{outside}/secret.json", "{outside}/terraform.tfvars",
    "{outside}/template.yaml", "{outside}/secret.txt", "{outside}/x.auto.tfvars", "../../outside",
    "../../outside/main.tf", "../../outside/secret.txt", "../../outside/template.yaml", "../../outside/deep",
    "{outside}/pyproject.toml", "{outside}/new.txt", "../../outside/new/file",
)  # fmt: skip
_SYSTEM = (
    "/proc/kmsg", "/proc/self/environ", "/proc/self/fd/0", "/proc/self/mem", "/dev/zero", "/dev/stdin", "/dev/tty",
    "/etc/passwd", "/proc/self/root", "/", "..", ".", "/proc/1/maps", "/dev/fd/0", "/sys/kernel",
)  # fmt: skip
# Terraform and templates that name files and folders; the place is filled in.
_NAMING_HCL = (
    'module "out" {\n  source = "PLACE"\n}\n',
    'resource "aws_iam_user_policy" "out" {\n  user = "u"\n  policy = file("PLACE")\n}\n',
    'resource "aws_iam_user_policy" "out" {\n  user = "u"\n  policy = templatefile("PLACE", {})\n}\n',
    'resource "aws_iam_user_policy" "out" {\n  for_each = fileset("PLACE", "**")\n  user = each.key\n'
    '  policy = file("${path.module}/PLACE/${each.value}")\n}\n',
    'resource "aws_iam_user_policy" "out" {\n  user = fileexists("PLACE") ? "there" : "missing"\n'
    '  policy = filebase64("PLACE")\n}\n',
    'resource "aws_cloudformation_stack" "out" {\n  name = "s"\n  template_body = file("PLACE")\n}\n',
    'data "local_file" "out" {\n  filename = "PLACE"\n}\n'
    'resource "aws_iam_user_policy" "out" {\n  user = "u"\n  policy = data.local_file.out.content\n}\n',
)
_NAMING_TEMPLATE = (
    "Resources:\n  Out:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: 'PLACE'}\n",
    "Resources:\n  Out:\n    Type: AWS::Serverless::Application\n    Properties: {Location: 'PLACE'}\n",
    "Resources:\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: 'PLACE'}}\n",
    "Resources:\n  Out:\n    Type: AWS::IAM::UserPolicy\n    Properties:\n      UserName: u\n      PolicyDocument:\n"
    "        Fn::Transform: {Name: AWS::Include, Parameters: {Location: 'PLACE'}}\n",
    "Resources:\n  Out:\n    Type: AWS::Serverless::StateMachine\n    Properties: {DefinitionUri: 'PLACE'}\n",
    "Resources:\n  Out:\n    Type: AWS::CloudFormation::StackSet\n    Properties: {TemplateURL: 'PLACE'}\n",
    "service: s\nprovider: {name: aws, iam: {role: {statements: '${file(PLACE)}'}}}\nfunctions: {}\n",
)
_NAMING_JSON = {
    ".terraform/modules/modules.json": '{"Modules": [{"Key": "", "Source": "", "Dir": "."}, '
    '{"Key": "out", "Source": "a/b/c", "Dir": "PLACE"}]}',
    "cdk.out/manifest.json": '{"version": "36.0.0", "artifacts": {'
    '"A": {"type": "aws:cloudformation:stack", "properties": {"templateFile": "PLACE"}}, '
    '"B": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "PLACE"}}}}',
}
_NAMING_CONFIGURATION = (
    'format = ["json"]\noutput = ["PLACE"]', 'baseline = "PLACE"', 'write_baseline = "PLACE"', 'var_file = ["PLACE"]',
    'parameters = ["PLACE"]', 'source = "PLACE"', 'account_details = "PLACE"', 'inventory = "PLACE"',
    'exclude = ["PLACE", "!*.tf", "/**"]',
    'executor = "dask://127.0.0.1:1"',
)  # fmt: skip


def folder(rng: random.Random) -> Tree:
    """A mutated folder of any format, most of them with entries of the file system that lead astray."""
    tree = _of_a_format(rng) if rng.random() < 0.5 else changed_tree(rng)
    for _ in range(rng.choice((0, 0, 1, 1, 2, 4))):
        rng.choices(_CHANGES, _WEIGHTS)[0](tree, rng)
    return tree


def _of_a_format(rng: random.Random) -> Tree:
    tree = dict(formats.BY_FORMAT[rng.choice(tuple(formats.BY_FORMAT))])
    for name in rng.sample(sorted(tree), min(len(tree), rng.choice((1, 1, 2)))):
        tree[name] = changed(name, tree[name], rng)
    return tree


def _place(rng: random.Random) -> str:
    return rng.choice(_OUTSIDE) if rng.random() < 0.8 else rng.choice((*_SYSTEM, *_NAMES))


def _link(tree: Tree, rng: random.Random) -> None:
    """A link outside, to the system, within the folder, or in a circle."""
    name = rng.choice(_NAMES)
    target = rng.choice((rng.choice(_OUTSIDE), rng.choice(_OUTSIDE), rng.choice(_SYSTEM), rng.choice(_NAMES), name))
    if target in _NAMES and rng.random() < 0.5 and formats.names_of(tree):
        target = rng.choice(sorted(formats.names_of(tree)))
    tree[f"@link {name}"] = os.fsencode(target)
    if "/" not in name and rng.random() < 0.4:  # a module or a file that the link is used by
        _append(tree, rng, rng.choice(_NAMING_HCL).replace("PLACE", f"./{name}"))


def _linked_file(tree: Tree, rng: random.Random) -> None:
    """One of the files is a link to where its content is."""
    names = sorted(formats.names_of(tree))
    if names:
        name = rng.choice(names)
        content = tree.pop(name)
        there = rng.choice(("content", "m/content.tf", name + ".real"))
        tree[there] = content
        tree[f"@link {name}"] = os.fsencode(os.path.relpath(there, os.path.dirname(name) or "."))


def _other_kind(tree: Tree, rng: random.Random) -> None:
    """A pipe, a folder, or a file that nobody may read, where a file is looked for."""
    tree[f"@{rng.choice(('pipe', 'folder', 'closed'))} {rng.choice(_NAMES)}"] = rng.choice((b"", b"{", b"a = 1\n"))


def _odd_name(tree: Tree, rng: random.Random) -> None:
    """A file, or the folder that it is in, has an odd name."""
    names = sorted(formats.names_of(tree))
    if names:
        name, odd = rng.choice(names), rng.choice(_ODD_NAMES)
        content = tree.pop(name)
        tree[odd if rng.random() < 0.7 else f"{odd}.d/{name}"] = content


def _deep(tree: Tree, rng: random.Random) -> None:
    """Everything is deep below."""
    depth = rng.choice((3, 30, 60, 150))
    for name in sorted(formats.names_of(tree)):
        tree["d/" * depth + name] = tree.pop(name)


def _naming(tree: Tree, rng: random.Random) -> None:
    """A file names what is outside."""
    place = _place(rng)
    kind = rng.randrange(4)
    if kind == 0:
        _append(tree, rng, rng.choice(_NAMING_HCL).replace("PLACE", place))
    elif kind == 1:
        tree[rng.choice(("out.yaml", "serverless.yml", "template.yml"))] = (
            rng.choice(_NAMING_TEMPLATE).replace("PLACE", place).encode()
        )
    elif kind == 2:
        name = rng.choice(sorted(_NAMING_JSON))
        tree[name] = _NAMING_JSON[name].replace("PLACE", place).encode()
        if name.startswith(".terraform"):
            _append(tree, rng, 'module "out" {\n  source = "a/b/c"\n}\n')
    else:
        lines = rng.sample(_NAMING_CONFIGURATION, rng.choice((1, 1, 2)))
        table = rng.choice(("tool.passrole_checks", "tool.passrole_checks", "tool.passrole-checks"))
        tree["pyproject.toml"] = f"[{table}]\n{chr(10).join(lines)}\n".replace("PLACE", place).encode()


def _append(tree: Tree, rng: random.Random, text: str) -> None:
    names = [name for name in sorted(formats.names_of(tree)) if name.endswith((".tf", ".tofu"))]
    name = rng.choice(names) if names else "more.tf"
    tree[name] = tree.get(name, b"") + b"\n" + text.encode()


_CHANGES: tuple[Callable[[Tree, random.Random], None], ...] = (
    _link, _linked_file, _other_kind, _odd_name, _deep, _naming,
)  # fmt: skip
_WEIGHTS = (8, 2, 3, 4, 1, 8)


# -- command lines

_OUTPUTS = ("report.sarif", "report.json", "out/x", "m/x", "./report.json", "d/../report.sarif")
_SCAN_FORMATS = ("text", "json", "sarif", "junit", "github", "gitlab", "markdown")
_SEVERITIES = ("info", "low", "medium", "high")
_CHECKS = ("001", "any-service", "PASSROLE_014", "008,009", "new-access", "001,002,003", "016", "nothing")


def with_command(rng: random.Random) -> Tree:
    """A hostile folder, and a command that is run in it."""
    tree = folder(rng)
    names = sorted(formats.names_of(tree))
    command = rng.choices(tuple(_COMMANDS), (16, 5, 4, 3, 6, 2))[0]
    words = [command, *_COMMANDS[command](rng, names)]
    if rng.random() < 0.2:
        words += _inputs(rng, names)
    if rng.random() < 0.3:
        words.append("--allow-empty")
    if rng.random() < 0.1:
        words.append(rng.choice(("--allow-empty", "--unchanged", "--quiet", "--no-color")))
    if command != "diff":
        words += _paths(rng, tree, names)
    for word in words:  # a pipe that a user names is waited for
        tree.pop(f"@pipe {word}", None)
    if "-" in words and names:
        tree["@stdin"] = tree[rng.choice(names)]
    tree["@arguments"] = "\n".join(words).encode("utf-8", "surrogateescape")
    return tree


def _paths(rng: random.Random, tree: Tree, names: list[str]) -> list[str]:
    names = [name for name in names if "\n" not in name]  # arguments are lines
    if names and rng.random() < 0.2:
        return ["--", rng.choice(names)]
    links = [name.partition(" ")[2] for name in sorted(tree) if name.startswith("@link ")]
    links = [name for name in links if os.fsdecode(tree[f"@link {name}"]) in names]
    if links and rng.random() < 0.3:  # one that leads outside may be read where a user names it
        return ["--", rng.choice(links)]
    return [rng.choice((".",) * 16 + ("./", "-", "nothing"))]


def _inputs(rng: random.Random, names: list[str]) -> list[str]:
    words = ["--account", rng.choice(("111122223333",) * 9 + ("1",))]
    names = [name for name in names if "\n" not in name]
    if names:
        name = rng.choice(names)
        words += rng.choice((["--var-file", name], ["--parameters", name], ["--source", "."], ["--var", 'roles=["*"]']))
    return words


def _written(rng: random.Random, choices: tuple[str, ...]) -> list[str]:
    """One to three formats, all but the last of them written to files, which may be links of the folder."""
    words = []
    chosen = rng.sample(choices, min(len(choices), rng.choice((1, 1, 1, 2, 3))))
    for place, name in enumerate(chosen):
        words += ["--format", name]
        if place < len(chosen) - 1 or rng.random() < 0.2:
            names = (f"{{output}}/{place}.{name}", f"{place}.{name}", *_OUTPUTS)
            words += ["--output", rng.choice(names[:2] if rng.random() < 0.85 else names)]
    return words


def _grades(rng: random.Random) -> list[str]:
    """No grade, or one or two of them."""
    return [word for name in rng.sample(GRADES, rng.choice((0, 1, 2))) for word in ("--grade", name)]


def _scan(rng: random.Random, _names: list[str]) -> list[str]:
    words = _written(rng, _SCAN_FORMATS)
    for option, values in (
        ("--severity", _SEVERITIES), ("--confidence", _SEVERITIES[1:]), ("--fail-on", (*_SEVERITIES, "never")),
        ("--check", _CHECKS), ("--skip-check", _CHECKS),
    ):  # fmt: skip
        if rng.random() < 0.15:
            words += [option, rng.choice(values)]
    if rng.random() < 0.1:
        words += [
            rng.choice(("--baseline", "--write-baseline")),
            rng.choice(("baseline.json", "{output}/baseline.json")),
        ]
    if rng.random() < 0.5:
        words.append("--no-cache")
    return words


def _diff(rng: random.Random, names: list[str]) -> list[str]:
    names = [name for name in names if "\n" not in name and not name.startswith("-")] or ["x"]
    if rng.random() < 0.7:
        return [*_written(rng, ("text", "json")), rng.choice(names), rng.choice(names)]
    return [*_written(rng, ("text", "json")), rng.choice((*names, ".")), rng.choice((*names, ".", "m"))]


_COMMANDS: dict[str, Callable[[random.Random, list[str]], list[str]]] = {
    "scan": _scan,
    "grants": lambda rng, _: _written(rng, ("text", "json", "html", "markdown")),
    "required": lambda rng, _: _written(rng, ("text", "json", "hcl", "yaml")),
    "suggest": lambda rng, _: [*_written(rng, ("text", "json", "patch")), *_grades(rng)],
    "fix": lambda rng, _: [*(["--dry-run"] if rng.random() < 0.2 else []), *_grades(rng)],
    "diff": _diff,
}


# -- repositories

_GIT_PATHS = (
    "../x.tf", ".git/config", ".GIT/hooks/post-checkout", "a//b.tf", "./c.tf", "..", "C:/x.tf", "a\\..\\b.tf", "\n.tf",
    ".gitattributes", ".gitmodules", os.fsdecode(b"\xff.tf"), "x" * 300 + ".tf", "d/" * 300 + "x.tf", "git~1/x.tf",
    "-x.tf", "\x1b[2J.yaml", ".git\u200c/x.tf", "AUX.tf", "x.tf/y.tf",
)  # fmt: skip
_MODES = ("100644",) * 8 + ("100755", git_objects.LINK, git_objects.LINK, git_objects.SUBMODULE, "100664", "40000", "0")
_GIT_FILES = {
    "config": b"[core]\n\trepositoryformatversion = 0\n\tfsmonitor = touch {outside}/ran\n\thooksPath = {outside}\n"
    b"\tattributesFile = {outside}/secret.txt\n\tpager = touch {outside}/ran\n"
    b"[diff]\n\texternal = touch {outside}/ran\n[include]\n\tpath = {outside}/secret.txt\n"
    b'[filter "x"]\n\tsmudge = touch {outside}/ran\n\tclean = touch {outside}/ran\n'
    b'[diff "x"]\n\ttextconv = cat {outside}/secret.txt\n',
    "objects/info/alternates": b"{outside}\n",
    "info/attributes": b"* filter=x diff=x\n",
    "info/grafts": b"0000000000000000000000000000000000000000\n",
    "shallow": b"0123456789012345678901234567890123456789\n",
    "index": b"DIRC\0\0\0\2\0\0\0\1",
    "HEAD": b"ref: refs/heads/../../../outside/secret.txt\n",
    "packed-refs": b"0123456789012345678901234567890123456789 refs/heads/main\n",
    "refs/heads/main": b"not an id\n",
}


def repository(rng: random.Random) -> Tree:
    """Two versions of a mutated folder as commits, and a command that compares them."""
    original = rng.choice((*trees(), *formats.BY_FORMAT.values())) if rng.random() < 0.7 else folder(rng)
    base = {name: content for name, content in original.items() if not name.startswith("@")}
    head = dict(base)
    for name in rng.sample(sorted(base), min(len(base), rng.choice((1, 1, 2)))):
        head[name] = changed(name, base[name], rng)
    if rng.random() < 0.2:
        head.update(rng.choice(trees()))
    tree: Tree = {}
    for side, files in (("base", base), ("head", head)):
        for name, content in files.items():
            tree[f"@{side} {rng.choice(_MODES) if rng.random() < 0.1 else '100644'} {name}"] = content
        if rng.random() < 0.25:
            mode, path = rng.choice(_MODES), rng.choice((*_GIT_PATHS, *_NAMES))
            link = mode == git_objects.LINK
            tree[f"@{side} {mode} {path}"] = (
                os.fsencode(_place(rng)) if link else rng.choice(tuple(base.values()) or (b"",))
            )
    if rng.random() < 0.25:
        name = rng.choice(sorted(_GIT_FILES))
        content = _GIT_FILES[name]
        tree[f"@git {name}"] = content if rng.random() < 0.6 else mutated(content, rng, "hcl")
    if rng.random() < 0.5:  # a working tree beside it
        tree.update(head)
        if rng.random() < 0.5:
            _link(tree, rng)
    words = _versions(rng)
    if rng.random() < 0.3:
        words.append("--allow-empty")
    tree["@arguments"] = "\n".join(words).encode("utf-8", "surrogateescape")
    return tree


def _versions(rng: random.Random) -> list[str]:
    versions = rng.choice(
        (["main", "head"],) * 12 + (["main...head"], ["main"], ["--staged"], ["main", "-x"], ["HEAD~1", "HEAD"])
    )
    if rng.random() < 0.5:
        return ["diff", *_written(rng, ("text", "json")), *versions]
    words = ["review", "--post", "none", *_written(rng, ("text", "json", "markdown", "sarif", "github", "gitlab"))]
    if rng.random() < 0.2:
        words += ["--offline-bundle", rng.choice(("{output}/bundle.json", "report.json"))]
    if rng.random() < 0.2:
        words.append(rng.choice(("--mask-accounts", "--strict", "--dry-run")))
    return [*words, *versions]


# -- logs of CloudTrail


def logs(rng: random.Random) -> Tree:
    """Mutated logs, packed or not, exported or not, and a command that reads them."""
    tree: Tree = {}
    originals = formats.cloudtrail()
    for place, name in enumerate(rng.sample(sorted(originals), rng.choice((1, 2)))):
        content = mutated(originals[name], rng, "json")
        kind = rng.randrange(6)
        if kind == 0:
            content = _lines(originals[name], rng)
            name = f"{place}.jsonl"
        elif kind == 1:
            content = mutated(as_csv(originals[name]), rng, "yaml")
            name = f"{place}.csv"
        elif kind == 2:
            content = gzip.compress(content, mtime=0)
            for _ in range(rng.choice((0, 1, 3))):
                content = rng.choice((flip, truncate, erase, repeat))(content, rng, "json")
            name += ".gz"
        tree[f"logs/{name}"] = content
    if rng.random() < 0.15:
        tree[f"@link logs/{rng.choice(('x.json', 'AWSLogs', 'y.json.gz'))}"] = os.fsencode(_place(rng))
    if rng.random() < 0.1:
        tree[f"logs/{rng.choice(_ODD_NAMES)}.json"] = rng.choice(tuple(originals.values()))
    if rng.random() < 0.15:
        _other_kind(tree, rng)
    command = rng.choice(("trail", "trail", "trail", "against", "suggest", "fix"))
    words = ["trail", *_written(rng, ("text", "json", "markdown", "html")), "logs"]
    if command != "trail":
        tree.update(changed_tree(rng))
        words = [*words, "--against", "."] if command == "against" else [command, ".", "--evidence", "logs"]
    elif rng.random() < 0.3:
        words += rng.choice(
            (["--since", "2026-03-01"], ["--role", "app*"], ["--account", "111122223333"], ["--events"])
        )
    tree["@arguments"] = "\n".join(words).encode()
    return tree


def _records(content: bytes) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(content)["Records"]
    return found


def _lines(content: bytes, rng: random.Random) -> bytes:
    return mutated(b"".join(json.dumps(one).encode() + b"\n" for one in _records(content)), rng, "json")


def as_csv(content: bytes) -> bytes:
    """An export with a column for each field, quoted as RFC 4180 says."""
    names = sorted({name for one in _records(content) for name in one})
    rows = [names, *([_cell(one.get(name)) for name in names] for one in _records(content))]
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    return "\n".join(quoted).encode()


def _cell(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
