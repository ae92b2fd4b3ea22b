"""What single answers about a participant mean: sex, a reported heart attack, diagnoses, coded fields."""

import re
from collections.abc import Mapping, Sequence

import pandas as pd

from cinecohort.cohort.ukb_codings import ILLNESSES, VASCULAR, Coding, plain_code
from cinecohort.ledger.users_tables import MISSING_WORDS
from cinecohort.statistics.icd10 import code_in

SEXES = {
    **dict.fromkeys(("0", "female", "f", "woman", "w"), "F"),
    **dict.fromkeys(("1", "male", "m", "man"), "M"),
}
YES = frozenset({"1", "true", "yes", "y", "1075", "mi"})
NO = frozenset({"0", "-7", "false", "no", "n", "none", "2", "3", "4", "none of the above", "never"})
"""Answers by words, and by the codes of fields 6150 (1 heart attack, 2 to 4 other illnesses, -7 none) and
20002 (1075 heart attack)."""
NO_ANSWER = MISSING_WORDS | {"-1", "-3", "99999", "unknown", "unclassifiable", "don't know"}

_ATTACK = re.compile(r"heart attack|myocardial infarction")
_DENIED = re.compile(r"(no|not|never|without|possible|suspected|family|father|mother)\b")


def items_of(texts: Sequence[str], separators: str = r"[;|,]") -> list[str]:
    """Items of all texts; a cell may hold a list (``['I21', 'I50']``, ``I21|I50``)."""
    items = [item.strip(" []'\"") for text in texts for item in re.split(separators, text)]
    return [item for item in items if item]


def heart_attack_reported(answers: Sequence[str], field: int | None = None) -> tuple[str | None, list[str]]:
    """Whether any of a participant's answers is a heart attack.

    Parameters
    ----------
    answers
        Yes and no, names of illnesses, or codes of UK Biobank's fields 6150 and 20002; a cell may hold
        several, separated by semicolons, commas or bars.
    field
        UK Biobank's field, where the column is one: in field 20002 any other illness is no heart attack.

    Returns
    -------
    tuple
        ``true``, ``false`` or None (not known), and the answers that are not understood. These leave unknown
        what no other answer says.
    """
    codes = [plain_code(item) for item in items_of(answers)]
    meant = [_attack(item, field) for item in codes]
    odd = [item for item, meaning in zip(codes, meant, strict=True) if meaning == "odd"]
    if "true" in meant:
        return "true", odd
    return ("false" if "false" in meant and not odd else None), odd


def _attack(item: str, field: int | None) -> str | None:
    if item in NO_ANSWER:
        return None
    if field == ILLNESSES and item in {"1", "2", "3", "4", "0"}:
        return "odd"
    if item in YES:
        return "true"
    if _ATTACK.search(item):
        denied = _DENIED.match(item)
        return "true" if not denied else "false" if denied[1] in ("no", "not", "never", "without") else "odd"
    other = item in NO or item in VASCULAR.labels.values() or re.fullmatch(r"1\d{3}", item)
    return "false" if other or (field == ILLNESSES and re.search(r"[a-z]", item)) else "odd"


def diagnoses(texts: Sequence[str]) -> tuple[str | None, list[str]]:
    """A participant's diagnoses joined by semicolons, and those of them that are no ICD-10 codes.

    A description beside its code is no such: only cells that hold no code at all are reported.
    """
    items = items_of(texts)
    known = any(code_in(item) for item in items)
    odd = [] if known else [item for item in items if plain_code(item) not in NO_ANSWER]
    return (";".join(items) or None), odd


def decoded(
    texts: pd.Series, coding: Coding | None, values: Mapping[str, str], missing: Sequence[str]
) -> tuple[pd.Series, pd.Series]:
    """Texts of one column with codes replaced by what they mean.

    Parameters
    ----------
    texts
        The column.
    coding
        Of the field; None where it is not known.
    values, missing
        The user's own: code to text, and codes that stand for a missing value; they go first.

    Returns
    -------
    tuple
        The texts, missing where a code says so or is in no coding, and those that are in no coding.
    """
    labels = dict(values) if values else dict(coding.labels if coding else {})
    none = {plain_code(code) for code in missing}
    if coding is not None:
        none |= {word for pair in coding.missing.items() for word in pair} - set(labels)
    codes = texts.map(plain_code, na_action="ignore")
    kept = texts.mask(codes.isin(none) | codes.isin(MISSING_WORDS))
    words = {label.lower(): label for label in labels.values()}
    meaning = {plain_code(code): label for code, label in labels.items()}
    if not meaning:
        return kept, kept.iloc[:0]
    result = codes.map(lambda code: meaning.get(code, words.get(code)), na_action="ignore").where(
        kept.notna()
    )
    closed = any(not _is_number(label) for label in meaning.values())
    unknown = kept[result.isna() & kept.notna()]
    return (result, unknown) if closed else (result.fillna(kept), unknown.iloc[:0])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def sexes(texts: pd.Series) -> tuple[pd.Series, pd.Series]:
    """``F`` or ``M``, and the texts that are neither."""
    plain = texts.map(plain_code, na_action="ignore")
    known = plain.map(SEXES)
    wrong = texts[known.isna() & plain.notna() & ~plain.isin(NO_ANSWER)]
    return known.astype(object), wrong
