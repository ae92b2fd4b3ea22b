"""Reading conditions on participants' columns, such as ``18.5 <= bmi < 25``.

A condition is written in Python's expression syntax and parsed by :mod:`ast`; only the node types listed here
are let through, so that nothing in a configuration file is ever executed. Two words are added to the syntax,
``startswith`` and ``contains``, for text and for semicolon lists: ``icd10 startswith ('I21', 'I22')``.
"""

import ast
import io
import re
import tokenize

_WORDS = {"startswith": "@", "contains": "%"}
"""Infix words of our own, read as Python operators that conditions have no other use for."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")

_ALLOWED = (
    ast.Expression,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.UnaryOp,
    ast.Not,
    ast.USub,
    ast.Compare,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Eq,
    ast.NotEq,
    ast.In,
    ast.NotIn,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.MatMult,
    ast.Mod,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.Tuple,
    ast.List,
    ast.Set,
)


def parse_condition(text: str) -> ast.expr:
    """Parse a condition into a syntax tree that holds nothing but comparisons of columns and constants.

    Parameters
    ----------
    text
        For example ``18.5 <= bmi < 25``, ``group == 'DCM'``, ``sex in ('F', 'M') and not self_reported_mi``,
        ``icd10 startswith 'I2'``.

    Returns
    -------
    ast.expr
        The tree; ``startswith`` is its matrix product and ``contains`` its remainder operator.

    Raises
    ------
    ValueError
        The text is no condition, with a sentence that quotes it.
    """
    try:
        tree = ast.parse(_with_operators(text), mode="eval")
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the condition {text!r} cannot be read{_hint(text)}.") from error
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(
                f"the condition {text!r} holds {type(node).__name__}, which is not allowed: use column "
                "names, numbers, quoted text, < <= > >= == != in, + - * /, and, or, not, startswith, "
                "contains."
            )
        if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str):
            raise ValueError(
                f"the condition {text!r} holds the constant {node.value!r}, which is not allowed."
            )
    _check_places(tree, text)
    return tree.body


def _hint(text: str) -> str:
    """What is probably wrong with a text that is no expression."""
    plain = _QUOTED.sub("''", text)
    if "=>" in plain or "=<" in plain:
        return ": write >= and <="
    if re.search(r"(?<![<>=!])=(?!=)", plain):
        return ": write == for equal"
    return ": write column names, numbers without units, quoted text, and signs such as < or =="


def _check_places(tree: ast.Expression, text: str) -> None:
    """Refuse what Python reads and nobody means: a value or a list that is true by being there.

    ``smoking == 1 or 2`` would be met by everyone, and ``(bmi >= 30,5) and group == 'A'`` by the group.
    """
    lists: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = zip(node.ops, node.comparators, strict=True)
            lists |= {id(side) for sign, side in sides if isinstance(sign, ast.In | ast.NotIn)}
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Mod):
            lists.add(id(node.right))
        alone = node.values if isinstance(node, ast.BoolOp) else []
        alone = [node.operand] if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else alone
        for part in alone:
            if not any(isinstance(below, ast.Name) for below in ast.walk(part)):
                raise ValueError(
                    f"in the condition {text!r}, {ast.unparse(part)} stands alone: name the column again, as "
                    "in `smoking == 1 or smoking == 2`, or write `smoking in (1, 2)`."
                )
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and id(node) not in lists:
            raise ValueError(
                f"the condition {text!r} has a comma outside of a list after `in`: write numbers with "
                "decimal points, and `and` or `or` between conditions."
            )


def condition_columns(text: str) -> list[str]:
    """Names of the columns that a condition reads, in the order of their first appearance."""
    names = [node for node in ast.walk(parse_condition(text)) if isinstance(node, ast.Name)]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in names))


def _with_operators(text: str) -> str:
    """Replace the words of our own by the operators that stand for them, outside of quoted text."""
    if any(symbol in _strip_strings(text) for symbol in _WORDS.values()):
        raise ValueError("the signs @ and % have no meaning in a condition")
    tokens = [
        (tokenize.OP, _WORDS[token.string])
        if token.type == tokenize.NAME and token.string in _WORDS
        else (token.type, token.string)
        for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline)
        if token.type != tokenize.COMMENT
    ]
    return tokenize.untokenize(tokens)


def _strip_strings(text: str) -> str:
    """Return the text of every token that is not a quoted string."""
    tokens = tokenize.generate_tokens(io.StringIO(text.strip()).readline)
    return " ".join(token.string for token in tokens if token.type != tokenize.STRING)
