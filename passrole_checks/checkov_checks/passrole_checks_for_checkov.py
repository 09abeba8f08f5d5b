"""Every check of passrole_checks as a check of checkov, for Terraform, Terraform plans and CloudFormation.

Nothing is parsed or decided here: a check finds out where the resource stands that checkov shows it, asks the engine
about the file or module, and carries the findings out. On resources a check passes or fails; it never answers UNKNOWN,
which checkov drops in silence: what cannot be told fails PASSROLE_014. Findings on resources that checkov does not show
(in modules that it does not load) fail the ``module`` block, or else the data source that their statement stands in;
those blocks have no record where there is no such finding.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple

from checkov.cloudformation.checks.resource.base_resource_check import BaseResourceCheck as CloudFormationCheck
from checkov.common.bridgecrew.severities import Severities
from checkov.common.checks.base_check import BaseCheck
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.data.base_check import BaseDataCheck as DataCheck
from checkov.terraform.checks.module.base_module_check import BaseModuleCheck as ModuleCheck
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck as TerraformCheck

try:
    from passrole_checks import hosts
    from passrole_checks.checks import ALL
    from passrole_checks.findings import Severity
    from passrole_checks.host_templates import TemplateRun
    from passrole_checks.sources.resource import Inputs
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
    """What all kinds of checks do: carry findings out. ``answer`` is where they differ."""

    silenced: str | None = None

    def answer(self, conf: Mapping[str, Any]) -> tuple[Sequence[tuple[str, Finding]], Sequence[str]] | None:
        """The findings on what checkov shows, with the addresses that they hold for, and what cannot be told there.

        None asks for no record at all.
        """
        raise NotImplementedError

    def run(
        self, scanned_file: str, entity_configuration: Any, entity_name: str, entity_type: str, skip_info: Any
    ) -> Any:
        self.silenced = None
        result = super().run(scanned_file, entity_configuration, entity_name, entity_type, skip_info)
        if skip_info:  # asked all the same, so that the report says what is skipped
            self.entity_path = f"{scanned_file}:{entity_type}:{entity_name}"
            if self.scan_entity_conf(entity_configuration, entity_type) is CheckResult.UNKNOWN:
                result["result"] = CheckResult.UNKNOWN
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
        answer = self.answer(conf)
        if answer is None:
            return CheckResult.UNKNOWN
        findings = [(address, finding) for address, finding in answer[0] if hosts.wanted(finding)]
        untold = answer[1]
        unsilenced = [(address, finding) for address, finding in findings if finding.suppressed is None]
        self._tell(unsilenced or findings, self.named(conf))
        if untold and self.id == hosts.UNRESOLVED:
            self.details.extend(untold)
            for reason in untold:  # said aloud too, because 014 is the check that people make soft
                hosts.complain(f"{self.entity_path}: {reason}")
        elif findings and not unsilenced:
            reasons = dict.fromkeys(finding.suppressed.reason for _, finding in findings if finding.suppressed)
            self.silenced = "; ".join(filter(None, reasons)) or "No comment provided"
        return CheckResult.FAILED if self.details else CheckResult.PASSED

    def named(self, conf: Mapping[str, Any]) -> str | None:
        """The address that the report shows for this resource, None where it shows something else."""
        return None

    def _tell(self, findings: Sequence[tuple[str, Finding]], shown: str | None) -> None:
        """Each finding and its place once, with the addresses that it holds for where checkov shows another one."""
        self.evaluated_keys = list(dict.fromkeys(finding.statement_path for _, finding in findings))
        for address, finding in findings:
            where = hosts.place(finding) if address == shown else f"{hosts.place(finding)}, {address}"
            self.details.append(f"{finding.severity.value}: {hosts.words(finding)} ({where})")


class _OnResource(_Asking):
    """Checks that are shown resources. ``locate`` and ``lines`` are where they differ."""

    located: tuple[_Place, str] | None = None  # the resource that was asked about last

    def locate(self, conf: Mapping[str, Any]) -> tuple[_Place, str] | None:
        """The place and the address of the resource that checkov shows; None where it hides them."""
        raise NotImplementedError

    def lines(self, conf: Mapping[str, Any]) -> tuple[int, int] | None:
        """The first and the last line of the resource, where checkov says so."""
        return None

    def answer(self, conf: Mapping[str, Any]) -> tuple[Sequence[tuple[str, Finding]], Sequence[str]]:
        found = self.located = self.locate(conf)
        if found is None:
            return (), ("checkov does not say in which file this resource stands",)
        place, address = found
        untold = place.answers.untold(place.file, self.lines(conf), place.callers)
        return place.answers.about(self.id, address), [reason for _, reason in untold]


class _OnTerraform(_OnResource, TerraformCheck):
    """Resources of Terraform configurations and plans."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[_Place, str] | None:
        # The runner terraform_json knows no addresses, and no modules.
        address = conf.get("__address__") or ".".join(self.entity_path.rsplit(":", 2)[1:])
        known = _index_of(self.graph).places.get(id(conf))
        if known is not None:
            return known, address
        plan = conf.get("__file__")  # put there by the plan's parser, wrapped like every value
        key = plan[0] if isinstance(plan, list) and plan else _from_callers("full_file_path")
        file = getattr(key, "file_path", key)
        if not isinstance(file, str):
            return None
        callers = _callers(getattr(key, "tf_source_modules", None))
        answers = hosts.ask([file, *callers][-1], [file], _from_callers("root_folder"), inputs=_inputs())
        _say(answers, file)
        return _Place(answers, file, callers), address

    def lines(self, conf: Mapping[str, Any]) -> tuple[int, int] | None:
        return _lines(conf)

    def named(self, conf: Mapping[str, Any]) -> str | None:
        address = conf.get("__address__")
        return address if isinstance(address, str) else None


class _OnBlock(_Asking):
    """Blocks of Terraform configurations that hold no policy, for the findings that have no resource to stand at."""

    def run(
        self, scanned_file: str, entity_configuration: Any, entity_name: str, entity_type: str, skip_info: Any
    ) -> Any:
        # Most blocks carry nothing, and checkov's own run costs more than to find that out.
        self.entity_path = f"{scanned_file}:{entity_type}:{entity_name}"
        if self.answer(entity_configuration) is None:
            return {"result": CheckResult.UNKNOWN, "evaluated_keys": [], "details": []}
        return super().run(scanned_file, entity_configuration, entity_name, entity_type, skip_info)

    def answer(self, conf: Mapping[str, Any]) -> tuple[Sequence[tuple[str, Finding]], Sequence[str]] | None:
        known = [one for one in self.elsewhere(conf) if one[1].check_id == self.id]
        return (known, ()) if known else None

    def elsewhere(self, conf: Mapping[str, Any]) -> Sequence[tuple[str, Finding]]:
        """The findings of all checks that are this block's to carry."""
        return _index_of(self.graph).elsewhere.get(id(conf), ())


class _OnModule(_OnBlock, ModuleCheck):
    """``module`` blocks."""

    def scan_module_conf(self, conf: dict[str, Any]) -> CheckResult:
        return self.scan_resource_conf(conf)

    def elsewhere(self, conf: Mapping[str, Any]) -> Sequence[tuple[str, Finding]]:
        file = _from_callers("full_file_path")
        if not (isinstance(file, str) and file.endswith(".json")):
            return super().elsewhere(conf)
        # The runner terraform_json loads no modules.
        module = "module." + self.entity_path.rsplit(":", 1)[-1]
        answers = hosts.ask(file, [file], _from_callers("root_folder"), inputs=_inputs())
        _say(answers, file)
        return [(address, finding) for around, address, finding in answers.elsewhere((), [module]) if around]


class _OnData(_OnBlock, DataCheck):
    """Data sources with policy documents."""

    def scan_data_conf(self, conf: dict[str, Any]) -> CheckResult:
        return self.scan_resource_conf(conf)


class _OnCloudFormation(_OnResource, CloudFormationCheck):
    """CloudFormation and SAM templates."""

    def locate(self, conf: Mapping[str, Any]) -> tuple[_Place, str] | None:
        properties = conf.get("Properties")
        file = properties.get("__file__") if isinstance(properties, dict) else None
        file = file or _from_callers("file_abs_path")
        if not isinstance(file, str):
            return None
        answers = _templates().about(file)
        _say(answers, file)
        return _Place(answers, file), self.named(conf)

    def answer(self, conf: Mapping[str, Any]) -> tuple[Sequence[tuple[str, Finding]], Sequence[str]]:
        found, untold = super().answer(conf)
        located = self.located
        inner = located[0].answers.inside(self.id, located[1]) if located is not None else ()
        return (*found, *inner), untold

    def named(self, conf: Mapping[str, Any]) -> str:
        return self.entity_path.rsplit(":", 1)[-1]  # the logical id


_run_of_templates: tuple[Any, TemplateRun | None] = (None, None)


def _templates() -> TemplateRun:
    """Return the templates that checkov's runner shows, from its own definitions."""
    global _run_of_templates
    definitions = getattr(_from_callers("self", "definitions"), "definitions", None) or {}
    known, run = _run_of_templates
    if run is None or known is not definitions:
        offered = {os.path.realpath(file): _offered(definition) for file, definition in definitions.items()}
        files = [file for file, names in offered.items() if names]
        run = TemplateRun(files, _from_callers("root_folder"), lambda file, name: name in offered[file])
        _run_of_templates = (definitions, run)
    return run


def _offered(definition: Any) -> frozenset[str]:
    """The logical ids of the resources of a template that checkov shows to these checks."""
    resources = definition.get("Resources") if isinstance(definition, dict) else None
    return frozenset(
        name
        for name, resource in (resources.items() if isinstance(resources, dict) else ())
        if isinstance(resource, dict)
        and any(fnmatchcase(str(resource.get("Type")), kind) for kind in hosts.TEMPLATE_TYPES)
    )


@dataclass(frozen=True)
class _Index:
    """What is known of the blocks in checkov's graph, by the identity of their configurations.

    Identity, because file and address are no key: two roots may call one module by one name. ``places`` of resources;
    ``elsewhere``: findings on resources that checkov does not show, with their addresses, for ``module`` blocks and
    data sources.
    """

    graph: Any = None
    places: dict[int, _Place] = field(default_factory=dict)
    elsewhere: dict[int, list[tuple[str, Finding]]] = field(default_factory=dict)


_index = _Index()


def _index_of(graph: Any) -> _Index:
    """The index of a graph: each root is asked about once, with the modules that it calls."""
    global _index
    if _index.graph is not graph:
        _index = _Index(graph)
        roots: dict[str, list[_Block]] = defaultdict(list)
        for vertex in _vertices(graph):
            file, callers = vertex.get("file_path_"), _callers(vertex.get("source_module_object_"))
            if isinstance(file, str) and file.endswith(".tf"):  # a plan's resources name their file themselves
                start = [file, *callers][-1]
                block = _Block(vertex, file, callers, start)
                roots[os.path.dirname(start)].append(block)
        for blocks in roots.values():
            _add(_index, blocks)
    return _index


class _Block(NamedTuple):
    """A vertex of checkov's graph: its file, the files that call its module (nearest first), and that of the root."""

    vertex: dict[str, Any]
    file: str
    callers: Sequence[str]
    start: str

    def configurations(self) -> list[dict[str, Any]]:
        """The objects that a check is shown, of the types that we ask for."""
        config = self.vertex.get("config_")
        if not isinstance(config, dict):
            return []
        kind = self.vertex.get("block_type_")
        types = {"resource": hosts.TERRAFORM_TYPES, "data": (hosts.DATA_DOCUMENT,)}.get(str(kind))
        named = [config] if kind == "module" else [config.get(name) for name in types or ()]
        return [conf for value in named if isinstance(value, dict) for conf in value.values() if isinstance(conf, dict)]

    @property
    def address(self) -> str:
        """The address, for ``module`` blocks as well, of which checkov leaves out the last ``module.``."""
        address = str(self.vertex.get("__address__") or self.vertex.get("block_name_"))
        if self.vertex.get("block_type_") != "module":
            return address
        name = str(self.vertex.get("block_name_"))
        return f"{address.removesuffix(name)}module.{name}"


def _add(index: _Index, blocks: Sequence[_Block]) -> None:
    """Ask about the root that these blocks belong to."""
    start = min(block.start for block in blocks)
    files = {block.file for block in blocks}
    scanned, inputs = _from_callers("root_folder"), _inputs()
    answers = hosts.ask(start, files, scanned, inputs=inputs)
    for note in answers.notes(files):
        hosts.complain(note)
    by_type: dict[str, list[tuple[_Block, dict[str, Any]]]] = defaultdict(list)
    for block in blocks:
        by_type[str(block.vertex.get("block_type_"))].extend((block, conf) for conf in block.configurations())
    for block, conf in by_type["resource"]:
        index.places[id(conf)] = _Place(answers, block.file, block.callers)
    modules: dict[str, list[int]] = defaultdict(list)
    for block, conf in by_type["module"]:
        modules[block.address].append(id(conf))
    offered = [block.address for block, _ in by_type["resource"]]
    elsewhere = answers.elsewhere(offered, modules)
    given = _from_callers("files")
    if elsewhere and isinstance(given, list):  # files given one by one: what does not stand in them is not asked for
        here = [file for file in map(os.path.abspath, given) if file in files]
        asked = [hosts.ask(file, files, scanned, inputs=inputs, only=True) for file in here]
        elsewhere = tuple(dict.fromkeys(one for each in asked for one in each.elsewhere(offered, modules)))
    for module, address, finding in elsewhere:
        if module is not None:
            carriers = modules[module]
        elif address == finding.resource.address and finding.resource.at.file.endswith(".json"):
            continue  # the runner terraform_json shows this one
        else:
            carriers = [id(conf) for block, conf in by_type["data"] if _holds(block, conf, finding)]
        for carrier in carriers:
            index.elsewhere.setdefault(carrier, []).append((address, finding))
        if not carriers:
            _say_without_record(address, finding)


def _holds(block: _Block, conf: Mapping[str, Any], finding: Finding) -> bool:
    """Whether the statement of a finding stands in a block."""
    first, last = _lines(conf) or (0, -1)
    return first <= finding.at.line <= last and os.path.realpath(block.file) == os.path.realpath(finding.at.file)


def _say_without_record(address: str, finding: Finding) -> None:
    """A finding that checkov shows no block for is said, so that it is not lost."""
    check, chosen = _registered.get(finding.check_id), _from_callers("runner_filter")
    asked = check is not None and (chosen is None or chosen.should_run_check(check, report_type="terraform"))
    if asked and hosts.wanted(finding) and finding.suppressed is None:
        where = f"{hosts.place(finding)}: {finding.check_id} ({finding.severity.value}) on {address}"
        hosts.complain(
            f"{where} has no record for terraform, which does not show that resource: {hosts.words(finding)}"
        )


_said: set[str] = set()


def _say(answers: Answers, file: str) -> None:
    """The notes on a file that stands alone, once."""
    if file not in _said:
        _said.add(file)
        for note in answers.notes([file]):
            hosts.complain(note)


def _inputs() -> Inputs:
    """What checkov was given beside the files: only its runner's filter knows."""
    chosen = _from_callers("runner_filter")
    var_files = getattr(chosen, "var_files", None) or ()
    sources = getattr(chosen, "repo_root_for_plan_enrichment", None) or ()
    return Inputs(
        var_files=tuple(Path(os.path.abspath(file)) for file in var_files),
        source=Path(os.path.abspath(sources[0])) if sources else None,
    )


def _lines(conf: Mapping[str, Any]) -> tuple[int, int] | None:
    first, last = conf.get("__start_line__"), conf.get("__end_line__")
    return (first, last) if isinstance(first, int) and isinstance(last, int) else None


def _vertices(graph: Any) -> list[dict[str, Any]]:
    nodes = graph.nodes() if hasattr(graph, "nodes") else ()
    return [node[1] for node in nodes if isinstance(node, tuple) and len(node) == 2 and isinstance(node[1], dict)]


def _callers(module: Any) -> tuple[str, ...]:
    """The files that the calls of a module stand in, the nearest first and that of the root last."""
    files = []
    while module is not None:
        files.append(module.path)
        module = module.nested_tf_module
    return tuple(files)


def _from_callers(variable: str, attribute: str = "") -> Any:
    """A local variable of the nearest caller that has it (with ``attribute``): some files only the runner knows."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if variable in frame.f_locals and (not attribute or hasattr(frame.f_locals[variable], attribute)):
            return frame.f_locals[variable]
        frame = frame.f_back
    return None


_registered: dict[str, BaseCheck] = {}


def _register(check: type[Check]) -> None:
    common = (check.title, check.id, [CheckCategories.IAM])
    for instance in (
        _OnTerraform(*common, hosts.TERRAFORM_TYPES, guideline=hosts.GUIDE),
        _OnModule(*common, guideline=hosts.GUIDE),
        _OnData(*common, [hosts.DATA_DOCUMENT], guideline=hosts.GUIDE),
        _OnCloudFormation(*common, hosts.TEMPLATE_TYPES, guideline=hosts.GUIDE),
    ):
        instance.severity = Severities[check.severity.value.upper()]
        _registered[check.id] = instance


for _check in ALL:
    # In checkov every failing check fails the run: infos are for those who ask.
    if _check.severity is not Severity.INFO or hosts.least_severity() is Severity.INFO:
        _register(_check)
