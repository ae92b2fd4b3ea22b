"""Random damage to bytes, and to what a format holds while it stays whole; the same seed, the same damage."""

import copy
import gzip
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value")
Damage = Callable[[bytes, np.random.Generator], bytes]

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Values at which counters and lengths overflow."""

WORDS = (
    b"-1",
    b"1e308",
    b"nan",
    b"inf",
    b"9" * 30,
    b"",
    b"\\",
    b"\x00",
    b"<a>" * 50,
    b"[" * 300,
    b",",
    b"\t",
    b"'",
)


def mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage bytes in one to four places."""
    made = bytearray(content)
    for _ in range(int(rng.integers(1, 5))):
        made = _damaged(made, rng)
    return bytes(made)


def weights_mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage of safetensors: of numbers behind the header, of values of the header, or of any bytes."""
    kind, start = rng.random(), 8 + int.from_bytes(content[:8], "little")
    if kind < 0.25:
        return mutated(content, rng)
    if kind < 0.5:
        header = _in_header(content[8:start], rng)
        return len(header).to_bytes(8, "little") + header + content[start:]
    made = bytearray(content)
    for _ in range(_few(rng)):
        place = int(rng.integers(start, len(made) - 4))
        made[place : place + 4] = struct.pack("<f", _one_of(_REALS, rng))
    return bytes(made)


def _few(rng: np.random.Generator) -> int:
    """One to four, mostly one: what is damaged in many places is seldom looked at to its end."""
    return min(int(rng.geometric(0.6)), 4)


def _place(made: bytearray, rng: np.random.Generator) -> int:
    """Any place; half of the time near the beginning or the end, where headers and directories lie."""
    if len(made) < 2:
        return 0
    where = rng.random()
    if where < 0.35:
        return int(rng.integers(0, min(len(made), 1500)))
    if where < 0.5:
        return int(rng.integers(max(0, len(made) - 300), len(made)))
    return int(rng.integers(0, len(made)))


def _damaged(made: bytearray, rng: np.random.Generator) -> bytearray:
    kind, place = int(rng.integers(0, 9)), _place(made, rng)
    if kind == 0 and made:
        made[place] ^= 1 << int(rng.integers(0, 8))
    elif kind == 1 and made:
        made[place] = int(rng.integers(0, 256))
    elif kind in (2, 3):
        number = NUMBERS[int(rng.integers(0, len(NUMBERS)))]
        width = (2, 4, 8)[int(rng.integers(0, 3))]
        packed = (number % (1 << 8 * width)).to_bytes(width, ("little", "big")[int(rng.integers(0, 2))])
        made[place : place + width] = packed
    elif kind == 4:
        del made[place : place + int(rng.integers(1, 64))]
    elif kind == 5:
        made[place:place] = made[place : place + int(rng.integers(1, 200))]
    elif kind == 6:
        del made[place:]
    elif kind == 7:
        made[place:place] = WORDS[int(rng.integers(0, len(WORDS)))]
    else:
        other = _place(made, rng)
        length = int(rng.integers(1, 40))
        made[place : place + length] = made[other : other + length]
    return made


def dicom_mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage the value of one to three elements of an explicit little-endian header, keeping its lengths."""
    places = _elements(content)
    if len(places) < 3 or rng.random() < 0.3:
        return mutated(content, rng)
    made = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        start, length = places[int(rng.integers(0, len(places)))]
        length = min(length, 64)
        if length == 0:
            continue
        kind = int(rng.integers(0, 3))
        if kind == 0:
            value = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        elif kind == 1:
            value = (WORDS[int(rng.integers(0, len(WORDS)))] + b" " * length)[:length]
        else:
            value = (struct.pack("<I", NUMBERS[int(rng.integers(0, len(NUMBERS)))]) * 16)[:length]
        made[start : start + length] = value
    return bytes(made)


def _elements(content: bytes) -> list[tuple[int, int]]:
    """Offset and length of the values of the top level, as far as they can be followed."""
    found, offset = [], 132
    while offset + 8 <= len(content) and len(found) < 200:
        kind = content[offset + 4 : offset + 6]
        if kind in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC"):
            if offset + 12 > len(content):
                break
            (length,) = struct.unpack_from("<I", content, offset + 8)
            start = offset + 12
        else:
            (length,) = struct.unpack_from("<H", content, offset + 6)
            start = offset + 8
        if start + length > len(content):
            break
        found.append((start, length))
        offset = start + length
    return found


def text_mutated(
    token: str, share: float = 0.8, encodings: tuple[str, ...] = (), words: tuple[str, ...] = ()
) -> Damage:
    """Damage of text: words that the pattern `token` finds are replaced, lines left out, doubled, exchanged.

    The rest of the cases damages bytes. `encodings` are those that an example may be in and is put into; half
    of the new words are of `words`, where there are any, or another word of the text.
    """

    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        if rng.random() > share:
            return mutated(content, rng)
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1")
        for _ in range(_few(rng)):
            if rng.random() < 0.25:
                text = _other_lines(text, rng)
                continue
            found = list(re.finditer(token, text))
            if found:
                start, end = _one_of(found, rng).span()
                alike = (*words, _one_of(found, rng).group())
                text = text[:start] + _one_of(alike if rng.random() < 0.5 else _ODD_WORDS, rng) + text[end:]
        encoding = encodings[int(rng.integers(0, len(encodings)))] if encodings else "latin-1"
        return text.encode(encoding, "replace")

    return damage


def _other_lines(text: str, rng: np.random.Generator) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    place, other = (int(n) for n in rng.integers(0, len(lines), 2))
    kind = int(rng.integers(0, 3))
    if kind == 0:
        del lines[place]
    elif kind == 1:
        lines[place:place] = lines[other : other + 3]
    else:
        lines[place], lines[other] = lines[other], lines[place]
    return "".join(lines)


_ODD_WORDS = (
    *("0", "-0.0", "1", "1.5", "-1", "1,5", "1.234,5", "1e5", "1e308", "-1e999", "nan", "NA", "inf", "-999"),
    *("", " ", "0x1F", "9" * 30, "4e8", "true", "yes", "2014-06-05", "5/6/2014", "=1+1", "&amp;", "&x;"),
    *("a" * 300, "é\u0000", "<", "'", '"', '"x', "#", "s1", "_", "../../x", "%s", "\u22123", "\x1b[2J"),
)


NUMERALS = ("0", "-0.0", "1", "-1.5", "1e5", "1e308", "-1e999", "nan", "inf", "4e8", "1e-320", "9" * 30)
"""What stands for a number, and may be too large for one."""


def _one_of(values: Sequence[Value], rng: np.random.Generator) -> Value:
    return values[int(rng.integers(0, len(values)))]


_ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**40, 1.5, -0.0, 1e308, "", "x", "nan", "../x", "é\n"),
    *([], {}, [[]], [None], [0] * 200, {"a": {"b": 1}}, {"": 0}, "a" * 2000, [1, "a", None], float("nan")),
)


def tree_mutated(load: Callable[[bytes], Any], dump: Callable[[Any], bytes], share: float = 0.8) -> Damage:
    """Damage of nested values: some are replaced by odd ones (half of the same type), left out or moved."""
    loaded = cache(load)

    def damage(content: bytes, rng: np.random.Generator) -> bytes:
        if rng.random() > share:
            return mutated(content, rng)
        tree = copy.deepcopy(loaded(content))
        for _ in range(_few(rng)):
            places = list(_places(tree))
            if not places:
                break
            holder, key = places[int(rng.integers(0, len(places)))]
            kind = int(rng.integers(0, 4))
            if kind == 0:
                del holder[key]
            elif kind == 1:
                other, name = places[int(rng.integers(0, len(places)))]
                holder[key] = json.loads(json.dumps(other[name], default=str))
            else:
                alike = [value for value in _ODD_VALUES if type(value) is type(holder[key])] * (kind == 3)
                holder[key] = copy.deepcopy(_one_of(alike or _ODD_VALUES, rng))
        return dump(tree)

    return damage


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key or index) of nested dictionaries and lists."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    return [place for key in keys for place in ((tree, key), *_places(tree[key]))]


json_mutated = tree_mutated(json.loads, lambda tree: json.dumps(tree).encode())
_in_header = tree_mutated(json.loads, lambda tree: json.dumps(tree).encode(), share=1.0)


def packed(damage: Damage) -> Damage:
    """Damage of what is inside gzip files and zip archives, most of the time; else of the packed bytes."""

    def of_content(content: bytes, rng: np.random.Generator) -> bytes:
        if rng.random() < 0.15:
            return mutated(content, rng)
        if content[:2] == b"\x1f\x8b":
            return gzip.compress(damage(gzip.decompress(content), rng), 1, mtime=0)
        if content[:4] != b"PK\x03\x04":
            return damage(content, rng)
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
            chosen = int(rng.integers(0, len(old.infolist())))
            for place, member in enumerate(old.infolist()):
                inside = old.read(member)
                new.writestr(member, damage(inside, rng) if place == chosen else inside)
        return stream.getvalue()

    return of_content


_NIFTI_FIELDS = (
    *((40 + 2 * n, "<h") for n in range(8)),  # dim
    *((70, "<h"), (72, "<h"), (123, "<b"), (252, "<h"), (254, "<h")),  # type, units, codes of the forms
    *((76 + 4 * n, "<f") for n in range(8)),  # pixdim
    *((offset, "<f") for offset in (108, 112, 116)),  # offset, slope, intercept
    *((256 + 4 * n, "<f") for n in range(18)),  # quaternion, rows of the affine
)
_SMALL = (0, 1, 2, 3, 4, 5, 8, 16, 512, -1, 32767)
_REALS = (0.0, 1.0, -1.0, 0.5, 1e-30, 1e30, float("nan"), float("inf"), 352.0, 10.0)


def nifti_mutated(content: bytes, rng: np.random.Generator) -> bytes:
    """Damage of a NIfTI-1 header's fields and of voxels, most of the time; else of any bytes."""
    if content[:4] != struct.pack("<i", 348) or rng.random() < 0.25:
        return mutated(content, rng)
    made = bytearray(content)
    for _ in range(int(rng.integers(1, 3))):
        if rng.random() < 0.3:
            place = int(rng.integers(352, len(made) - 8))
            made[place : place + 8] = rng.integers(0, 256, 8, dtype=np.uint8).tobytes()
            continue
        offset, form = _NIFTI_FIELDS[int(rng.integers(0, len(_NIFTI_FIELDS)))]
        choices: tuple[float, ...] = {"<f": _REALS, "<h": _SMALL, "<b": _SMALL[:6]}[form]
        struct.pack_into(form, made, offset, choices[int(rng.integers(0, len(choices)))])
    return bytes(made)
