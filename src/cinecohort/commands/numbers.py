"""Numbers on the command line that have to lie in a range: anything else is wrong usage."""

import argparse
import math


def positive(text: str) -> int:
    """Read a whole number of at least 1.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    return _at_least(1, text)


def not_negative(text: str) -> int:
    """Read a whole number of at least 0; see :func:`positive`."""
    return _at_least(0, text)


def positive_number(text: str) -> float:
    """Read a number above 0, whole or not; see :func:`positive`."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not (number > 0 and math.isfinite(number)):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return number


def _at_least(least: int, text: str) -> int:
    number = int(text) if text.strip().lstrip("+-").isdecimal() else None
    if number is None or number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least {least}")
    return number
