"""Functions on times that the configuration contains; the clock is never read.

Source: Terraform language documentation, "Functions", "Date and Time Functions"; times are written as in RFC 3339.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from fractions import Fraction

from passrole_checks.iam.lazy_regex import lazy_regex
from passrole_checks.iam.values.nodes import Const, Node, StringNode
from passrole_checks.iam.values.variants import defaults_of
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_string
from passrole_checks.sources.terraform.functions.signature import FunctionCall, declare

_TIME = lazy_regex(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:\d\d)")
_DURATION = lazy_regex(r"(\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": Fraction(1, 10**9), "us": Fraction(1, 10**6), "µs": Fraction(1, 10**6), "μs": Fraction(1, 10**6),
          "ms": Fraction(1, 1000), "s": Fraction(1), "m": Fraction(60), "h": Fraction(3600)}  # fmt: skip
_TOKEN = lazy_regex(r"'((?:[^']|'')*)'|([a-zA-Z])\2*|[^a-zA-Z']+|'")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _parse_time(value: str) -> datetime | None:
    match = _TIME.fullmatch(value)
    if match is None:
        return None
    try:
        return datetime.fromisoformat(match.group(1) + match.group(2).replace("Z", "+00:00"))
    except ValueError:
        return None


def time_add(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``timeadd`` for a known time and duration."""
    time, duration = known_string(arguments[0]), known_string(arguments[1])
    if time is None or duration is None:
        return None
    start, sign = _parse_time(time), -1 if duration[:1] == "-" else 1
    pieces = duration.lstrip("+-") if duration[:2] not in ("+-", "-+", "--", "++") else ""
    components = list(_DURATION.finditer(pieces))
    if start is None or not components or "".join(match.group() for match in components) != pieces:
        return call.fail("not a time, or not a duration") if pieces != "0" or start is None else arguments[0]
    seconds = sum(Fraction("0" + match.group(1).rstrip(".")) * _UNITS[match.group(2)] for match in components)
    if seconds.denominator != 1:
        return None
    try:
        value = re.sub(r"\+00:00$", "Z", (start + sign * timedelta(seconds=int(seconds))).isoformat())
        return StringNode((value,), call.at, defaults=defaults_of(arguments))
    except OverflowError:
        return call.fail("the time is out of range")


def time_compare(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``timecmp`` for two known times: -1, 0 or 1."""
    times = [known_string(argument) for argument in arguments]
    if any(value is None for value in times):
        return None
    first, second = (_parse_time(value or "") for value in times)
    if first is None or second is None:
        return call.fail("not a time")
    return Const((first > second) - (first < second), call.at)


def format_date(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``formatdate`` for a known time."""
    pattern, timestamp = known_string(arguments[0]), known_string(arguments[1])
    if pattern is None or timestamp is None:
        return None
    time = _parse_time(timestamp)
    if time is None:
        return call.fail("not a time")
    components, pieces = _components(time), list[str]()
    for match in _TOKEN.finditer(pattern):
        word = match.group()
        if word == "'":
            return call.fail("unterminated quote")
        if match.group(1) is not None:
            pieces.append(match.group(1).replace("''", "'"))
        elif match.group(2) is None:
            pieces.append(word)
        else:
            if word not in components:
                return call.fail(f"'{word}' is not a date format")
            pieces.append(components[word])
    return StringNode(("".join(pieces),), call.at, defaults=defaults_of(arguments))


def _components(time: datetime) -> dict[str, str]:
    """Return the components of a time by their formats, with English names in every locale."""
    month, day, half = _MONTHS[time.month - 1], _DAYS[time.weekday()], "AM" if time.hour < 12 else "PM"
    offset, is_utc = time.strftime("%z"), not time.utcoffset()
    with_colon = f"{offset[:3]}:{offset[3:]}"
    numbers = {"M": time.month, "D": time.day, "h": time.hour, "H": time.hour % 12 or 12, "m": time.minute,
               "s": time.second}  # fmt: skip
    return {
        **{letter: str(number) for letter, number in numbers.items()},
        **{letter * 2: f"{number:02}" for letter, number in numbers.items()},
        "YYYY": f"{time.year:04}", "YY": f"{time.year % 100:02}", "MMMM": month, "MMM": month[:3], "EEEE": day,
        "EEE": day[:3], "AA": half, "aa": half.lower(), "Z": "Z" if is_utc else with_colon,
        "ZZZ": "UTC" if is_utc else offset, "ZZZZ": offset, "ZZZZZ": with_colon,
    }  # fmt: skip


TIME = declare({"timeadd": (time_add, "ss"), "timecmp": (time_compare, "ss"), "formatdate": (format_date, "ss")})
