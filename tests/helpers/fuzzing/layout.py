"""Lay out a sample: files, and entries that are no files (links, pipes, arguments, versions of a repository).

A name that begins with ``@`` is such an entry: ``@KIND NAME``.

========================  ==========================================================================================
``@link NAME``            a symbolic link; the content is its target
``@pipe NAME``            a named pipe that nobody writes to
``@folder NAME``          an empty folder
``@closed NAME``          a file without permissions
``@arguments``            the command line, one argument a line
``@stdin``                the content of standard input
``@base MODE PATH``       a blob of the first version of a git repository; ``@head MODE PATH`` one of the second
``@git NAME``             a file in ``.git`` that replaces the one written there
========================  ==========================================================================================

``{outside}`` and ``{output}`` in links, arguments and contents become the paths of those folders (see :class:`Ground`).
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fuzzing import git_objects
from fuzzing.corpus import Tree

CANARY = "canary-7f3e1d"  # in every file outside, in its names of resources as well
_SECRET = f"""\
resource "aws_iam_user_policy" "{CANARY}" {{
  user   = "{CANARY}"
  policy = jsonencode({{ Statement = [{{ Effect = "Allow", Action = "iam:PassRole", Resource = "*" }}] }})
}}
output "arn" {{
  value = "{CANARY}"
}}
"""
_DOCUMENT = (
    f'{{"Version": "2012-10-17", "Statement": [{{"Sid": "{CANARY}", "Effect": "Allow", "Action": "iam:PassRole", '
    '"Resource": "*"}]}\n'
)
_TEMPLATE = f"""\
Resources:
  Canary:
    Type: AWS::IAM::UserPolicy
    Properties:
      UserName: {CANARY}
      PolicyName: {CANARY}
      PolicyDocument: {{Statement: [{{Effect: Allow, Action: "iam:PassRole", Resource: "*"}}]}}
"""
OUTSIDE: Tree = {
    "main.tf": _SECRET.encode(),
    "terraform.tfvars": f'roles = "{CANARY}"\n'.encode(),
    "x.auto.tfvars": f'env = "{CANARY}"\n'.encode(),
    "secret.txt": f"{CANARY}\n".encode(),
    "secret.json": _DOCUMENT.encode(),
    "template.yaml": _TEMPLATE.encode(),
    "deep/main.tf": _SECRET.encode(),
    "deep/secret.json": _DOCUMENT.encode(),
    "pyproject.toml": f'[tool.passrole_checks]\naccount = "{CANARY}"\n'.encode(),
    ".terraform/modules/modules.json": b'{"Modules": [{"Key": "", "Source": "", "Dir": "."}]}',
}


BESIDE = ("arguments", "stdin")  # what the sample's parent folder holds of it


@dataclass(frozen=True)
class Ground:
    """The folders that samples are laid out in: each sample in a folder of its own, with ``outside`` beside them all.

    ``temporary`` and ``cache`` are for the program, ``output`` for what the command line names.
    """

    top: Path

    @property
    def outside(self) -> Path:
        return self.top / "outside"

    @property
    def temporary(self) -> Path:
        return self.top / "temporary"

    @property
    def cache(self) -> Path:
        return self.top / "cache"

    @property
    def output(self) -> Path:
        return self.top / "output"

    @contextmanager
    def sample(self, tree: Tree) -> Iterator[Path]:
        """The folder with one sample, which is removed afterwards. Its parent belongs to the sample too."""
        parent = Path(tempfile.mkdtemp(prefix="fuzz-", dir=self.top))
        try:
            write(tree, parent / "sample", self)
            yield parent / "sample"
        finally:
            _remove(parent)
            for folder in (self.temporary, self.output):
                for left in folder.iterdir():
                    _remove(left)

    def close(self) -> None:
        _remove(self.top)


def new_ground() -> Ground:
    """A new place for samples, with the files outside that no sample may reach."""
    ground = Ground(Path(tempfile.mkdtemp(prefix="fuzzing-")).resolve())
    for folder in (ground.temporary, ground.cache, ground.output):
        folder.mkdir()
    write(OUTSIDE, ground.outside, ground)
    return ground


def write(tree: Tree, folder: Path, ground: Ground | None = None) -> None:
    """Lay out a tree. An entry that the file system does not take, or whose place is taken, is left out."""
    folder.mkdir(parents=True, exist_ok=True)
    versions: dict[str, list[git_objects.Entry]] = {"base": [], "head": []}
    contents = {name: _filled(content, ground) for name, content in tree.items()}
    for name, content in contents.items():
        kind, _, rest = name[1:].partition(" ") if name.startswith("@") else ("", "", name)
        if kind in versions:
            mode, _, path = rest.partition(" ")
            versions[kind].append(git_objects.Entry(mode, os.fsencode(path), content))
            continue
        try:
            if kind in BESIDE:
                (folder.parent / kind).write_bytes(content)
            elif kind != "git":
                _put(kind, _place(folder, rest), content)
        except (OSError, ValueError):
            continue
    if versions["base"] or versions["head"]:
        with suppress(OSError):  # .git is taken
            if os.path.lexists(folder / ".git"):
                return
            git_objects.write(folder, versions["base"], versions["head"])
            for name, content in contents.items():
                if name.startswith("@git "):
                    _put("", _place(folder / ".git", name.removeprefix("@git ")), content)


def _filled(content: bytes, ground: Ground | None) -> bytes:
    if ground is None:
        return content
    content = content.replace(b"{outside}", os.fsencode(ground.outside))
    return content.replace(b"{output}", os.fsencode(ground.output))


def _place(folder: Path, name: str) -> Path:
    """Return the path of an entry. Raises an :class:`OSError` where it is not below the folder: a link of the same
    sample may lead anywhere on this machine, and what is laid out must not follow it."""
    path = folder / name
    between = [parent for parent in path.parents if parent.is_relative_to(folder)]
    if ".." in path.parts or not path.is_relative_to(folder) or any(parent.is_symlink() for parent in between):
        raise OSError(errno.EPERM, "outside of the sample", name)
    return path


def _put(kind: str, path: Path, content: bytes) -> None:
    for parent in reversed(path.parents):  # mkdir(parents=True) recurses too deeply
        if not parent.is_dir():
            parent.mkdir()
    if kind == "link":
        path.symlink_to(os.fsdecode(content))
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif not (path.is_symlink() or (path.exists() and not path.is_file())):
        path.write_bytes(content)
        if kind == "closed":
            path.chmod(0)


def _remove(path: Path) -> None:
    def again(function: object, name: str, _error: object) -> None:
        os.chmod(os.path.dirname(name), stat.S_IRWXU)
        os.unlink(name)

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, onerror=again)
    else:
        path.unlink(missing_ok=True)
