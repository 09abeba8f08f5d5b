"""Every check of passrole_checks as a check of checkov, for Terraform, Terraform plans and CloudFormation.

Nothing is parsed or decided here: a check finds out where the resource stands that checkov shows it, asks the engine
about the file or module, and carries the findings out. A check passes or fails; it never answers UNKNOWN, which checkov
drops in silence: what cannot be told fails PASSROLE_014.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from checkov.cloudformation.checks.resource.base_resource_check import BaseResourceCheck as CloudFormationCheck
from checkov.common.bridgecrew.severities import Severities
from checkov.common.checks.base_check import BaseCheck
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck as TerraformCheck

try:
    from passrole_checks import hosts
    from passrole_checks.checks import ALL
    from passrole_checks.findings import Severity
except ImportError as error:
    ALL = ()
    print(
        f"passrole_checks_for_checkov: no PASSROLE check runs, because checkov's Python cannot import passrole_checks"
        f" ({error}): install passrole-checks beside checkov, with {sys.executable} -m pip",
        file=sys.stderr,
    )

if TYPE_CHECKING:
    from passrole_checks.check import Check
    from passrole_checks.findings import Finding
    from passrole_checks.hosts import Answers


class _Place(NamedTuple):
    """Where a resource stands: the engine's answers there, its file, the files that call its module (nearest first)."""

    answers: Answers
    file: str
    callers: Sequence[str] = ()


class _Asking(BaseCheck):
    """What both kinds of checks do. ``locate`` and ``lines`` are where they differ."""

    silenced: str | None = None

    def locate(self, conf: Mapping[str, Any]) -> tuple[_Place, str] | None:
        """The place and the address of the resource that checkov shows; None where it hides them."""
        raise NotImplementedError

    def lines(self, conf: Mapping[str, Any]) -> tuple[int, int] | None:
        """The first and the last line of the resource, where checkov says so."""
        return None

    def run(
        self, scanned_file: str, entity_configuration: Any, entity_name: str, entity_type: str, skip_info: Any
    ) -> Any:
        self.silenced = None
        result = super().run(scanned_file, entity_configuration, entity_name, entity_type, skip_info)
        if skip_info:  # asked all the same, so that the report says what is skipped
            self.entity_path = f"{scanned_file}:{entity_type}:{entity_name}"
            self.scan_entity_conf(entity_configuration, entity_type)
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
        found = self.locate(conf)
        untold = ["checkov does not say in which file this resource stands"]
        findings: list[Finding] = []
        if found is not None:
            place, address = found
            findings = [finding for finding in place.answers.about(self.id, address) if hosts.wanted(finding)]
            untold = [reason for _, reason in place.answers.untold(place.file, self.lines(conf), place.callers)]
        unsilenced = [finding for finding in findings if finding.suppressed is None]
        self._tell(unsilenced or findings)
        if untold and self.id == hosts.UNRESOLVED:
            self.details.extend(untold)
            for reason in untold:  # said aloud too, because 014 is the check that people make soft
                hosts.complain(f"{self.entity_path}: {reason}")
        elif findings and not unsilenced:
            reasons = dict.fromkeys(finding.suppressed.reason for finding in findings if finding.suppressed)
            self.silenced = "; ".join(filter(None, reasons)) or "No comment provided"
        return CheckResult.FAILED if self.details else CheckResult.PASSED

    def _tell(self, findings: Sequence[Finding]) -> None:
        self.evaluated_keys = list(dict.fromkeys(finding.statement_path for finding in findings))
        self.details.extend(
            f"{finding.severity.value}: {hosts.words(finding)} ({hosts.place(finding)})" for finding in findings
        )


class _OnTerraform(_Asking, TerraformCheck):
    """Terraform configurations and plans."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[_Place, str] | None:
        # The runner terraform_json knows no addresses, and no modules.
        address = conf.get("__address__") or ".".join(self.entity_path.rsplit(":", 2)[1:])
        known = _in_graph(self.graph).get(id(conf))
        if known is not None:
            return known, address
        plan = conf.get("__file__")  # put there by the plan's parser, wrapped like every value
        key = plan[0] if isinstance(plan, list) and plan else _from_callers("full_file_path")
        file = getattr(key, "file_path", key)
        if not isinstance(file, str):
            return None
        callers = _callers(getattr(key, "tf_source_modules", None))
        return _Place(hosts.ask([file, *callers][-1], [file], _from_callers("root_folder")), file, callers), address

    def lines(self, conf: Mapping[str, Any]) -> tuple[int, int] | None:
        first, last = conf.get("__start_line__"), conf.get("__end_line__")
        return (first, last) if isinstance(first, int) and isinstance(last, int) else None


class _OnCloudFormation(_Asking, CloudFormationCheck):
    """CloudFormation and SAM templates."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[_Place, str] | None:
        properties = conf.get("Properties")
        file = properties.get("__file__") if isinstance(properties, dict) else None
        file = file or _from_callers("file_abs_path")
        logical_id = self.entity_path.rsplit(":", 1)[-1]
        return (_Place(hosts.ask(file), file), logical_id) if isinstance(file, str) else None


_graph: tuple[Any, dict[int, _Place]] = (None, {})


def _in_graph(graph: Any) -> dict[int, _Place]:
    """The places of the resources of checkov's graph, by the identity of their configurations.

    Identity, because file and address are no key: two roots may call one module by one name. Each root is asked about
    once a graph, with the modules that it calls.
    """
    global _graph
    if _graph[0] is not graph:
        _graph = (graph, {})
        resources: list[tuple[dict[str, Any], str, tuple[str, ...]]] = []
        starts: dict[str, set[str]] = defaultdict(set)
        files: dict[str, set[str]] = defaultdict(set)
        for vertex in _vertices(graph):
            file, callers = vertex.get("file_path_"), _callers(vertex.get("source_module_object_"))
            if not isinstance(file, str) or not file.endswith(".tf"):
                continue  # a plan's resources name their file themselves
            start = [file, *callers][-1]
            starts[os.path.dirname(start)].add(start)
            files[os.path.dirname(start)].add(file)
            if vertex.get("block_type_") == "resource":
                resources.extend((conf, file, callers) for conf in _configurations(vertex.get("config_")))
        scanned = _from_callers("root_folder")
        for conf, file, callers in resources:
            root = os.path.dirname([file, *callers][-1])
            _graph[1][id(conf)] = _Place(hosts.ask(min(starts[root]), files[root], scanned), file, callers)
    return _graph[1]


def _vertices(graph: Any) -> list[dict[str, Any]]:
    nodes = graph.nodes() if hasattr(graph, "nodes") else ()
    return [node[1] for node in nodes if isinstance(node, tuple) and len(node) == 2 and isinstance(node[1], dict)]


def _configurations(config: Any) -> list[dict[str, Any]]:
    """The configurations in ``{type: {name: configuration}}`` of our types: the objects that a check is shown."""
    named = [config.get(kind) for kind in hosts.TERRAFORM_TYPES] if isinstance(config, dict) else []
    return [conf for value in named if isinstance(value, dict) for conf in value.values() if isinstance(conf, dict)]


def _callers(module: Any) -> tuple[str, ...]:
    """The files that the calls of a module stand in, the nearest first and that of the root last."""
    files = []
    while module is not None:
        files.append(module.path)
        module = module.nested_tf_module
    return tuple(files)


def _from_callers(variable: str) -> Any:
    """A local variable of the nearest caller that has it: some files are known to checkov's runner only."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if variable in frame.f_locals:
            return frame.f_locals[variable]
        frame = frame.f_back
    return None


def _register(check: type[Check]) -> None:
    for kind, types in (
        (_OnTerraform, hosts.TERRAFORM_TYPES),
        (_OnCloudFormation, hosts.CLOUDFORMATION_TYPES),
    ):
        instance = kind(check.title, check.id, [CheckCategories.IAM], types, guideline=hosts.GUIDE)
        instance.severity = Severities[check.severity.value.upper()]


for _check in ALL:
    # In checkov every failing check fails the run: infos are for those who ask.
    if _check.severity is not Severity.INFO or hosts.least_severity() is Severity.INFO:
        _register(_check)
