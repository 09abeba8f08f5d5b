"""Recognize the format of a file by its content."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from passrole_checks.files.json_window import decoded_pieces
from passrole_checks.files.safe_read import open_error_reason, read_from, size_of
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.sources.files.json_positions import Keys, NotJson, walk
from passrole_checks.sources.files.read_boundary import current_boundary
from passrole_checks.sources.model.configuration import Framework

NOT_INFRASTRUCTURE = "not a Terraform, CloudFormation, SAM, plan or account file"
"""The reason for a given file that is none of these."""

NOTHING_HERE = "no Terraform, plan, CloudFormation, SAM or account files found"
"""The reason for given paths without any of these."""

_READ = frozenset({".json", ".template", ".yaml", ".yml"})
_SNIFFED = frozenset({"", ".cfn", ".cform", ".cft", ".out", ".plan", ".tfplan", ".tmpl", ".tpl", ".txt"})
_NO_TEMPLATES = frozenset({
    ".7z", ".avi", ".bash", ".bat", ".bin", ".bmp", ".bz2", ".c", ".cc", ".cer", ".class", ".cmd", ".cpp", ".crt",
    ".cs", ".css", ".csv", ".db", ".dll", ".doc", ".docx", ".dylib", ".eot", ".exe", ".fs", ".gif", ".go", ".gz",
    ".h", ".hcl", ".hpp", ".htm", ".html", ".ico", ".ics", ".ini", ".ipynb", ".jar", ".java", ".jpeg", ".jpg", ".js",
    ".jsx", ".key", ".kt", ".less", ".lib", ".lock", ".log", ".m", ".map", ".md", ".mdx", ".mjs", ".mod", ".mov",
    ".mp3", ".mp4", ".o", ".odt", ".otf", ".parquet", ".pdf", ".pem", ".php", ".pl", ".png", ".ppt", ".pptx",
    ".proto", ".ps1", ".pub", ".puml", ".py", ".pyc", ".pyi", ".r", ".rb", ".rs", ".rst", ".scala", ".scss", ".sh",
    ".so", ".sql", ".sqlite", ".sum", ".svg", ".swift", ".tar", ".tf", ".tfstate", ".tfvars", ".tgz", ".tif", ".tiff",
    ".toml", ".ts", ".tsv", ".tsx", ".ttf", ".vue", ".wasm", ".wav", ".webm", ".webp", ".woff", ".woff2", ".xls",
    ".xlsx", ".xml", ".xz", ".zip", ".zst",
})  # fmt: skip
"""Extensions of files that are no templates; files with any other one may be, by their content."""
_HEAD = 1 << 16
_SNIFF = 1 << 14
_MOST_COMMENTS = 1 << 20
_COMMENTS = lazy_regex(rb"(?:\xef\xbb\xbf)?(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:#[^\n]*)?")
_POLICY_START = lazy_regex(rb'\s*\{\s*"(?:Version|Id|Statement)"')
_ANY_NAME = frozenset({Framework.CLOUDFORMATION, Framework.SAM, Framework.POLICY_DOCUMENT})
LARGEST_TEMPLATE = 20_000_000  # bytes; CloudFormation itself takes 1 MB
LARGEST_PLAN = 500_000_000

_ENCODINGS = (
    (re.compile(rb"\xff\xfe\0\0|\0\0\xfe\xff"), "UTF-32", "utf-32"),
    (re.compile(rb"\xff\xfe|\xfe\xff"), "UTF-16", "utf-16"),
    # without a byte order mark: a template or a plan begins with two ASCII characters
    (re.compile(rb"[^\0]\0\0\0[^\0]\0\0\0"), "UTF-32", "utf-32-le"),
    (re.compile(rb"\0\0\0[^\0]\0\0\0[^\0]"), "UTF-32", "utf-32-be"),
    (re.compile(rb"[^\0]\0[^\0]\0"), "UTF-16", "utf-16-le"),
    (re.compile(rb"\0[^\0]\0[^\0]"), "UTF-16", "utf-16-be"),
)
_CLUES = (
    b"Resources", b"AWSTemplateFormatVersion", b"AWS::Serverless", b'"format_version"', b'"resource_changes"',
    b'"planned_values"', b'"terraform_version"', b"esourceChange", b"hangeSetName", b"hangeSetId",
    b"iamRoleStatements", b"statements", b'"Statement"', b"DetailList",
)  # fmt: skip
_SERVICE = lazy_regex(rb"""["'{,\s]provider["']?[ \t]*:""")
_ESCAPED = lazy_regex(rb"\\(?:u00[2-7]|x[2-7]|U000000[2-7]|\r?\n)")  # an escaped letter
_PLAN_START = lazy_regex(r'\s*\{\s*"format_version"\s*:\s*"[\d.]+"\s*,\s*"(?:terraform_version|planned_values)"')
_PLAN_LATER = lazy_regex(r'^\{\s*"format_version"\s*:\s*"[\d.]+"\s*,\s*"terraform_version"', re.MULTILINE)
_PLAN_PARTS = frozenset({"planned_values", "resource_changes"})
# HCP Terraform redacts a plan into one with its version elsewhere (hashicorp/terraform, internal/command/jsonformat)
_PLAN_MARKS = frozenset({"format_version", "terraform_version", "configuration", "plan_format_version"})
_TEMPLATE_PARTS = frozenset({"AWSTemplateFormatVersion", "Resources", "Transform"})
_PLAN_KEYS = ('"format_version"', '"resource_changes"', '"planned_values"', '"terraform_version"')
# one message a line, each with these keys (Terraform documentation, "Machine-readable UI Output Reference")
_LOG = lazy_regex(r'\{[^\n]*"@module"\s*:\s*"(?:terraform|tofu)\.ui"')
_TEXT = lazy_regex(r"^(?:\x1b\[[\d;]*m)*(?:Terraform|OpenTofu) will perform the following actions:", re.MULTILINE)
_ENCRYPTED = lazy_regex(r'\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)?"encrypted_data"\s*:\s*"')
# the blocks of the Terraform language (Terraform documentation, "Configuration Language"), in its syntax and as JSON
_TERRAFORM_LABELS = {
    "resource": 2, "data": 2, "ephemeral": 2, "module": 1, "variable": 1, "output": 1, "provider": 1, "check": 1,
    "locals": 0, "terraform": 0, "moved": 0, "import": 0, "removed": 0,
}  # fmt: skip
_TERRAFORM_BLOCK = lazy_regex(
    "|".join(rf"^{word}(?:[ \t]+[\w\"-]+){{{count}}}[ \t]*\{{" for word, count in _TERRAFORM_LABELS.items()),
    re.MULTILINE,
)


@dataclass(frozen=True)
class Recognized:
    """The framework of a file, or the reason why it cannot be read; neither if the file is not infrastructure code.

    ``lenient``: only its content suggests that it is a template, so that errors in it are no errors of the scan.
    ``note``: why a file that is none by itself may be part of infrastructure code.
    """

    framework: Framework | None = None
    unreadable: str | None = None
    line: int | None = None
    lenient: bool = False
    note: str = ""

    @property
    def is_infrastructure(self) -> bool:
        """True if the file is infrastructure code, readable or not."""
        return self.framework is not None or self.unreadable is not None


_NOTHING = Recognized()
_OTHER_OUTPUT = Recognized(
    unreadable="output of another command; for account details run `aws iam get-account-authorization-details`"
)
_IAM_OUTPUT = lazy_regex(
    rb'\s*\{\s*"(?:(?:Role|User|Group|InstanceProfile)s?|Polic(?:y|ies|yNames|yVersion)|AttachedPolicies|SummaryMap)"\s*:'
)
_RESOURCE = lazy_regex(
    rb"""^[A-Za-z0-9]+:[ \t]*(?:\#[^\n]*)?\r?\n(?:[ \t]*\#[^\n]*\n)*[ \t]+["']?Type["']?:[ \t]*["']?AWS::IAM::\w""",
    re.MULTILINE,
)
# a task that deploys stacks with parameters (org-formation/org-formation-cli, docs/task-files.md)
_TASK = lazy_regex(
    rb"""^[A-Za-z0-9]+:[ \t]*(?:\#[^\n]*)?\r?\n(?:[ \t]*\#[^\n]*\n)*[ \t]+Type:[ \t]*["']?update-stacks\b""",
    re.MULTILINE,
)
_POLICY_WORDS = (b"Statement", b":policy/")
_TASKS = Recognized(note="IAM policies in the parameters of OrgFormation tasks")
_PART = Recognized(note="CloudFormation resources without `Resources:`, as in a part that another tool joins")
_COMPLETED = Recognized(Framework.CLOUDFORMATION, lenient=True)


def has_scanned_extension(path: Path) -> bool:
    """True for the extensions of files that are read for their name alone, or searched for infrastructure code."""
    return path.suffix.lower() in _READ | (_SNIFFED - {""}) | {".hcl", ".tf", ".tofu", ".tfvars"}


def is_candidate(path: Path) -> bool:
    """True if a file found on a walk may be infrastructure code, by its extension. Never for ``.git``."""
    return is_candidate_name(path.name)


def is_candidate_name(name: str) -> bool:
    """True if a file of this name may be infrastructure code, see :func:`is_candidate`."""
    dot = name.rfind(".")
    suffix = name[dot:].lower() if 0 < dot < len(name) - 1 else ""  # as ``Path.suffix``
    return suffix not in _NO_TEMPLATES and name != ".git"


def recognize(path: Path, *, named: bool = False, contents: list[bytes] | None = None) -> Recognized:
    """Recognize the file at a path.

    ``named``: it was given by name and is read whatever its extension. ``contents``: gets the content if all of it
    was read.
    """
    suffix = path.suffix.lower()
    try:
        with current_boundary().open(path) as stream:
            size = size_of(stream)
            head = read_from(stream, _SNIFF)
            if head.startswith(b"PK\x03\x04") and b"tfplan" in head:
                return Recognized(unreadable=f"binary plan: run `terraform show -json {shlex.quote(path.name)}`")
            if suffix not in _READ and not named:
                if len(head) == _SNIFF and _COMMENTS.fullmatch(head):
                    head += read_from(stream, _MOST_COMMENTS)
                is_known = suffix in _SNIFFED
                if not (_may_start_infrastructure(head) if is_known else _may_be_template_of_any_name(head)):
                    return _NOTHING
                if not is_known:
                    return _recognize_template(head + read_from(stream, LARGEST_TEMPLATE))
            head += read_from(stream, max(_HEAD - len(head), 0))
            if size > LARGEST_TEMPLATE:
                if (account := _recognize_large_account(head, stream, size)) is not None:
                    return account
                read_all = head.lstrip().startswith(b"{") and size <= LARGEST_PLAN
                return _recognize_large(head + read_from(stream, size) if read_all else head, size)
            content = head + read_from(stream, size)
            if contents is not None:
                contents.append(content)
            found = recognize_bytes(content, named=named, name=path.name)
            return _OTHER_OUTPUT if named and found == _NOTHING and _is_other_iam_output(head) else found
    except (OSError, ValueError) as error:
        # nothing suggests that a file without an extension is infrastructure code
        if (suffix == "" or suffix not in _READ | _SNIFFED) and not named:
            return _NOTHING
        return Recognized(unreadable=open_error_reason(path, error))


def recognize_bytes(data: bytes, *, named: bool = False, name: str = "FILE") -> Recognized:
    """Recognize the content of a file. ``name``: its name, for the messages."""
    name_and_codec = _encoding(data)
    if name_and_codec is not None:
        encoding, codec = name_and_codec
        recognized = recognize_text(data.decode(codec, "replace"))
        return (
            Recognized(unreadable=f"not UTF-8 text ({encoding})", line=1) if recognized.is_infrastructure else _NOTHING
        )
    if named or b"@module" in data[:_HEAD]:
        other = _other_output_reason(data[:_HEAD].decode("utf-8", "replace"), name if named else "FILE", named=named)
        if other is not None:
            return Recognized(unreadable=other)
    part = _part(data)
    if not _contains_clue(data):
        return part
    try:
        recognized = recognize_text(data.decode("utf-8-sig"))
        return recognized if recognized.is_infrastructure or recognized.note else part
    except UnicodeDecodeError as error:
        recognized = recognize_text(data.decode("utf-8", "replace"))
        line = data.count(b"\n", 0, error.start) + 1
        return Recognized(unreadable="not UTF-8 text", line=line) if recognized.is_infrastructure else _NOTHING


def _part(data: bytes) -> Recognized:
    """Return the note on a file with policies that another tool deploys; nothing for other files."""
    if b"AWS::IAM::" in data and _RESOURCE.search(data) is not None:
        return _PART
    if b"update-stacks" in data and any(word in data for word in _POLICY_WORDS) and _TASK.search(data) is not None:
        return _TASKS
    return _NOTHING


def _other_output_reason(head: str, name: str, *, named: bool) -> str | None:
    """Return why a file that another Terraform or OpenTofu command wrote cannot be used; None for other files."""
    head = head.removeprefix("\ufeff")
    if _LOG.match(head):
        return "log of `terraform plan -json`: save the plan with `-out=FILE` and run `terraform show -json FILE`"
    if not named:
        return None
    if _TEXT.search(head):
        return "plan as text: run `terraform show -json` on the plan file"
    if _ENCRYPTED.match(head):
        return f"encrypted plan or state: run `tofu show -json {shlex.quote(name)}`"
    return None


def _is_other_iam_output(head: bytes) -> bool:
    """True for the output of a command such as ``aws iam list-roles``."""
    return _IAM_OUTPUT.match(head) is not None and (b":iam::" in head or b'"SummaryMap"' in head)


def _encoding(data: bytes) -> tuple[str, str] | None:
    """Return the name of an encoding other than UTF-8 and its Python codec; None for UTF-8."""
    return next(((name, codec) for beginning, name, codec in _ENCODINGS if beginning.match(data)), None)


def _contains_clue(data: bytes) -> bool:
    """True if the data contains, plain or escaped, a word that every plan and every template contains."""
    if any(clue in data for clue in _CLUES) or (b"service" in data and _SERVICE.search(data)):
        return True
    if not _ESCAPED.search(data):
        return False
    from passrole_checks.sources.cloudformation.recognize import unescape

    bare = unescape(data.decode("utf-8", "replace")).encode("utf-8", "replace")
    return any(clue in bare for clue in _CLUES)


def recognize_text(content: str) -> Recognized:
    """Recognize a text: a plan, a template, or neither."""
    from passrole_checks.sources.policy_document import looks_like_policy_document

    content = content.removeprefix("\ufeff")
    if looks_like_policy_document(content):  # by its first key it is nothing else
        return Recognized(Framework.POLICY_DOCUMENT)
    if any(key in content for key in _PLAN_KEYS):
        if is_plan(content):
            return Recognized(Framework.TERRAFORM_PLAN)
        later = _PLAN_LATER.search(content)
        if later is not None and not content.lstrip().startswith("{"):
            line = content.count("\n", 0, later.start()) + 1
            return Recognized(unreadable="text before the JSON of the plan", line=line)
    if _is_account(content):
        return Recognized(Framework.ACCOUNT)
    from passrole_checks.sources import change_set  # slow to import, as is the next
    from passrole_checks.sources.cloudformation import looks_like_service, looks_like_template
    from passrole_checks.sources.cloudformation.recognize import looks_like_part

    if change_set.is_change_set(content):
        return Recognized(Framework.CLOUDFORMATION)
    if _may_be_template(content) and looks_like_template(content):
        return Recognized(Framework.SAM if "AWS::Serverless-" in content else Framework.CLOUDFORMATION)
    if looks_like_service(content):
        return Recognized(Framework.CLOUDFORMATION)
    if "Properties" in content and "Statement" in content and looks_like_part(content):
        return _COMPLETED
    return _NOTHING


def _is_account(content: str) -> bool:
    if "DetailList" not in content:
        return False
    from passrole_checks.sources.account import is_account_file

    return is_account_file(content)


def terraform_suffix(content: str) -> str | None:
    """Return the file name extension of Terraform code, ``.tf`` or ``.tf.json``; None for any other text."""
    if _TERRAFORM_BLOCK.search(content):
        return ".tf"
    if not content[:_SNIFF].lstrip().startswith("{"):
        return None
    try:
        keys = {path[0] for path, _ in walk(content, _top_level)}
    except NotJson:
        return None
    return ".tf.json" if keys and keys <= {*_TERRAFORM_LABELS, "//"} else None


def is_plan(content: str) -> bool:
    """True if a text is a plan or a state in JSON, also if it is truncated or malformed further on.

    Accepted: the output of ``terraform show -json`` for a plan (with the keys ``planned_values`` or
    ``resource_changes``) and for a state (``values`` with a ``root_module``, or only versions if the state is empty),
    and a stored state (``version`` and ``terraform_version`` beside ``resources`` or ``lineage``).
    """
    if _PLAN_START.match(content):
        return True
    if not content[:_SNIFF].lstrip().startswith("{"):
        return False
    keys: dict[str | int, object] = {}
    try:
        for path, member in walk(content, lambda path: len(path) <= 2):
            if path == ("values", "root_module"):
                keys["values/root_module"] = None
            elif len(path) == 1:
                keys[member.key] = member.value
            if _has_plan_keys(keys):
                return True
    except NotJson:
        return False
    return "format_version" in keys and keys.keys() <= {"format_version", "terraform_version", "checks"}


def _has_plan_keys(keys: dict[str | int, object]) -> bool:
    """True if the keys seen so far are those of a plan or a state."""
    if keys.keys() & _PLAN_PARTS and keys.keys() & _PLAN_MARKS:
        return True
    if "format_version" in keys:
        return "values/root_module" in keys
    version = keys.get("version")
    stored = isinstance(version, int) and isinstance(keys.get("terraform_version"), str)
    return stored and bool(keys.keys() & {"resources", "modules", "lineage"})


def _top_level(path: Keys) -> bool:
    return len(path) == 1


def _may_be_template(content: str) -> bool:
    """True if the text may be a template: for complete JSON, decided quickly by its top-level keys."""
    if not content[:_SNIFF].lstrip().startswith("{"):
        return True
    try:
        return any(len(path) == 1 and path[0] in _TEMPLATE_PARTS for path, _ in walk(content, _top_level))
    except NotJson:
        return True


def _may_start_infrastructure(head: bytes) -> bool:
    """True if the first bytes of a file not named like JSON or YAML may begin a plan or a template."""
    name_and_codec = _encoding(head)
    if name_and_codec is not None:
        head = head.decode(name_and_codec[1], "replace").encode("utf-8", "replace")
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") or b"AWS::" in head or _contains_clue(head)


def _may_be_template_of_any_name(head: bytes) -> bool:
    """True if the first bytes of a file with an unknown extension may begin a template or a policy document."""
    if b"\0" in head:
        return False
    has_words = b"AWSTemplateFormatVersion" in head or (b"Resources" in head and b"::" in head)
    return has_words or _POLICY_START.match(head) is not None


def _recognize_template(data: bytes) -> Recognized:
    """Recognize a template or policy document with an unknown extension; errors in it are found by its reader."""
    recognized = recognize_bytes(data)
    return replace(recognized, lenient=True) if recognized.framework in _ANY_NAME else _NOTHING


def _recognize_large_account(head: bytes, stream: BinaryIO, size: int) -> Recognized | None:
    """Recognize a large account file, of which no more is read than necessary; None for any other file."""
    from passrole_checks.sources.account import is_account, may_be_account_file

    if not may_be_account_file(head.decode("utf-8-sig", "replace")):
        return None
    pieces = decoded_pieces(partial(read_from, stream), "replace")
    if not is_account(chain([head.decode("utf-8-sig", "replace")], pieces), completely=False):
        stream.seek(len(head))
        return None
    is_too_large = size > LARGEST_PLAN
    return Recognized(
        None if is_too_large else Framework.ACCOUNT,
        f"larger than {LARGEST_PLAN // 1_000_000} MB" if is_too_large else None,
    )


def _recognize_large(data: bytes, size: int) -> Recognized:
    """Recognize a file that is too large for a template. ``data`` is its beginning, or all of it."""
    content = data.decode("utf-8-sig", "replace")
    if any(key in content for key in _PLAN_KEYS) and is_plan(content):
        if size <= LARGEST_PLAN:
            return recognize_bytes(data)
        return Recognized(unreadable=f"larger than {LARGEST_PLAN // 1_000_000} MB")
    if recognize_bytes(data[:_HEAD]).is_infrastructure or _is_account(content):
        return Recognized(unreadable=f"larger than {LARGEST_TEMPLATE // 1_000_000} MB")
    return _NOTHING
