"""Random damage to bytes and to DICOM elements; the same seed gives the same damage."""

import struct

import numpy as np

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
