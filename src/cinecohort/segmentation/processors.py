"""What a processor can do, from the words that Linux has for it: which engine is the fastest rests on it."""

from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")

FIRST_WIDE_AMD = 26
"""Family of AMD's Zen 5, the first whose 512-bit instructions work on 512 bits at once; Zen 4 (family 25)
puts them through its 256-bit units."""


@dataclass(frozen=True)
class Processor:
    """A processor, as far as the choice of an engine rests on it."""

    vendor: str = ""
    family: int = 0
    flags: frozenset[str] = frozenset()

    @property
    def has_bf16(self) -> bool:
        """Whether it multiplies bfloat16 numbers."""
        return not self.flags.isdisjoint({"avx512_bf16", "amx_bf16"})

    @property
    def has_int8(self) -> bool:
        """Whether it sums products of 8-bit integers without running over (VNNI, or AMX)."""
        return not self.flags.isdisjoint({"avx512_vnni", "avx_vnni", "amx_int8"})

    @property
    def has_wide_avx512(self) -> bool:
        """Whether AVX-512 gives it twice the sums of AVX2."""
        wide = self.vendor == "GenuineIntel" or self.family >= FIRST_WIDE_AMD
        return wide and "avx512f" in self.flags


def this_processor() -> Processor:
    """The processor of this machine; one of no known instructions where Linux's list cannot be read."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Processor()
    first = text.strip().split("\n\n", maxsplit=1)[0]
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first.split("\n"))
    }
    family = facts.get("cpu family", "")
    return Processor(
        facts.get("vendor_id", ""),
        int(family) if family.isdigit() else 0,
        frozenset(facts.get("flags", "").split()),
    )
