"""Functions on numbers. Source: Terraform language documentation, "Functions", "Numeric Functions"."""

from __future__ import annotations

import math
from collections.abc import Callable

from passrole_checks.iam.partial_values import Const, Node
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_integer, known_number
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, declare, exact

_LARGEST = 1e300
_DIGITS = 300


def _numbers(change: Callable[..., int | float]) -> Function:
    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        found = [known_number(argument) for argument in arguments]
        if any(value is None for value in found):
            return None
        try:
            result = change(*found)
            if not math.isfinite(result) or abs(result) > _LARGEST:
                return call.hole("no number")
        except OverflowError:
            return call.hole("no number")
        except (ArithmeticError, ValueError):
            return call.fail("no number")
        return Const(int(result) if isinstance(result, float) and result.is_integer() else result, call.at)

    return run


def _power(base: float, exponent: float) -> int | float:
    whole_numbers = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    if whole_numbers and int(base).bit_length() * exponent < 1000:
        return int(pow(int(base), int(exponent)))
    return math.pow(base, exponent)


def _logarithm(value: float, base: float) -> float:
    found = math.log(value, base)
    return round(found) if math.isclose(found, round(found), rel_tol=1e-12) else found


def parse_int(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """A whole number written to a base: up to 36 the letters have no case, up to 62 capitals are more."""
    value, base = exact(arguments[0]), known_integer(arguments[1])
    if value is None or base is None:
        return None
    if not 2 <= base <= 62:
        return call.fail("a base is a whole number from 2 to 62")
    digits = value[1:] if value[:1] in ("+", "-") else value
    if base > 36:
        alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[:base]
    else:
        alphabet, digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:base], digits.lower()
    if not digits or any(digit not in alphabet for digit in digits):
        return call.fail("not a number to this base")
    if len(digits) > _DIGITS:
        return call.hole("a number too long")
    amount = 0
    for digit in digits:
        amount = amount * base + alphabet.index(digit)
    return Const(-amount if value[0] == "-" else amount, call.at)


NUMBER = declare({
    "abs": (_numbers(abs), "n"), "ceil": (_numbers(math.ceil), "n"), "floor": (_numbers(math.floor), "n"),
    "log": (_numbers(_logarithm), "nn"), "pow": (_numbers(_power), "nn"),
    "signum": (_numbers(lambda value: (value > 0) - (value < 0)), "n"), "parseint": (parse_int, "sn"),
})  # fmt: skip
