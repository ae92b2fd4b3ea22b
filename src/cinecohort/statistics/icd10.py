"""ICD-10 codes and how papers write sets of them: ``I21``, ``I21.0``, ``I20-I25``, ``I2*``, in either case.

A code is a letter, two characters of which the first is a digit, and up to four more; points are left out
when codes are compared (WHO, ICD-10, volume 2). A set holds the codes below it: ``I21`` holds ``I21.0``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_CODE = re.compile(r"[A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?")
_WHOLE = re.compile(r"([A-Z]\d[0-9A-Z])\.?(?:X|-|\*)")
_OPEN = re.compile(r"([A-Z]\d?|[A-Z]\d[0-9A-Z]\.?[0-9A-Z]{0,3})\*")
_DASH = re.compile(r"\s*(?:-|–|—|\.\.|\bTO\b)\s*")
_IN_TEXT = re.compile(r"\s*([A-Z]\d[0-9A-Z](?:\.?[0-9A-Z]{1,4})?)(?![0-9A-Z])")


@dataclass(frozen=True)
class CodeSet:
    """Codes from `first` to `last`, without points, each with all that is below it.

    Parameters
    ----------
    text
        As it was written.
    first, last
        Equal for a single code; a prefix counts as a code.
    """

    text: str
    first: str
    last: str

    def holds(self, code: str) -> bool:
        """Whether a code (without points, in capitals) is in the set."""
        return code[: len(self.first)] >= self.first and code[: len(self.last)] <= self.last


def parse_codes(text: str) -> CodeSet:
    """Read one code, wildcard or range.

    Raises
    ------
    ValueError
        If it is none of them, with a sentence that quotes it.
    """
    plain = text.strip().upper()
    if whole := _WHOLE.fullmatch(plain) or _OPEN.fullmatch(plain):
        return _single(text, whole[1])
    if _CODE.fullmatch(plain):
        return _single(text, plain)
    ends = _DASH.split(plain)
    if len(ends) == 2 and _CODE.fullmatch(ends[0]):
        if re.fullmatch(r"\d[0-9A-Z]", ends[1]):
            ends[1] = ends[0][0] + ends[1]
        if _CODE.fullmatch(ends[1]):
            first, last = (end.replace(".", "") for end in ends)
            if first[: len(last)] > last:
                raise ValueError(f"{text!r}: the range of ICD-10 codes ends before it begins")
            return CodeSet(text, first, last)
    hint = f"; write {plain}* for all codes that begin so" if re.fullmatch(r"[A-Z]\d?", plain) else ""
    raise ValueError(
        f"{text!r} is no ICD-10 code{hint or '; write a code (I21, I21.0), a range (I20-I25) or I2*'}"
    )


def _single(text: str, code: str) -> CodeSet:
    plain = code.replace(".", "")
    return CodeSet(text, plain, plain)


def code_in(text: str) -> str | None:
    """The code that a cell's item begins with, without points, in capitals; None where there is none.

    What follows may be a description, as in ``I21.0 Acute transmural infarction``, or a mark (``*``, ``+``).
    """
    found = _IN_TEXT.match(text.upper())
    return found[1].replace(".", "") if found else None


def any_holds(sets: Iterable[CodeSet], code: str | None) -> bool:
    """Whether a code is in one of the sets."""
    return code is not None and any(each.holds(code) for each in sets)
