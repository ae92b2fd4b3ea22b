"""Numbers to text: rounding happens here, last and once, and an undefined number is a dash."""

import itertools
import math
import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

UNDEFINED = "–"
MINUS = "\N{MINUS SIGN}"


def is_defined(value: object) -> bool:
    """Say whether a value is a finite number."""
    try:
        return math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def number(value: object, digits: int = 1) -> str:
    """Text of a number with fixed digits and a typographic minus; a dash where it is not defined."""
    if not is_defined(value):
        return UNDEFINED
    text = f"{float(value):,.{digits}f}"  # type: ignore[arg-type]
    if text.startswith("-") and not any(character in "123456789" for character in text):
        text = text[1:]
    return text.replace("-", MINUS)


def signed(value: object, digits: int = 1) -> str:
    """Text of a difference: its sign is always written."""
    text = number(value, digits)
    positive = is_defined(value) and any(character in "123456789" for character in text)
    return f"+{text}" if positive and not text.startswith(MINUS) else text


def count(value: object) -> str:
    """Text of a whole number with thousands separators."""
    return number(value, 0)


def mean_sd(mean: object, sd: object, digits: int = 1) -> str:
    """``mean (SD)``; without the SD where there is none (a single value)."""
    if not is_defined(mean):
        return UNDEFINED
    return f"{number(mean, digits)} ({number(sd, digits)})" if is_defined(sd) else number(mean, digits)


def interval(low: object, high: object, digits: int = 1) -> str:
    """``low to high``; a dash where an end is not defined."""
    if not (is_defined(low) and is_defined(high)):
        return UNDEFINED
    return f"{number(low, digits)} to {number(high, digits)}"


def p_value(value: object) -> str:
    """Text of a p value: three digits, ``< 0.001`` below that, never 0."""
    if not is_defined(value):
        return UNDEFINED
    p = float(value)  # type: ignore[arg-type]
    if p < 0.001:
        return "< 0.001"
    return "> 0.99" if p > 0.99 else f"{p:.3f}"


def percent(part: float, whole: float, digits: int = 1) -> str:
    """``part`` as a percentage of ``whole``."""
    return f"{number(100 * part / whole, digits)} %" if whole else UNDEFINED


def count_percent(part: int, whole: int, smallest: int = 0) -> str:
    """``n (x %)``; counts from 1 to below `smallest` are hidden as ``< smallest``."""
    if 0 < part < smallest:
        return f"< {smallest}"
    return f"{count(part)} ({percent(part, whole)})" if whole else count(part)


def hidden_count(value: int, smallest: int = 0) -> str:
    """Text of a count, hidden as ``< smallest`` where it is small."""
    return f"< {smallest}" if 0 < value < smallest else count(value)


def summary_mean_sd(values: pd.Series, digits: int = 1) -> str:
    """Mean (SD, n - 1) of the values that are there."""
    values = pd.to_numeric(values, errors="coerce").dropna()
    return mean_sd(values.mean(), values.std(ddof=1), digits) if len(values) else UNDEFINED


def summary_median_iqr(values: pd.Series, digits: int = 1) -> str:
    """Median [first to third quartile] of the values that are there (linear quantiles)."""
    values = pd.to_numeric(values, errors="coerce").dropna()
    if len(values) < 2:
        return number(values.iloc[0], digits) if len(values) else UNDEFINED
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{number(median, digits)} [{number(low, digits)}, {number(high, digits)}]"


def ci(confidence: float) -> str:
    """Heading of an interval: ``95 % CI``."""
    return f"{100 * confidence:g} % CI"


def quantity(n: int, noun: str, plural: str | None = None) -> str:
    """``1 subject``, ``2 subjects``, ``no subjects``."""
    plural = plural or f"{noun}s"
    if n == 0:
        return f"no {plural}"
    return f"{count(n)} {noun if n == 1 else plural}"


def with_n(title: str, n: object) -> str:
    """Heading of a column with its number of subjects on a line of its own."""
    return f"{title}\n(n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{count(n)})"


def listing(words: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    words = list(words)
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


NUMBER = re.compile(r"[\u2212+]?\d[\d,]*(?:\.\d+)?")
NOTE_MARKS = "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡ"
"""Letters of the notes below a table, in their order."""


def decimal_parts(text: str) -> tuple[list[str], str]:
    """Cut the text of a cell where its numbers have their points, so that a column can align them.

    Parameters
    ----------
    text
        Text of a cell that begins with a number, such as ``163.0 (56.8)``; a dash stands for one.

    Returns
    -------
    tuple
        The parts and the mark of a note behind them: ``["163", ".0", " (56", ".8)"]``, with spaces that do
        not break. Every second part begins at a point; there are none where the cell is words.
    """
    mark = "".join(character for character in text if character in NOTE_MARKS)
    text = text.translate(dict.fromkeys(map(ord, NOTE_MARKS)))
    found = list(NUMBER.finditer(text))
    if text == UNDEFINED:
        return [text, ""], mark
    if not found or text[: found[0].start()].strip(" <>") or re.search("[A-Za-z]{3}", text):
        return [], ""
    points = [match.start() + (match.group() + ".").index(".") for match in found]
    # Words behind a number belong to it: the next part begins with the last space before the next number.
    starts = [text.rfind(" ", 0, match.start()) for match in found[1:]]
    starts = [
        max(start, match.end()) if start >= 0 else match.end()
        for start, match in zip(starts, found, strict=False)
    ]
    cuts = [0]
    for point, start in zip(points, [*starts, len(text)], strict=True):
        cuts += [point, max(point, start)]
    text = text.replace(" ", "\N{NO-BREAK SPACE}")
    return [text[start:end] for start, end in itertools.pairwise(cuts)], mark


class NoteMarks:
    """Letters for the notes of one table: the same words get the same letter."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def of(self, words: str) -> str:
        """Letter of a note."""
        if words not in self.words:
            self.words.append(words)
        return NOTE_MARKS[self.words.index(words) % len(NOTE_MARKS)]

    def with_n(self, text: str, n: object, total: int) -> str:
        """Text of a cell, with a letter where its n is not that of the column."""
        fewer = text != UNDEFINED and is_defined(n) and int(n) != total  # type: ignore[call-overload]
        return text + self.of(f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{count(n)}") if fewer else text

    def note(self) -> str:
        """All notes in one line that ends with a space, empty where there are none."""
        return "".join(f"{self.of(words)} {words}. " for words in self.words)
