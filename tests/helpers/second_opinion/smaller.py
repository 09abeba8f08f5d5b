"""Makes a case on which two sides disagree smaller, as long as they still do: what is left is what it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from second_opinion.cases import Case, Json, Request

_SIMPLER = {"Action": "iam:PassRole", "Resource": "*"}


def smallest(case: Case, still: Callable[[Case], bool]) -> Case:
    """The smallest case that is found from one; ``still`` says whether a case is still about the same."""
    shrunk = True
    while shrunk:
        shrunk = False
        for one in _smaller(case):
            if still(one):
                case, shrunk = one, True
                break
    return case


def _smaller(case: Case) -> Iterator[Case]:
    if len(case.requests) > 1:
        yield from (replace(case, requests=(one,)) for one in case.requests)
        return
    if case.boundary is not None:
        yield replace(case, boundary=None)
    for index in range(len(case.control)):
        yield replace(case, control=case.control[:index] + case.control[index + 1 :])
    if len(case.identity) > 1:
        for index in range(len(case.identity)):
            yield replace(case, identity=case.identity[:index] + case.identity[index + 1 :])
    for request in _smaller_requests(case.requests[0]):
        yield replace(case, requests=(request,))
    for index, document in enumerate(case.identity):
        for one in _smaller_documents(document):
            yield replace(case, identity=(*case.identity[:index], one, *case.identity[index + 1 :]))
    for document in _smaller_documents(case.boundary) if case.boundary is not None else ():
        yield replace(case, boundary=document)
    for number, level in enumerate(case.control):
        if len(level) > 1:
            for index in range(len(level)):
                rest = level[:index] + level[index + 1 :]
                yield replace(case, control=(*case.control[:number], rest, *case.control[number + 1 :]))
        for index, document in enumerate(level):
            for one in _smaller_documents(document):
                changed = (*level[:index], one, *level[index + 1 :])
                yield replace(case, control=(*case.control[:number], changed, *case.control[number + 1 :]))


def _smaller_requests(request: Request) -> Iterator[Request]:
    for index in range(len(request.context)):
        yield replace(request, context=request.context[:index] + request.context[index + 1 :])


def _smaller_documents(document: Json) -> Iterator[Json]:
    statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
    if document["Statement"] is not statements:
        yield {**document, "Statement": statements}
        return
    if len(statements) > 1:
        for index in range(len(statements)):
            yield {**document, "Statement": statements[:index] + statements[index + 1 :]}
    for index, statement in enumerate(statements):
        for one in _smaller_statements(statement):
            yield {**document, "Statement": [*statements[:index], one, *statements[index + 1 :]]}


def _smaller_statements(statement: Json) -> Iterator[Json]:
    if "Condition" in statement:
        yield {key: value for key, value in statement.items() if key != "Condition"}
        block = statement["Condition"]
        for operator in block if len(block) > 1 else ():
            yield {**statement, "Condition": {name: one for name, one in block.items() if name != operator}}
        for operator, tests in block.items():
            for key in tests if len(tests) > 1 else ():
                rest = {name: one for name, one in tests.items() if name != key}
                yield {**statement, "Condition": {**block, operator: rest}}
            for key, values in tests.items():
                for fewer in _fewer(values):
                    yield {**statement, "Condition": {**block, operator: {**tests, key: fewer}}}
    for element, values in statement.items():
        if element not in ("Effect", "Condition"):
            for fewer in _fewer(values):
                yield {**statement, element: fewer}
            if element in _SIMPLER and values != _SIMPLER[element]:
                yield {**statement, element: _SIMPLER[element]}


def _fewer(values: object) -> Iterator[object]:
    if isinstance(values, list):
        yield from (values[:index] + values[index + 1 :] for index in range(len(values)) if len(values) > 1)
        if len(values) == 1:
            yield values[0]
