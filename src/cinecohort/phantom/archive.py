"""Zip archives in memory, deflated by isal: several times as fast as the standard library."""

import struct
from collections.abc import Iterable

from isal import isal_zlib

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_DEFLATED, _VERSION, _DATE = 8, 20, 0x21


def zip_bytes(members: Iterable[tuple[str, bytes]]) -> bytes:
    """Pack members; the same members give the same bytes (every date is 1 January 1980)."""
    parts: list[bytes] = []
    central: list[bytes] = []
    offset = 0
    for name, content in members:
        packer = isal_zlib.compressobj(level=1, method=isal_zlib.DEFLATED, wbits=-15)
        packed = packer.compress(content) + packer.flush()
        encoded = name.encode()
        facts = (_VERSION, 0, _DEFLATED, 0, _DATE, isal_zlib.crc32(content), len(packed), len(content))
        local = _LOCAL.pack(b"PK\x03\x04", *facts, len(encoded), 0) + encoded
        central.append(
            _CENTRAL.pack(b"PK\x01\x02", _VERSION, *facts, len(encoded), 0, 0, 0, 0, 0, offset) + encoded
        )
        parts += [local, packed]
        offset += len(local) + len(packed)
    directory = b"".join(central)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(central), len(central), len(directory), offset, 0)
    return b"".join([*parts, directory, end])
