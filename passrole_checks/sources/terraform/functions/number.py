"""Numeric functions. Source: Terraform language documentation, "Functions", "Numeric Functions"."""

from __future__ import annotations

import math
from collections.abc import Callable

from passrole_checks.iam.values.nodes import Const, Node
from passrole_checks.sources.terraform.evaluation.symbolic_values import known_integer, known_number
from passrole_checks.sources.terraform.functions.signature import Function, FunctionCall, declare, exact_text

_MAX_NUMBER = 1e300
_MAX_DIGITS = 300


def _numeric(change: Callable[..., int | float]) -> Function:
    def run(call: FunctionCall, arguments: list[Node]) -> Node | None:
        numbers = [known_number(argument) for argument in arguments]
        if any(value is None for value in numbers):
            return None
        try:
            result = change(*numbers)
            if not math.isfinite(result) or abs(result) > _MAX_NUMBER:
                return call.unresolved("not a finite number")
        except OverflowError:
            return call.unresolved("not a finite number")
        except (ArithmeticError, ValueError):
            return call.fail("not a finite number")
        return Const(int(result) if isinstance(result, float) and result.is_integer() else result, call.at)

    return run


def _power(base: float, exponent: float) -> int | float:
    whole_numbers = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
    if whole_numbers and int(base).bit_length() * exponent < 1000:
        return int(pow(int(base), int(exponent)))
    return math.pow(base, exponent)


def _logarithm(value: float, base: float) -> float:
    result = math.log(value, base)
    return round(result) if math.isclose(result, round(result), rel_tol=1e-12) else result


def parse_int(call: FunctionCall, arguments: list[Node]) -> Node | None:
    """Evaluate ``parseint``. Up to base 36 letters are case-insensitive; above, upper-case letters are further
    digits."""
    value, base = exact_text(arguments[0]), known_integer(arguments[1])
    if value is None or base is None:
        return None
    if not 2 <= base <= 62:
        return call.fail("the base must be an integer from 2 to 62")
    digits = value[1:] if value[:1] in ("+", "-") else value
    if base > 36:
        alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[:base]
    else:
        alphabet, digits = "0123456789abcdefghijklmnopqrstuvwxyz"[:base], digits.lower()
    if not digits or any(digit not in alphabet for digit in digits):
        return call.fail("not a number in this base")
    if len(digits) > _MAX_DIGITS:
        return call.unresolved("the number has too many digits")
    amount = 0
    for digit in digits:
        amount = amount * base + alphabet.index(digit)
    return Const(-amount if value[0] == "-" else amount, call.at)


NUMBER = declare({
    "abs": (_numeric(abs), "n"), "ceil": (_numeric(math.ceil), "n"),
    "floor": (_numeric(math.floor), "n"),
    "log": (_numeric(_logarithm), "nn"), "pow": (_numeric(_power), "nn"),
    "signum": (_numeric(lambda value: (value > 0) - (value < 0)), "n"), "parseint": (parse_int, "sn"),
})  # fmt: skip
