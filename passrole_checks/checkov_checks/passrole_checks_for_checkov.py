"""Every check of passrole_checks as a check of checkov, for Terraform, Terraform plans and CloudFormation.

Nothing is parsed or decided here: a check locates the resource that checkov shows, asks the engine about the file or
module, and reports the findings. Findings on resources that checkov does not show (in modules that it does not load)
fail the ``module`` block, or else the data source with their statement; those blocks have no record otherwise.

checkov passes whatever leaves no failed record, so this adapter fails closed: if the package, a parser or a file is
missing or unreadable, every check fails with that reason and severity HIGH. A check that an unresolved value could
decide has no record (UNKNOWN), beside the failed one of PASSROLE_014.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from traceback import walk_stack
from typing import TYPE_CHECKING, Any, NamedTuple

from checkov.cloudformation.checks.resource.base_resource_check import BaseResourceCheck as CloudFormationCheck
from checkov.cloudformation.checks.resource.registry import cfn_registry
from checkov.cloudformation.runner import Runner as TemplateRunner
from checkov.common.bridgecrew.severities import Severities
from checkov.common.checks.base_check import BaseCheck
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.common.runners.base_runner import filter_ignored_paths
from checkov.runner_filter import RunnerFilter
from checkov.terraform.checks.data.base_check import BaseDataCheck as DataCheck
from checkov.terraform.checks.data.registry import data_registry
from checkov.terraform.checks.module.base_module_check import BaseModuleCheck as ModuleCheck
from checkov.terraform.checks.module.registry import module_registry
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck as TerraformCheck
from checkov.terraform.checks.resource.registry import resource_registry

if TYPE_CHECKING:
    from passrole_checks.findings import Finding


def _import_package() -> None:
    """Import the package that contains this file, also from a clone that is not installed."""
    root = Path(__file__).resolve().parents[2]
    path = list(sys.path)
    if (root / "passrole_checks" / "scan" / "for_hosts" / "host_results.py").is_file():
        sys.path.insert(0, str(root))
    try:
        import passrole_checks.scan.for_hosts.host_results  # noqa: F401
    finally:
        sys.path[:] = path  # a package finds its own modules, and nothing else of a clone should be found


unavailable = ""  # why nothing can be judged at all
try:
    _import_package()
    from passrole_checks.checks import ALL
    from passrole_checks.findings import Severity, check_page_url
    from passrole_checks.scan.for_hosts import host_results
    from passrole_checks.scan.for_hosts.checkov_blocks import (
        ResourceResults,
        Unshown,
        callers_of,
        file_of_callers,
        index_of,
        lines_of,
        local_of_callers,
        registered,
        results_without_modules,
        template_results,
        unshown_parts,
    )
    from passrole_checks.scan.for_hosts.fail_closed import HostBlock
except Exception as error:  # checkov drops a file that fails to load, and passes
    unavailable = " ".join(f"passrole_checks cannot be imported ({type(error).__name__}: {error})".split())

# What is registered if the package cannot be imported: the numbers of the checks by severity, and their blocks.
_NUMBERS = {"HIGH": (1, 8, 9, 13, 15), "MEDIUM": (2, 3, 4, 10, 11, 16), "LOW": (5, 6, 7, 14, 17), "INFO": (12,)}
_TITLE = "Ensure that passrole_checks can be imported"
_PATTERNS = {
    "terraform": (
        "aws_cloudformation_stack*", "aws_iam_*", "aws_quicksight_iam_*", "aws_sso*", "awscc_cloudformation_stack*",
        "awscc_iam_*", "awscc_sso_*",
    ),
    "cloudformation": ("AWS::CloudFormation::*", "AWS::IAM::*", "AWS::SSO::*", "AWS::Serverless::*", "Custom::*"),
}  # fmt: skip
_DATA = ("aws_iam_policy_document", "external", "local_command")
_GUIDE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html"


class _Answer(NamedTuple):
    """The findings of a check for a block with their addresses, or why there is no verdict.

    ``failures``: why the block could not be analyzed. ``undecided``: an unresolved value could make the check flag it.
    """

    findings: Sequence[tuple[str, Finding]] = ()
    failures: Sequence[str] = ()
    undecided: bool = False


def _fault(error: Exception) -> str:
    return " ".join(f"passrole_checks failed: internal error: {type(error).__name__}: {error}".split())


def _safely(ask: Callable[[Mapping[str, Any]], _Answer | None], conf: Mapping[str, Any]) -> _Answer | None:
    """Return an answer about a block, or why there is none: checkov drops a check that raises, and passes."""
    if unavailable:
        return _Answer(failures=(unavailable,))
    try:
        return ask(conf)
    except Exception as error:
        return _Answer(failures=(_fault(error),))


class _Asking(BaseCheck):
    """Base class of all checks: report findings. Subclasses implement ``answer``."""

    silenced: str | None = None
    is_judged = True
    own_severity: Any = None
    worst: Any = None  # the severity of what the last record says

    @property
    def severity(self) -> Any:
        """The severity of the check for ``--check`` and ``--skip-check``, and of its findings for the record."""
        filtering = isinstance(sys._getframe(1).f_locals.get("self"), RunnerFilter)
        return self.own_severity if filtering or self.worst is None else self.worst

    @severity.setter
    def severity(self, level: Any) -> None:
        """The severity of the check for ``--check`` and ``--skip-check``, and of its findings for the record."""
        self.own_severity = level

    def answer(self, conf: Mapping[str, Any]) -> _Answer | None:
        """Return the answer about the block that checkov shows; None for no record at all."""
        raise NotImplementedError

    def safe_answer(self, conf: Mapping[str, Any]) -> _Answer | None:
        """Return the answer, or why there is none."""
        return _safely(self.answer, conf)

    def run(
        self, scanned_file: str, entity_configuration: Any, entity_name: str, entity_type: str, skip_info: Any
    ) -> Any:
        self.silenced, self.worst, self.is_judged = None, None, True
        result = super().run(scanned_file, entity_configuration, entity_name, entity_type, skip_info)
        if skip_info:  # asked all the same: the report says what is skipped, and what could not be judged is not
            self.entity_path = f"{scanned_file}:{entity_type}:{entity_name}"
            self.scan_entity_conf(entity_configuration, entity_type)
            if not self.is_judged:
                result = {"result": CheckResult.FAILED, "evaluated_keys": []}
        elif self.silenced is not None:
            result["result"], result["suppress_comment"] = CheckResult.SKIPPED, self.silenced
        # The CloudFormation runner drops a check's details; what is in the result reaches the JSON report.
        result["details"] = list(self.details)
        return result

    def scan_entity_conf(self, conf: dict[str, Any], entity_type: str) -> CheckResult:
        # In place of checkov's own, which answers UNKNOWN for `count = 0` and rewrites dynamic blocks for other checks.
        self.entity_type = entity_type
        return self.scan_resource_conf(conf)

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        answer = self.safe_answer(conf)
        if answer is None:
            return CheckResult.UNKNOWN
        try:
            return self.verdict(answer, conf)
        except Exception as error:
            return self.fail_closed((_fault(error),))

    def verdict(self, answer: _Answer, conf: Mapping[str, Any]) -> CheckResult:
        """Return the result of a check, and set its details, its severity, and the reason of a suppression."""
        findings = [(address, finding) for address, finding in answer.findings if host_results.is_shown(finding)]
        unsilenced = [(address, finding) for address, finding in findings if finding.suppressed is None]
        told = unsilenced or findings
        self._tell(told, self.named(conf))
        if answer.failures:
            return self.fail_closed(answer.failures)
        if told:
            worst = max((finding.severity for _, finding in told), key=lambda severity: severity.rank)
            self.worst = Severities[worst.value.upper()]
            if not unsilenced:
                reasons = dict.fromkeys(finding.suppressed.reason for _, finding in told if finding.suppressed)
                self.silenced = "; ".join(filter(None, reasons)) or "No comment provided"
            return CheckResult.FAILED
        return CheckResult.UNKNOWN if answer.undecided else CheckResult.PASSED

    def fail_closed(self, reasons: Sequence[str]) -> CheckResult:
        """Fail because there is no verdict, with the highest severity, which no option for a single check softens."""
        self.details.extend(reasons)
        self.worst, self.silenced, self.is_judged = Severities["HIGH"], None, False
        return CheckResult.FAILED

    def named(self, conf: Mapping[str, Any]) -> str | None:
        """Return the address that the report shows for this resource, None if it shows something else."""
        return None

    def _tell(self, findings: Sequence[tuple[str, Finding]], shown: str | None) -> None:
        """Print each finding and its location once, with its addresses if checkov shows another one."""
        self.evaluated_keys = list(dict.fromkeys(finding.statement_path for _, finding in findings))
        for address, finding in findings:
            where = (
                host_results.location(finding) if address == shown else f"{host_results.location(finding)}, {address}"
            )
            self.details.append(f"{finding.severity.value}: {host_results.one_line(finding)} ({where})")


class _OnResource(_Asking):
    """Base class of checks of resources. Subclasses implement ``locate``."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[ResourceResults, str] | None:
        """Return the results for the resource that checkov shows, and its address; None if it hides them."""
        raise NotImplementedError

    def answer(self, conf: Mapping[str, Any]) -> _Answer:
        located = self.locate(conf)
        if located is None:
            return _Answer(failures=("checkov does not say in which file this resource stands",))
        (answers, failures), address = located
        findings = (*answers.findings_of(self.id, address), *answers.inside(self.id, address))
        return _Answer(findings, failures, answers.is_undecided(self.id, address))


class _OnTerraform(_OnResource, TerraformCheck):
    """Resources of Terraform configurations and plans."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[ResourceResults, str] | None:
        # The runner terraform_json knows no addresses, and no modules.
        address = conf.get("__address__") or ".".join(self.entity_path.rsplit(":", 2)[1:])
        index = index_of(self.graph)
        known = index.places.get(id(conf))
        if known is not None:
            return known, address
        plan = conf.get("__file__")  # put there by the plan's parser, wrapped like every value
        key = plan[0] if isinstance(plan, list) and plan else file_of_callers(conf)
        file = getattr(key, "file_path", key)
        if not isinstance(file, str):
            return None
        callers = callers_of(getattr(key, "tf_source_modules", None))
        answers = index.scan([file, *callers])
        return results_without_modules(
            answers, HostBlock(address, address, file, lines_of(conf), tuple(callers))
        ), address

    def named(self, conf: Mapping[str, Any]) -> str | None:
        address = conf.get("__address__")
        return address if isinstance(address, str) else None


class _OnBlock(_Asking):
    """Blocks without policies of their own, for findings and problems without a shown resource."""

    def answer(self, conf: Mapping[str, Any]) -> _Answer | None:
        carried = self.carried(conf)
        known = [one for one in carried.findings if one[1].check_id == self.id]
        return _Answer(known, carried.failures) if known or carried.failures else None

    def carried(self, conf: Mapping[str, Any]) -> _Answer:
        """Return the findings of all checks that this block must report, and what else could not be analyzed."""
        index = index_of(self.graph)
        return _Answer(index.elsewhere.get(id(conf), ()), index.failures.get(id(conf), ()))

    def reporting(self, scanning: Mapping[str, Any]) -> frozenset[str] | None:
        """Return the ids of the checks that have something to report about a block; None for all of them.

        ``scanning``: the local variables of checkov's registry while it goes through the checks for the block, with
        those of ``_OF_BLOCK``.
        """
        self.graph, self.entity_type = scanning["self"].graph, scanning["entity_type"]
        self.entity_path = f"{scanning['scanned_file']}:{self.entity_type}:{scanning['entity_name']}"
        carried = _safely(self.carried, scanning["entity_configuration"])
        if carried is None or carried.failures:
            return None
        return frozenset(finding.check_id for _, finding in carried.findings)


_OF_BLOCK = {"self", "scanned_file", "entity_type", "entity_name", "entity_configuration"}


class _OnlyReporting(list[BaseCheck]):
    """The checks of one pattern in a registry of checkov, without those that have nothing to report about a block.

    checkov filters and logs each check for each block, which takes longer than the analysis.
    """

    def __iter__(self) -> Iterator[BaseCheck]:
        ours = next((check for check in super().__iter__() if isinstance(check, _OnBlock)), None)
        frames = (frame.f_locals for frame, _ in islice(walk_stack(sys._getframe(1)), 3))
        scanning = next((known for known in frames if known.keys() >= _OF_BLOCK), None)
        if ours is None or scanning is None or (ids := ours.reporting(scanning)) is None:
            return super().__iter__()
        return (check for check in super().__iter__() if check.id in ids or not isinstance(check, _OnBlock))

    def copy(self) -> list[BaseCheck]:
        return [*self]


class _OnModule(_OnBlock, ModuleCheck):
    """``module`` blocks."""

    def scan_module_conf(self, conf: dict[str, Any]) -> CheckResult:
        return self.scan_resource_conf(conf)

    def carried(self, conf: Mapping[str, Any]) -> _Answer:
        file = file_of_callers(conf)
        if not (isinstance(file, str) and file.endswith(".json")):
            return super().carried(conf)
        # The runner terraform_json loads no modules.
        module = "module." + self.entity_path.rsplit(":", 1)[-1]
        answers = index_of(self.graph).scan([file])
        place = results_without_modules(answers, HostBlock(module, module, file, lines_of(conf), is_resource=False))
        elsewhere = answers.elsewhere((), [module])
        return _Answer([(address, finding) for around, address, finding in elsewhere if around], place.failures)


class _OnData(_OnBlock, DataCheck):
    """Data sources with policy documents, and those that run commands, for the notes on these."""

    def scan_data_conf(self, conf: dict[str, Any]) -> CheckResult:
        return self.scan_resource_conf(conf)


class _OnOtherResource(_OnBlock, TerraformCheck):
    """Resources of types that attach no policies themselves, for the policies that leave the configuration there."""

    def carried(self, conf: Mapping[str, Any]) -> _Answer:
        if self.entity_type in host_results.TERRAFORM_TYPES:
            return _Answer()
        index = index_of(self.graph)
        plan = conf.get("__file__")
        key = plan[0] if isinstance(plan, list) and plan else file_of_callers(conf)
        file = getattr(key, "file_path", key)
        if id(conf) in index.elsewhere or not isinstance(file, str) or file.endswith(".tf"):
            return _Answer(index.elsewhere.get(id(conf), ()))
        address = conf.get("__address__") or ".".join(self.entity_path.rsplit(":", 2)[1:])
        return _Answer(index.scan([file]).handed_out(address))


class _OnOtherTemplateResource(_OnBlock, CloudFormationCheck):
    """Resources of templates of types that attach no policies themselves."""

    def carried(self, conf: Mapping[str, Any]) -> _Answer:
        properties = conf.get("Properties")
        file = properties.get("__file__") if isinstance(properties, dict) else None
        if host_results.attaches_policies(self.entity_type) or not isinstance(file, str):
            return _Answer()
        return _Answer(template_results(conf, file).handed_out(self.entity_path.rsplit(":", 1)[-1]))  # the logical id


class _OnCloudFormation(_OnResource, CloudFormationCheck):
    """CloudFormation and SAM templates."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[ResourceResults, str] | None:
        properties = conf.get("Properties")
        file = properties.get("__file__") if isinstance(properties, dict) else None
        file = file or local_of_callers("file_abs_path")
        if not isinstance(file, str):
            return None
        address = self.named(conf)
        return results_without_modules(
            template_results(conf, file), HostBlock(address, address, file, lines_of(properties))
        ), address

    def named(self, conf: Mapping[str, Any]) -> str:
        return self.entity_path.rsplit(":", 1)[-1]  # the logical id


class _OnUnshownPart(_OnBlock, CloudFormationCheck):
    """Resources that stand in for what checkov does not show of a template, see ``_watch_templates``."""

    def carried(self, conf: Mapping[str, Any]) -> _Answer:
        part: Unshown = _unshown[id(conf)]
        return _Answer(part.findings, part.failures)


_UNSHOWN_TYPE, _UNSHOWN_NAME = "Template", "NotShownByCheckov"
_unshown: dict[int, Any] = {}  # the part of a template for each of these resources, by identity


def _watch_templates() -> None:
    """Let checkov's runner show a resource for each template of which it shows not everything.

    It drops a template that it cannot parse, such as one with an empty resource, and passes.
    """
    checking = getattr(TemplateRunner, "check_definitions", None)
    if checking is None:
        host_results.warn("this version of checkov reports nothing about templates that it cannot parse")
        return

    @functools.wraps(checking)
    def check_definitions(self: Any, root_folder: str | None, *more: Any, **named: Any) -> Any:
        with _standing_in(self, root_folder):
            return checking(self, root_folder, *more, **named)

    if not hasattr(checking, "__wrapped__"):  # in a process for several runners this file is loaded several times
        TemplateRunner.check_definitions = check_definitions


@contextmanager
def _standing_in(runner: Any, root_folder: str | None) -> Iterator[None]:
    """Add resources for what a runner of templates does not show, while it goes through its resources."""
    names = (file for file in _given_files(root_folder) if os.path.splitext(file)[1] in runner.file_extensions)
    files = list({os.path.abspath(file): file for file in names}.values())
    try:
        parts = unshown_parts(runner.definitions, runner.context, files, root_folder)
    except Exception as error:
        parts = {file: Unshown(failures=(_fault(error),)) for file in files}
    for file, part in parts.items():
        code = part.code_lines(file)
        resource = {"Type": _UNSHOWN_TYPE, "Properties": {"__file__": file}}
        _unshown[id(resource)] = part
        runner.definitions.setdefault(file, {}).setdefault("Resources", {})[_UNSHOWN_NAME] = resource
        runner.context.setdefault(file, {}).setdefault("Resources", {})[_UNSHOWN_NAME] = {
            "start_line": code[0][0],
            "end_line": code[-1][0],
            "code_lines": code,
        }
    try:
        yield
    finally:
        for file in parts:
            del runner.definitions[file]["Resources"][_UNSHOWN_NAME]


def _given_files(root_folder: str | None) -> Iterator[str]:
    """Yield the files that a runner of checkov was given, and then those that it finds in a folder, by its names."""
    chosen = local_of_callers("runner_filter")
    yield from local_of_callers("files") or ()
    for folder, folders, files in os.walk(root_folder) if root_folder else ():
        for names in (folders, files):
            filter_ignored_paths(folder, names, chosen.excluded_paths)
        yield from (os.path.join(folder, file) for file in files)


def _leave_out_silent_checks() -> None:
    """Let checkov ask the checks of blocks only where they have something to report."""
    for patterns in (
        *((data_registry.checks, kind) for kind in _DATA),
        (module_registry.checks, "module"),
        (resource_registry.wildcard_checks, "*"),
        (cfn_registry.wildcard_checks, "*"),
    ):
        by_pattern, pattern = patterns
        by_pattern[pattern] = _OnlyReporting(by_pattern[pattern])


def _register(check_id: str, severity: str, title: str) -> None:
    common = (title, check_id, [CheckCategories.IAM])
    guide = _GUIDE if unavailable else check_page_url(check_id) or _GUIDE
    of_terraform: Sequence[str] = _PATTERNS["terraform"]
    of_templates: Sequence[str] = _PATTERNS["cloudformation"]
    if not unavailable:
        of_terraform = host_results.TERRAFORM_TYPES
        of_templates = host_results.TEMPLATE_TYPES
    for instance in (
        _OnTerraform(*common, of_terraform, guideline=guide),
        _OnModule(*common, guideline=guide),
        _OnData(*common, _DATA, guideline=guide),
        _OnCloudFormation(*common, of_templates, guideline=guide),
        _OnOtherResource(*common, ("*",), guideline=guide),
        _OnOtherTemplateResource(*common, ("*",), guideline=guide),
        _OnUnshownPart(*common, (_UNSHOWN_TYPE,), guideline=guide),
    ):
        instance.severity = Severities[severity]
        if not unavailable and not isinstance(instance, (_OnOtherResource, _OnOtherTemplateResource, _OnUnshownPart)):
            registered[check_id] = instance


def _complain_of_installation(reason: str) -> None:
    """Print one line, in the first of the processes in which checkov's runners load this file."""
    known = {"runner": None, "valid_runners": None}
    for frame, _ in walk_stack(None):
        known = {name: value or frame.f_locals.get(name) for name, value in known.items()}
    runners = known["valid_runners"]
    if not isinstance(runners, list) or known["runner"] in (None, runners[0][0]):
        remedy = f"install what is missing beside checkov, with {sys.executable} -I -m pip"
        where = "" if unavailable else " on Terraform"
        print(f"passrole_checks: every PASSROLE check fails{where}: {reason}: {remedy}", file=sys.stderr)


def _register_all() -> None:
    """Register the checks, once in each process: several runners may load this file there."""
    if resource_registry.get_check_by_id("PASSROLE_001") is not None:
        return
    missing = unavailable or host_results.missing_parser_reason()
    if missing:
        _complain_of_installation(missing)
    if unavailable:
        checks = [(f"PASSROLE_{one:03}", level, _TITLE) for level, ones in _NUMBERS.items() for one in ones]
    else:
        checks = [(check.id, check.severity.value.upper(), check.title) for check in ALL]
    # In checkov every failing check fails the run: infos are for those who ask, and for those who cannot be answered.
    _leave_out_silent_checks()
    if not unavailable:
        _watch_templates()
    infos = missing or host_results.minimum_severity_set() is Severity.INFO
    for check_id, severity, title in checks:
        if infos or severity != "INFO":
            _register(check_id, severity, title)


_register_all()
