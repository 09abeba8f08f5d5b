"""Map the blocks that checkov shows to its checks to results of the engine.

checkov passes a check little more than the configuration of one block. The rest is in its graph, and in local variables
of its runners. This module does not import checkov.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from traceback import walk_stack
from typing import Any, NamedTuple

from passrole_checks.files.decoded_json import as_object, get_nested, text_of
from passrole_checks.files.safe_read import read_bounded
from passrole_checks.findings import Finding
from passrole_checks.iam import deadline
from passrole_checks.iam.fast_dataclass import dataclass
from passrole_checks.iam.identity_cache import cached_by_identity
from passrole_checks.scan.for_hosts import host_results
from passrole_checks.scan.for_hosts.fail_closed import HostBlock
from passrole_checks.scan.for_hosts.host_results import HostResult
from passrole_checks.scan.for_hosts.templates import TemplateRun
from passrole_checks.sources.model.addresses import names_of, segments_of
from passrole_checks.sources.model.configuration import Inputs
from passrole_checks.sources.recognize import LARGEST_TEMPLATE


class ResourceResults(NamedTuple):
    """The engine's results for one resource, and the reason if the resource could not be analyzed."""

    answers: HostResult
    failures: Sequence[str]


class _Alone(NamedTuple):
    """The last results without modules: for which answers and definition, and what came of them."""

    asked: Any = None
    definition: Any = None
    answers: Any = None
    failures: Mapping[Any, Sequence[str]] = {}
    keys: frozenset[Any] = frozenset()


_alone_last = _Alone()
_noted_last: HostResult | None = None


def _note(answers: HostResult) -> None:
    """Print what could not be read or evaluated, once for a file: checkov shows one file after the other."""
    global _noted_last
    if _noted_last is not answers:
        _noted_last = answers
        for note in answers.notes():
            host_results.warn(note)


def results_without_modules(answers: HostResult, block: HostBlock) -> ResourceResults:
    """Return the results for a block in a file without modules: a plan, a template, Terraform in JSON."""
    global _alone_last
    definition = local_of_callers("definition")  # what checkov's runner has read from the file
    last = _alone_last
    if last.asked is not answers or last.definition is not definition or block.key not in last.keys:
        _note(answers)
        blocks = {one.key: one for one in (*_blocks_of(definition, block.file), block)}
        offers = _offering(one.address for one in blocks.values() if one.is_resource)
        reduced = answers.once_per_missing_source(offers)
        failures = answers.block_failures(list(blocks.values()))
        last = _alone_last = _Alone(answers, definition, reduced, failures, frozenset(blocks))
    return ResourceResults(last.answers, last.failures.get(block.key, ()))


class _Templates(NamedTuple):
    """The templates of checkov's runner. ``shown``: the identities of the configurations in its ``definitions``."""

    definitions: Any
    run: TemplateRun
    shown: frozenset[int]


_templates_last: _Templates | None = None


def template_results(conf: Any, file: str) -> HostResult:
    """Return the answers about the template with a block. ``conf``: the configuration that checkov shows."""
    global _templates_last
    if _templates_last is None or id(conf) not in _templates_last.shown:
        _templates_last = _templates_of_run()
    return _templates_last.run.findings_of(file)


def _templates_of_run() -> _Templates:
    """Return the templates that checkov's runner shows, by its own definitions."""
    runner = next(
        (one for frame, _ in walk_stack(None) if hasattr(one := frame.f_locals.get("self"), "definitions")), None
    )
    definitions = getattr(runner, "definitions", None) or {}
    if _templates_last is not None and _templates_last.definitions is definitions:
        return _templates_last
    types = {file: _types_shown(definition) for file, definition in definitions.items()}
    return _templates_in(definitions, {file: kinds for file, kinds in types.items() if _offered(kinds)})


def _templates_in(definitions: Any, types: Mapping[str, Mapping[str, str]]) -> _Templates:
    """Return the templates of checkov's runner, given the types of the resources that it shows of each."""
    offered = {os.path.realpath(file): frozenset(_offered(kinds)) for file, kinds in types.items()}
    run = TemplateRun(offered, local_of_callers("root_folder"), lambda file, name: name in offered[file])
    resources = (as_object(get_nested(one, "Resources")) for one in definitions.values())
    return _Templates(definitions, run, frozenset(id(conf) for named in resources for conf in named.values()))


class Unshown(NamedTuple):
    """The part of a template that checkov's runner does not show.

    ``findings``: those on resources that it drops or does not expand, with their addresses. ``failures``: why the
    template could not be analyzed, if the runner shows no resource of it that can fail for that.
    """

    findings: Sequence[tuple[str, Finding]] = ()
    failures: Sequence[str] = ()

    def code_lines(self, file: str) -> list[tuple[int, str]]:
        """Return the lines of the file from its first to its last statement with a finding, with their numbers."""
        real = os.path.realpath(file)
        statements = [finding.at for _, finding in self.findings if os.path.realpath(finding.at.file) == real]
        if not statements:  # perhaps the file may not be read
            return [(1, "")]
        first, last = min(at.line for at in statements), max(at.end_line or at.line for at in statements)
        text = read_bounded(Path(file), LARGEST_TEMPLATE).decode("utf-8", "replace")
        return list(enumerate(text.splitlines(keepends=True)[first - 1 : last], first)) or [(first, "")]


def unshown_parts(definitions: Any, context: Any, files: Iterable[str], scanned: str | None) -> dict[str, Unshown]:
    """Return what checkov's runner does not show of the templates among some files.

    ``definitions`` and ``context``: the resources of its templates and their lines. The runner drops a whole file that
    it cannot parse, such as one with an empty resource, and shows neither loops nor outputs, no resource whose
    condition is false, and none whose lines it does not know.
    """
    global _templates_last
    templates = [file for file in dict.fromkeys(files) if host_results.is_template(file, scanned)]
    types = {file: _types_shown(definitions.get(file), context.get(file, {})) for file in templates}
    _templates_last = _templates_in(definitions, types)
    parts = {file: _unshown_part(_templates_last.run.findings_of(file), file, types[file]) for file in templates}
    return {file: part for file, part in parts.items() if part.findings or part.failures}


def _unshown_part(answers: HostResult, file: str, types: Mapping[str, str]) -> Unshown:
    offered = _offered(types)
    findings = [
        (address, finding)
        for stack, address, finding in answers.elsewhere(offered, [name for name in offered if name in answers.stacks])
        if stack is None and (finding.details.handed_to is None or answers.local.get(address, address) not in types)
    ]
    if offered:
        return Unshown(findings)
    _note(answers)
    return Unshown(findings, answers.block_failures([HostBlock(file, "", file)]).get(file, ()))


def _types_shown(definition: Any, context: Any = None) -> dict[str, str]:
    """Return the resources of a template that checkov shows, with their types. ``context``: their lines."""
    resources = as_object(get_nested(definition, "Resources"))
    return {
        name: kind
        for name, conf in resources.items()
        if (kind := text_of(conf, "Type")) and (context is None or get_nested(context, "Resources", name, "code_lines"))
    }


def _offered(types: Mapping[str, str]) -> list[str]:
    """Return the resources that checkov shows to the checks of policies, given the types of those that it shows."""
    return [name for name, kind in types.items() if host_results.attaches_policies(kind)]


def _is_shown(conf: Any) -> bool:
    """True for a resource of a template that checkov shows to these checks."""
    return host_results.attaches_policies(text_of(conf, "Type"))


def _blocks_of(definition: Any, file: str) -> Iterator[HostBlock]:
    """Return the blocks of a file that checkov shows to these checks, from the definitions of its runner."""
    if not isinstance(definition, dict):
        return
    for name, conf in as_object(definition.get("Resources")).items():
        if _is_shown(conf):
            yield HostBlock(name, name, file, lines_of(conf.get("Properties")))
    for entry in definition.get("module") or ():
        for name, conf in as_object(entry).items():
            address = f"module.{name}"
            yield HostBlock(address, address, file, lines_of(conf), is_resource=False)
    for entry in definition.get("resource") or ():
        for kind, named in as_object(entry).items():
            for name, conf in as_object(named).items() if kind in host_results.TERRAFORM_TYPES else ():
                address = get_nested(conf, "__address__") or f"{kind}.{name}"
                yield HostBlock(address, address, file, lines_of(conf))


@dataclass(frozen=True)
class BlockIndex:
    """Results for the blocks in checkov's graph, by the identity of their configurations.

    File and address are no key: two roots may call one module by one name. ``places``: results of resources.
    ``elsewhere``: findings on resources that checkov does not show, with their addresses, for ``module`` blocks and
    data sources. ``failures``: why blocks could not be analyzed. ``pool``: the time for all files of the graph
    together.
    """

    graph: Any = None
    places: dict[int, ResourceResults] = field(default_factory=dict)
    elsewhere: dict[int, list[tuple[str, Finding]]] = field(default_factory=dict)
    failures: dict[Any, Sequence[str]] = field(default_factory=dict)
    pool: deadline.Pool = field(default_factory=deadline.Pool)

    def scan(self, files: Sequence[str]) -> HostResult:
        """Scan the last one of ``files``, which is in no root that checkov shows: a plan, or Terraform in JSON."""
        with deadline.pooled(self.pool):
            answers = host_results.scan_for_host(
                files[-1], files[:1], local_of_callers("root_folder"), inputs=inputs_of_checkov()
            )
        _note(answers)
        return answers


_index = BlockIndex()


def index_of(graph: Any) -> BlockIndex:
    """Return the index of a graph: each root is scanned once, with the modules that it calls."""
    global _index
    if _index.graph is not graph:
        index = BlockIndex(graph)
        roots: dict[str, list[Vertex]] = defaultdict(list)
        for vertex in _vertices(graph):
            file, callers = vertex.get("file_path_"), callers_of(vertex.get("source_module_object_"))
            if isinstance(file, str) and file.endswith(".tf"):  # a plan's resources name their file themselves
                start = [file, *callers][-1]
                block = Vertex(vertex, file, callers, start)
                roots[os.path.dirname(start)].append(block)
        with deadline.pooled(index.pool):
            for blocks in roots.values():
                _add(index, blocks)
        if roots:
            host_results.release_parsed_files()
        _index = index
    return _index


class Vertex(NamedTuple):
    """A vertex of checkov's graph: its file, the files that call its module (nearest first), and that of the root."""

    vertex: dict[str, Any]
    file: str
    callers: Sequence[str]
    start: str

    def configurations(self) -> list[dict[str, Any]]:
        """The objects that checkov shows to checks, of the supported types."""
        config = self.vertex.get("config_")
        if not isinstance(config, dict):
            return []
        types = {"resource": host_results.TERRAFORM_TYPES, "data": ("aws_iam_policy_document",)}.get(self.kind, ())
        named = [config] if self.kind == "module" else [config.get(name) for name in types]
        return [conf for value in named if isinstance(value, dict) for conf in value.values() if isinstance(conf, dict)]

    def other_resource(self) -> dict[str, Any] | None:
        """The object that checkov shows for a resource of a type that attaches no policies itself."""
        config = self.vertex.get("config_")
        if self.kind != "resource" or not isinstance(config, dict):
            return None
        named = [value for kind, value in config.items() if kind not in host_results.TERRAFORM_TYPES]
        found = [conf for value in named if isinstance(value, dict) for conf in value.values()]
        return next((conf for conf in found if isinstance(conf, dict)), None)

    @property
    def kind(self) -> str:
        """The block type."""
        return str(self.vertex.get("block_type_"))

    @property
    def address(self) -> str:
        """The address, also of ``module`` blocks, for which checkov leaves out the last ``module.``."""
        address = str(self.vertex.get("__address__") or self.vertex.get("block_name_"))
        if self.kind != "module":
            return address
        name = str(self.vertex.get("block_name_"))
        return f"{address.removesuffix(name)}module.{name}"


def _add(index: BlockIndex, blocks: Sequence[Vertex]) -> None:
    """Scan the root of these blocks and add the results."""
    start = min(block.start for block in blocks)
    files = {block.file for block in blocks}
    scanned, inputs = local_of_callers("root_folder"), inputs_of_checkov()
    by_type: dict[str, list[tuple[Vertex, dict[str, Any]]]] = defaultdict(list)
    for block in blocks:
        by_type[block.kind].extend((block, conf) for conf in block.configurations())
    offered = [block.address for block, _ in by_type["resource"]]
    offers = _offering(offered)
    answers = host_results.scan_for_host(start, files, scanned, inputs=inputs).once_per_missing_source(offers)
    _note(answers)
    index.failures.update(
        answers.block_failures(
            [
                HostBlock(id(conf), block.address, block.file, lines_of(conf), tuple(block.callers), kind == "resource")
                for kind in ("resource", "module", "data")
                for block, conf in by_type[kind]
            ]
        )
    )
    for _, conf in by_type["resource"]:
        index.places[id(conf)] = ResourceResults(answers, index.failures.get(id(conf), ()))
    modules: dict[str, list[int]] = defaultdict(list)
    for block, conf in by_type["module"]:
        modules[block.address].append(id(conf))
    elsewhere = answers.elsewhere(offered, modules)
    given = local_of_callers("files")
    if elsewhere and isinstance(given, list):  # files given one by one: what does not stand in them is not asked for
        here = [file for file in map(os.path.abspath, given) if file in files]
        asked = [host_results.scan_for_host(file, files, scanned, inputs=inputs, only=True) for file in here]
        asked = [each.once_per_missing_source(offers) for each in asked]
        elsewhere = tuple(dict.fromkeys(one for each in asked for one in each.elsewhere(offered, modules)))
    _add_elsewhere(index, elsewhere, modules, blocks, by_type["data"])


def _add_elsewhere(
    index: BlockIndex,
    elsewhere: Sequence[tuple[str | None, str, Finding]],
    modules: Mapping[str, list[int]],
    blocks: Sequence[Vertex],
    documents: Sequence[tuple[Vertex, dict[str, Any]]],
) -> None:
    """Add the findings that checkov has no resource for to the blocks that can show them: a resource that a document is
    handed to, the ``module`` block, or data documents (``documents``). Warn if there is none."""
    others: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for block in blocks if elsewhere else ():
        other = block.other_resource()
        if other is not None:
            others[names_of(segments_of(block.address))].append(id(other))
    for module, address, finding in elsewhere:
        own = others.get(names_of(segments_of(address)), []) if finding.details.handed_to is not None else []
        if own:
            carriers = own
        elif module is not None:
            carriers = modules[module]
        elif address == finding.resource.address and finding.resource.at.file.endswith(".json"):
            continue  # the runner terraform_json shows this one
        else:
            carriers = [
                id(conf) for block, conf in documents if block.address == address or _holds(block, conf, finding)
            ]
        for carrier in carriers:
            index.elsewhere.setdefault(carrier, []).append((address, finding))
        if not carriers:
            _warn_without_record(address, finding)


def _offering(addresses: Iterable[str]) -> Callable[[str], bool]:
    """Return a function that is true for the addresses of some resources, and of their instances."""
    known = {names_of(segments_of(address)) for address in addresses}
    return lambda address: names_of(segments_of(address)) in known


def _holds(block: Vertex, conf: Mapping[str, Any], finding: Finding) -> bool:
    """True if a block contains the statement of a finding."""
    first, last = lines_of(conf) or (0, -1)
    return first <= finding.at.line <= last and os.path.realpath(block.file) == os.path.realpath(finding.at.file)


def _warn_without_record(address: str, finding: Finding) -> None:
    """Print a finding for which checkov shows no block, so that it is not lost."""
    check, chosen = registered.get(finding.check_id), local_of_callers("runner_filter")
    asked = check is not None and (chosen is None or chosen.should_run_check(check, report_type="terraform"))
    if asked and host_results.is_shown(finding) and finding.suppressed is None:
        where = f"{host_results.location(finding)}: {finding.check_id} ({finding.severity.value}) on {address}"
        host_results.warn(
            f"{where} has no record for terraform, which does not show that resource: {host_results.one_line(finding)}"
        )


def inputs_of_checkov() -> Inputs:
    """Return the variable files that checkov was given, from the filter of its runner."""
    chosen = local_of_callers("runner_filter")
    var_files = getattr(chosen, "var_files", None) or ()
    sources = getattr(chosen, "repo_root_for_plan_enrichment", None) or ()
    return Inputs(
        var_files=tuple(Path(os.path.abspath(file)) for file in var_files),
        source=Path(os.path.abspath(sources[0])) if sources else None,
    )


def lines_of(conf: Any) -> tuple[int, int] | None:
    """Return the first and last line of a block, if checkov knows them; in templates the last is one too high."""
    for first, last in (("__start_line__", "__end_line__"), ("__startline__", "__endline__")):
        lines = get_nested(conf, first), get_nested(conf, last)
        if isinstance(lines[0], int) and isinstance(lines[1], int):
            return lines[0], lines[1]
    return None


def _vertices(graph: Any) -> list[dict[str, Any]]:
    nodes = graph.nodes() if hasattr(graph, "nodes") else ()
    return [node[1] for node in nodes if isinstance(node, tuple) and len(node) == 2 and isinstance(node[1], dict)]


def callers_of(module: Any) -> tuple[str, ...]:
    """Return the files with the calls of a module, nearest first and the root's last."""
    files = []
    while module is not None:
        files.append(module.path)
        module = module.nested_tf_module
    return tuple(files)


def local_of_callers(variable: str) -> Any:
    """Return a local variable of the nearest caller that has it: only checkov's runner knows some files."""
    frames = (frame.f_locals for frame, _ in walk_stack(None))
    return next((known[variable] for known in frames if variable in known), None)


@cached_by_identity(1)  # one check after the other asks for the same block
def file_of_callers(conf: Any) -> Any:
    """Return the file of a block. ``conf``: the configuration that checkov shows."""
    return local_of_callers("full_file_path")


registered: dict[str, Any] = {}  # the checks of checkov, by their ids
