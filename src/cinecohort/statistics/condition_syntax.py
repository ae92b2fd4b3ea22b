"""Reading conditions on participants' columns, such as ``18.5 <= bmi < 25``.

A condition is written in Python's expression syntax and parsed by :mod:`ast`; only the node types listed here
are let through, so that nothing in a configuration file is ever executed. Two words are added to the syntax,
``startswith`` and ``contains``, for text and for semicolon lists: ``icd10 startswith ('I21', 'I22')``.
"""

import ast
import io
import tokenize

_WORDS = {"startswith": "@", "contains": "%"}
"""Infix words of our own, read as Python operators that conditions have no other use for."""

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
        raise ValueError(f"the condition {text!r} cannot be read: {error}.") from error
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise ValueError(
                f"the condition {text!r} holds {type(node).__name__}, which is not allowed: use column "
                "names, "
                "numbers, quoted text, < <= > >= == != in, + - * /, and, or, not, startswith, contains."
            )
        if isinstance(node, ast.Constant) and not isinstance(node.value, bool | int | float | str):
            raise ValueError(
                f"the condition {text!r} holds the constant {node.value!r}, which is not allowed."
            )
    return tree.body


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
