"""Which engine `auto` takes on which processor, and what it costs to get ready."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cinecohort.segmentation import engines, processors
from cinecohort.segmentation.engines import resolve_engine
from cinecohort.segmentation.options import SegmentationOptions
from cinecohort.segmentation.processors import Processor, this_processor

CORE = """processor\t: {number}
vendor_id\t: {vendor}
cpu family\t: {family}
model name\t: a processor
flags\t\t: fpu sse2 avx2 {flags}

"""

WIDE = "avx512f avx512dq avx512bw avx512vl"

PROCESSORS = {
    "AVX2 only": ("AuthenticAMD", 25, "", "mnn/fp32/cpu", "mnn/fp32/cpu"),
    "Intel with AVX2": ("GenuineIntel", 6, "", "mnn/fp32/cpu", "mnn/fp32/cpu"),
    "Intel with AVX-512": ("GenuineIntel", 6, WIDE, "openvino/fp32/cpu", "openvino/fp32/cpu"),
    "Intel with bf16": (
        "GenuineIntel",
        6,
        f"{WIDE} avx512_bf16 amx_bf16",
        "openvino/bf16/cpu",
        "openvino/fp32/cpu",
    ),
    "AMX alone": ("GenuineIntel", 6, f"{WIDE} amx_bf16", "openvino/bf16/cpu", "openvino/fp32/cpu"),
    "Zen 4": ("AuthenticAMD", 25, f"{WIDE} avx512_bf16", "openvino/bf16/cpu", "mnn/fp32/cpu"),
    "Zen 5": ("AuthenticAMD", 26, f"{WIDE} avx512_bf16", "openvino/bf16/cpu", "openvino/fp32/cpu"),
}
"""Vendor, family, flags, and what `auto` is there; in fp32 where that is pinned."""


def cpuinfo(folder: Path, vendor: str, family: int, flags: str) -> Path:
    """A list of two cores as Linux writes it."""
    path = folder / "cpuinfo"
    path.write_text(
        "".join(CORE.format(number=number, vendor=vendor, family=family, flags=flags) for number in range(2))
    )
    return path


@pytest.fixture
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.parametrize("name", PROCESSORS)
def test_auto_takes_the_engine_that_is_faster_on_the_processor(
    name: str, without_gpu: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor, family, flags, expected, in_fp32 = PROCESSORS[name]
    monkeypatch.setattr(processors, "CPUINFO", cpuinfo(tmp_path, vendor, family, flags))
    assert str(resolve_engine(SegmentationOptions())) == expected
    assert str(resolve_engine(SegmentationOptions(precision="fp32"))) == in_fp32
    assert str(resolve_engine(SegmentationOptions(engine="mnn"))) == "mnn/fp32/cpu"


def test_auto_takes_what_is_installed(without_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = Processor("GenuineIntel", 6, frozenset(WIDE.split()))
    monkeypatch.setattr(engines, "this_processor", lambda: wide)
    monkeypatch.setattr(engines, "has_openvino", lambda: False)
    assert str(resolve_engine(SegmentationOptions())) == "mnn/fp32/cpu"
    monkeypatch.setattr(engines, "has_mnn", lambda: False)
    assert str(resolve_engine(SegmentationOptions())) == "torch/fp32/cpu"
    monkeypatch.setattr(engines, "this_processor", Processor)
    monkeypatch.setattr(engines, "has_openvino", lambda: True)
    assert str(resolve_engine(SegmentationOptions())) == "openvino/fp32/cpu"


@pytest.mark.parametrize("text", [None, "", "Processor\t: ARMv8\nFeatures\t: fp asimd\n", "cpu family : ?\n"])
def test_a_processor_that_is_not_known_has_no_known_instructions(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if text is not None:
        (tmp_path / "cpuinfo").write_text(text)
    monkeypatch.setattr(processors, "CPUINFO", tmp_path / "cpuinfo")
    found = this_processor()
    assert not found.has_bf16
    assert not found.has_wide_avx512


@pytest.mark.skipif(not processors.CPUINFO.is_file(), reason="no list of the processor's instructions")
def test_bf16_is_there_where_torch_sees_it() -> None:
    seen = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    assert this_processor().has_bf16 == seen


NOT_NEEDED = ("sympy", "pandas", "matplotlib", "skimage", "onnx", "torch.distributed.tensor", "torch._dynamo")
"""Modules that take long to import; those of another engine among them."""


def test_getting_ready_imports_nothing_that_is_not_needed() -> None:
    """Half of a job's start went into modules that only a check of torch's tracing asked for."""
    code = (
        "import sys\n"
        "import cinecohort.cohort.stages, cinecohort.cohort.stage_builders\n"
        "from cinecohort.segmentation.options import ModelOptions, SegmentationOptions\n"
        "from cinecohort.segmentation.prediction import load\n"
        "options = SegmentationOptions(engine='openvino', device='cpu')\n"
        "load(ModelOptions(name='unet16_sa'), options, 'sa', 1)\n"
        f"print(*sorted(set({NOT_NEEDED!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, []), done.stderr
