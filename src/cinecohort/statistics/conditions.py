"""Conditions on participants' columns: who meets them, who does not, and of whom it is not known."""

import ast
import operator
from collections.abc import Callable
from typing import Any

import pandas as pd

from cinecohort.errors import UserError
from cinecohort.ledger.tables import no_column
from cinecohort.statistics.condition_syntax import parse_condition
from cinecohort.statistics.icd10 import CodeSet, any_holds, code_in, parse_codes

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
DECIMALS = 9
"""Decimals that numbers are compared to."""

_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def meets(table: pd.DataFrame, condition: str) -> pd.Series:
    """Say for every row whether it meets a condition.

    Parameters
    ----------
    table
        One row per subject.
    condition
        See :func:`cinecohort.statistics.condition_syntax.parse_condition`. Bounds are as written:
        ``18.5 <= bmi < 25`` holds 18.5 and leaves 25.0 out.

    Returns
    -------
    pandas.Series
        Nullable booleans on the table's index: missing where a value that decides is missing. ``startswith``
        and ``contains`` are False for an empty cell, since an empty list of diagnoses holds none; on a
        semicolon list they are True where any item of it does.

    Raises
    ------
    UserError
        A column is not there, or a text is compared with a number.
    """
    try:
        tree = parse_condition(condition)
    except ValueError as error:
        raise UserError(str(error)) from error
    try:
        value = _evaluate(tree, table)
    except TypeError as error:
        raise UserError(f"The condition {condition!r} compares text with numbers: {error}.") from error
    if not isinstance(value, pd.Series):
        raise UserError(f"The condition {condition!r} names no column of the participants' table.")
    return _truth(value, condition)


def _truth(value: Any, condition: str) -> Any:
    """Turn a column into nullable booleans: those, or numbers that are 0 and 1."""
    if not isinstance(value, pd.Series):
        return bool(value)
    if isinstance(value.dtype, pd.BooleanDtype):
        return value
    numbers = pd.to_numeric(_as_plain(value), errors="coerce")
    if not (numbers.isna() == value.isna()).all() or not numbers.dropna().isin([0, 1]).all():
        raise UserError(
            f"In the condition {condition!r}, column {value.name!r} is not true or false by itself."
        )
    return numbers.astype("boolean")


def _as_plain(value: pd.Series) -> pd.Series:
    """Spell true and false as 1 and 0, whatever the case in which they were written."""
    if pd.api.types.is_numeric_dtype(value):
        return value
    spelling = {"true": "1", "false": "0", "yes": "1", "no": "0"}
    return value.astype("string").str.lower().replace(spelling)


def _evaluate(node: ast.expr, table: pd.DataFrame) -> Any:
    """Evaluate one node of the tree to a column or a constant."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _column(node.id, table)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return [_evaluate(item, table) for item in node.elts]
    if isinstance(node, ast.Compare):
        return _compare(node, table)
    if isinstance(node, ast.BoolOp):
        parts = [_truth(_evaluate(value, table), ast.unparse(node)) for value in node.values]  # noqa: PD011
        combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
        result = parts[0]
        for part in parts[1:]:
            result = combine(result, part)
        return result
    if isinstance(node, ast.UnaryOp):
        value = _evaluate(node.operand, table)
        if isinstance(node.op, ast.USub):
            return -value
        truth = _truth(value, ast.unparse(node))
        return ~truth if isinstance(truth, pd.Series) else not truth
    if isinstance(node, ast.BinOp):
        return _binary(node, table)
    raise TypeError(f"{type(node).__name__} is not part of a condition")


def _column(name: str, table: pd.DataFrame) -> pd.Series:
    """Fetch a column as nullable numbers or nullable text, so that what is missing stays missing."""
    if name not in table:
        raise no_column(table, name)
    return table[name].convert_dtypes()


def _compare(node: ast.Compare, table: pd.DataFrame) -> Any:
    """Evaluate a chain of comparisons, as Python does: every link must hold."""
    values = [_evaluate(operand, table) for operand in [node.left, *node.comparators]]
    result: Any = None
    for symbol, left, right in zip(node.ops, values[:-1], values[1:], strict=True):
        link = _link(symbol, left, right)
        result = link if result is None else result & link
    return result


def _link(symbol: ast.cmpop, left: Any, right: Any) -> Any:
    """Compare two values; a row in which one of them is missing gives missing."""
    if isinstance(symbol, ast.In | ast.NotIn):
        if not isinstance(left, pd.Series) or not isinstance(right, list):
            raise TypeError("'in' needs a column on its left and a list of constants on its right")
        inside = left.isin(right).astype("boolean").mask(left.isna())
        return ~inside if isinstance(symbol, ast.NotIn) else inside
    for value in (left, right):
        if isinstance(value, pd.Series) and value.isna().all():
            return pd.Series(pd.NA, index=value.index, dtype="boolean")
    if _is_text(left) != _is_text(right):
        raise TypeError(f"{_describe(left)} with {_describe(right)}")
    left, right = _rounded(left), _rounded(right)
    result = _COMPARISONS[type(symbol)](left, right)
    return result.astype("boolean") if isinstance(result, pd.Series) else result


def _rounded(value: Any) -> Any:
    """Numbers to nine decimals: a body mass index of 24.999999999999996 is one of 25 (64 kg at 160 cm)."""
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, pd.Series) and pd.api.types.is_float_dtype(value):
        return value.round(DECIMALS)
    return value


def _binary(node: ast.BinOp, table: pd.DataFrame) -> Any:
    """Evaluate arithmetic, and the two words that look into text."""
    left, right = _evaluate(node.left, table), _evaluate(node.right, table)
    if isinstance(node.op, ast.MatMult | ast.Mod):
        if not isinstance(left, pd.Series):
            raise TypeError("'startswith' and 'contains' need a column on their left")
        wanted = tuple(str(item) for item in (right if isinstance(right, list) else [right]))
        items = left.astype("string").fillna("").str.split(";")
        if left.name == "icd10" and isinstance(node.op, ast.MatMult):
            sets = [_codes(text) for text in wanted]
            diagnosed = [any(any_holds(sets, code_in(item)) for item in cell) for cell in items]
            return pd.Series(diagnosed, index=left.index, dtype="boolean")
        look = _starts if isinstance(node.op, ast.MatMult) else _contains
        found = [any(look(item.strip(), wanted) for item in cell) for cell in items]
        return pd.Series(found, index=left.index, dtype="boolean")
    return _ARITHMETIC[type(node.op)](left, right)


def _codes(text: str) -> CodeSet:
    """The set of an ICD-10 code, range or wildcard; other text is the beginning of codes."""
    try:
        return parse_codes(text)
    except ValueError:
        plain = text.replace(".", "").upper()
        return CodeSet(text, plain, plain)


def _starts(item: str, wanted: tuple[str, ...]) -> bool:
    return item.startswith(wanted)


def _contains(item: str, wanted: tuple[str, ...]) -> bool:
    return any(part in item for part in wanted)


def _is_text(value: Any) -> bool:
    return pd.api.types.is_string_dtype(value) if isinstance(value, pd.Series) else isinstance(value, str)


def _describe(value: Any) -> str:
    return f"column {value.name!r}" if isinstance(value, pd.Series) else repr(value)
