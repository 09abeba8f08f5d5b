"""Every check of passrole_checks as a rule of cfn-lint: pass this folder to ``--append-rules``.

Nothing is parsed or decided here: the engine reads the file of the template once, and each rule reports the findings of
its check. A match has the explicit location of the statement, which is exact inside an ``Fn::Sub`` string as well, and
a path below its resource, by which cfn-lint applies ``ignore_checks`` of that resource's Metadata.

The rules fail closed: what could not be analyzed is a match of every rule, and if the engine cannot be imported, rules
with the same ids report that.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from inspect import getattr_static
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from cfnlint.decode import cfn_json, cfn_yaml
from cfnlint.rules import CloudFormationLintRule, RuleMatch, errors


def _import_package() -> None:
    """Import the package that this file is in, also from a clone that is not installed, or not the one installed."""
    root = Path(__file__).resolve().parents[2]
    here = [str(root)] if (root / "passrole_checks" / "__init__.py").is_file() else []
    sys.path[:0] = here
    try:
        importlib.import_module("passrole_checks")
    finally:
        del sys.path[: len(here)]


try:
    _import_package()
    from passrole_checks.checks import ALL
    from passrole_checks.escaping.terminal import display_path
    from passrole_checks.findings import GUIDE, Severity, check_page_url
    from passrole_checks.scan.for_hosts import host_results
    from passrole_checks.scan.for_hosts.templates import TemplateRun
except Exception as error:  # a rule that cannot be imported must fail, and not be missing
    _FAULT = (
        f"not analyzed: cfn-lint's Python cannot import passrole_checks ({type(error).__name__}: {error}): install"
        f" what is missing beside cfn-lint, with {sys.executable} -I -m pip"
    )
else:
    _FAULT = ""

if TYPE_CHECKING:
    from cfnlint.template import Template

    from passrole_checks.checks.base.check import Check
    from passrole_checks.findings import Finding
    from passrole_checks.iam.values.nodes import Position
    from passrole_checks.scan.for_hosts.host_results import HostResult

IDS = (
    "E9501", "W9502", "W9503", "W9504", "W9505", "W9506", "W9507", "E9508", "E9509", "W9510", "W9511", "I9512", "E9513",
    "W9514", "W9516", "W9517",
)  # fmt: skip
"""The ids of the rules, also where nothing else can be imported. 015 has none: a template alone is no change."""

_UNAVAILABLE = "unavailable"  # a tag
_SHORTEST = 3  # characters of an id by which a template ignores these rules: `E` and `W` are for cfn-lint's own
_TEXT = "passrole_checks_text"  # of a template that comes without a file, an attribute of what cfn-lint decodes
_Found = Iterator[RuleMatch]


class _Asked(NamedTuple):
    """The engine's answers on a template, and the file that it read; ``exact``: its lines are those of the template."""

    answers: HostResult
    file: str
    exact: bool = True

    def failures(self) -> Sequence[tuple[int, str]]:
        return self.answers.template_failures(self.file)


_given: WeakKeyDictionary[Template, _Asked] = WeakKeyDictionary()
_run: tuple[Any, TemplateRun | None] = (None, None)


def _asked(template: Template) -> _Asked:
    if template not in _given:
        _given[template] = _asked_by_file(template) if template.filename else _asked_by_text(template)
    return _given[template]


def _asked_by_file(template: Template) -> _Asked:
    global _run
    config = _from_callers("config", "templates")
    known, run = _run
    if run is None or known is not config:
        run = TemplateRun((config.templates if config is not None else None) or [template.filename])
        _run = (config, run)
    return _noted(_Asked(run.findings_of(template.filename), template.filename))


def _asked_by_text(template: Template) -> _Asked:
    """Scan the text of a template that has no file: from standard input, or from cfn-lint's Python interface.

    A template that a program has built has no text, and so no comments: the template itself is written to a file.
    """
    text = getattr(_from_callers("template", _TEXT), _TEXT, None)
    exact = isinstance(text, str)
    with TemporaryDirectory() as folder:
        file = os.path.join(folder, "template.yaml" if exact else "template.json")
        content = text if isinstance(text, str) else json.dumps(template.template, default=str)
        Path(file).write_bytes(content.encode("utf-8", "surrogatepass"))
        return _noted(_Asked(host_results.scan_for_host(file), file, exact), "standard input")


def _noted(asked: _Asked, name: str = "") -> _Asked:
    """Report on standard error, once, what is not evaluated and which suppressions need attention."""
    for note in asked.answers.remarks():
        host_results.warn(note.replace(display_path(asked.file), name) if name else note)
    return asked


def _from_callers(variable: str, attribute: str) -> Any:
    """Return a local variable with ``attribute`` of the nearest caller: cfn-lint passes rules the template only."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if getattr_static(frame.f_locals.get(variable), attribute, None) is not None:  # a property is not run
            return frame.f_locals[variable]
        frame = frame.f_back
    return None


def _watch() -> None:
    """Report templates that cfn-lint cannot decode or transform, for which it runs no rule."""
    for decoder in (cfn_yaml, cfn_json):
        decoder.loads = _keeping_text(decoder.loads)

    def is_enabled(
        rule: Any, include_experimental: bool = False, ignore_rules: Any = None, *more: Any, **named: Any
    ) -> bool:
        given = _given_outside(ignore_rules)
        return bool(CloudFormationLintRule.is_enabled(rule, include_experimental, given, *more, **named))

    errors.TransformError.is_enabled = is_enabled  # imported by its name, cfn-lint would make a rule of it


def _given_outside(ignored: Sequence[str] | None) -> list[str]:
    """Return the ids that the command line and configuration files ignore: those of a template have a location in
    it."""
    return [word for word in ignored or () if not hasattr(word, "start_mark")]


def _keeping_text(decode: Callable[..., Any]) -> Callable[..., Any]:
    """Return a decoder of cfn-lint that keeps the text of the template, the only place with its comments.

    It also resets the settings of the previous template, which cfn-lint otherwise applies to errors of this one.
    """
    if hasattr(decode, _TEXT):
        return decode

    @functools.wraps(decode)
    def kept(text: Any, fname: str | None = None, *more: Any) -> Any:
        config = _from_callers("config", "set_template_args")
        if config is not None:
            config.set_template_args(None)
        template = decode(text, *([fname, *more] if fname is not None else ()))
        if fname in (None, "-") and isinstance(template, dict) and hasattr(template, "__dict__"):
            setattr(template, _TEXT, text)
        return template

    setattr(kept, _TEXT, True)
    return kept


def _matches(check: type[Check], template: Template, *, ignored: bool) -> _Found:
    asked = _asked(template)
    for line, reason in asked.failures():
        place = {"location": (line - 1, 0, line - 1, 1)} if asked.exact else {}
        yield RuleMatch(["Resources"], f"not analyzed: {reason}", **place)
    for finding in () if ignored else asked.answers.of(check.id):
        if _silenced(finding) or not _shown(finding, check):
            continue
        place = _place(finding.at, asked.file, template.filename) if asked.exact else {}
        for address in dict.fromkeys((finding.resource.address, *finding.uses)):
            name = asked.answers.local.get(address, address)
            stack = "" if name == address else f", in the stack as {address}"
            message = f"{host_results.one_line(finding)} [{finding.severity.value}{stack}]"
            yield RuleMatch(_path(name, finding, template), message, **place)


def _silenced(finding: Finding) -> bool:
    """True if a suppression of another notation applies; cfn-lint applies its own, and its --mandatory-checks."""
    return finding.suppressed is not None and finding.suppressed.origin != "cfn-lint"


def _shown(finding: Finding, check: type[Check]) -> bool:
    """True if a finding is shown. cfn-lint shows infos (``-c I95``), unless the environment sets a severity."""
    return host_results.is_shown(finding) or (
        check.severity is Severity.INFO and host_results.minimum_severity_set() is None
    )


def _path(address: str, finding: Finding, template: Template) -> list[str | int]:
    keys = finding.statement_path.split("/") if finding.statement_path else []
    section, _, name = address.partition(".")
    if section == "Outputs":
        return [section, name, *(int(key) if key.isdigit() else key for key in keys)]
    resources = template.template.get("Resources")
    inside = isinstance(resources, dict) and address in resources  # SAM's Globals are no resources
    # cfn-lint does not know the resources of nested stacks, nor those of a loop whose collection is not known
    head = ["Resources", address, "Properties"] if inside or "${" in address or "." in address else [address]
    return [*head, *(int(key) if key.isdigit() else key for key in keys)]


def _place(at: Position, file: str, filename: str | None) -> dict[str, Any]:
    """Return the zero-based location with an exclusive end, as in YAML marks; it may be in another file (an
    include)."""
    end = (at.end_line, at.end_column) if at.end_line else (at.line, at.column + 1)
    location = (at.line - 1, at.column - 1, end[0] - 1, max(end[1] - 1, 0))
    if filename is None or os.path.realpath(at.file) == os.path.realpath(file):
        return {"location": location}
    return {"location": location, "filename": display_path(at.file)}


class _Ours:
    """Mixin for our rules. It is no rule itself: cfn-lint creates an instance of each visible rule class."""

    id: str
    tags: Sequence[str]
    _template: Template | None = None
    _ignored = False

    def __init__(self) -> None:
        super().__init__()
        runner = _from_callers("self", "rules")
        loaded = getattr(runner, "rules", None) or {}
        if self.id in loaded and loaded[self.id].tags == self.tags:
            self.id = ""  # by folder and by module: the second one counts for nothing, and cfn-lint takes no rule twice

    def initialize(self, cfn: Template) -> None:
        self._template, self._ignored = cfn, False

    def is_enabled(
        self,
        include_experimental: bool = False,
        ignore_rules: Sequence[str] | None = None,
        include_rules: Sequence[str] | None = None,
        mandatory_rules: Sequence[str] | None = None,
    ) -> bool:
        """Return what cfn-lint decides, but a template cannot ignore what could not be analyzed in it."""
        given = _given_outside(ignore_rules)
        own = [word for word in ignore_rules or () if hasattr(word, "start_mark") and len(word) >= _SHORTEST]

        def enabled(ignored: list[str]) -> bool:
            chosen = (include_experimental, ignored, include_rules, mandatory_rules)
            return bool(CloudFormationLintRule.is_enabled(self, *chosen))

        if enabled([*given, *own]):
            return True
        self._ignored = enabled(given) and self._template is not None and self._not_judged(self._template)
        return self._ignored

    def _not_judged(self, template: Template) -> bool:
        return bool(_FAULT or _asked(template).failures())


def _rule(name: str, rule_id: str, **attributes: Any) -> type[CloudFormationLintRule]:
    own = {"__module__": __name__, "id": rule_id}
    return type(name, (_Ours, CloudFormationLintRule), {**own, **attributes})


def _rule_of(check: type[Check]) -> type[CloudFormationLintRule]:
    def match(rule: Any, cfn: Template) -> list[RuleMatch]:
        return list(_matches(check, cfn, ignored=rule._ignored))

    levels = {Severity.HIGH: "E95", Severity.MEDIUM: "W95", Severity.LOW: "W95", Severity.INFO: "I95"}
    return _rule(
        check.__name__,
        levels[check.severity] + check.id[-2:],
        __doc__=check.__doc__,
        shortdesc=check.title,
        description=check.documentation(),
        source_url=check_page_url(check.id) or GUIDE,
        tags=["iam", "passrole", check.id],
        match=match,
    )


def _rule_without_engine(rule_id: str) -> type[CloudFormationLintRule]:
    def match(_rule: Any, cfn: Template) -> list[RuleMatch]:
        return [RuleMatch(["Resources"], _FAULT, location=(0, 0, 0, 1))]

    words = "passrole_checks cannot be imported"
    tags = ["iam", "passrole", _UNAVAILABLE]
    return _rule(f"Unavailable{rule_id}", rule_id, shortdesc=words, description=_FAULT, tags=tags, match=match)


def _rules() -> Iterator[type[CloudFormationLintRule]]:
    _watch()
    if _FAULT:
        print(f"passrole_rules_for_cfn_lint: {_FAULT}", file=sys.stderr)
        yield from map(_rule_without_engine, IDS)
        return
    yield from (_rule_of(check) for check in ALL if not check.compares_versions)


# cfn-lint makes an instance of every class of its own that it sees in this module: hence no class statement for them.
RULES = {rule.__name__: rule for rule in _rules()}
globals().update(RULES)
