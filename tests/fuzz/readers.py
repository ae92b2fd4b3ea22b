"""Every reader with whole examples to damage, and what it may raise for damaged ones."""

import contextlib
import gzip
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import yaml

from cinecohort.conversion.cvi42 import read_workspace, write_workspace
from cinecohort.conversion.limits import Limits
from cinecohort.conversion.manifest import compare_manifest
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import RawBytes, read_zip
from cinecohort.conversion.series import convert_series
from cinecohort.conversion.sunnybrook_contours import read_contours
from cinecohort.errors import UserError
from cinecohort.files import digest_bytes
from cinecohort.findings import Level
from cinecohort.ledger.tables import read_users_table
from cinecohort.options import load_options
from cinecohort.sources.nifti_files import read_volume
from cinecohort.store import read_record, seal
from fuzz.mutation import (
    dicom_mutated,
    json_mutated,
    mutated,
    nifti_mutated,
    overwritten,
    packed,
    text_mutated,
    tree_mutated,
)
from support import hostile
from support import synthetic_dicom as synthetic

OPTIONS = ConversionOptions(min_frames=2, min_parallel_slices=3, limits=Limits(file_mb=100, decode_s=5))
SYNTAXES = (
    "JPEGLSLossless",
    "JPEG2000Lossless",
    "JPEGLosslessProcess14_1",
    "JPEGBaselineProcess1",
    "RLELossless",
)


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Parameters
    ----------
    examples
        Makes whole files.
    read
        Reads one; says whether it got past the header.
    allowed
        What it may raise for damaged content.
    damage
        Damages an example.
    """

    examples: Callable[[], list[bytes]]
    read: Callable[[bytes], bool]
    allowed: tuple[type[BaseException], ...] = ()
    damage: Callable[[bytes, np.random.Generator], bytes] = field(default=mutated)


def _small_stack() -> list[bytes]:
    return [synthetic.to_bytes(image) for image in synthetic.stack(4, 4)]


@cache
def _others() -> tuple[RawBytes, ...]:
    return tuple(RawBytes(f"{n}.dcm", content) for n, content in enumerate(_small_stack()[1:]))


@cache
def dicom_examples() -> list[bytes]:
    """The first image of a stack in every transfer syntax, and an enhanced object."""
    (image,) = synthetic.stack(4, 4)[:1]
    made = [synthetic.to_bytes(image)]
    for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"):
        made.append(synthetic.to_bytes(image, syntax))
    with tempfile.TemporaryDirectory() as folder:
        for syntax in SYNTAXES:
            try:
                (path,) = hostile.compressed([image], Path(folder) / syntax, syntax)
            except AssertionError:  # gdcm writes no 12 bits in this one.
                continue
            made.append(path.read_bytes())
    made.append(synthetic.to_bytes(synthetic.enhanced(4, 4)))
    return made


def read_dicom(content: bytes) -> bool:
    """Convert a small stack of which one file is damaged; it is past its header if it is not unreadable."""
    conversion = convert_series([RawBytes("damaged.dcm", content), *_others()], OPTIONS)
    return not any(finding.code == "UNREADABLE" and not finding.view for finding in conversion.findings)


def zip_examples() -> list[bytes]:
    """Archives of a small stack and a manifest."""
    made = []
    for how in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", how) as archive:
            archive.writestr("manifest.csv", "filename,date\n0.dcm,2014\n")
            for n, content in enumerate(_small_stack()[:3]):
                archive.writestr(f"{n}.dcm", content)
        made.append(stream.getvalue())
    return made


def _read_zip(content: bytes) -> bool:
    return any(file.content is not None for file in read_zip(content, "a.zip", OPTIONS.limits))


def _nifti_examples() -> list[bytes]:
    data = np.random.default_rng(1).integers(0, 200, (8, 8, 3, 4), dtype=np.int16)
    image = nib.Nifti1Image(data, np.diag([1.8, 1.8, 10.0, 1.0]))
    plain = image.to_bytes()
    second = nib.Nifti2Image(data.astype(np.float32), np.eye(4)).to_bytes()
    return [plain, second, gzip.compress(plain), gzip.compress(second)]


def _read_nifti(content: bytes) -> bool:
    packed = content.startswith(b"\x1f\x8b")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("sa.nii.gz" if packed else "sa.nii")
        path.write_bytes(content)
        return read_volume(path, "sa", Level.REVIEW, OPTIONS.limits)[0] is not None


def _workspace_examples() -> list[bytes]:
    turn = np.linspace(0, 2 * np.pi, 30)
    points = 10 + 5 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    contours = {"1.2.3": {"saendocardialContour": points, "typed by hand": points}}
    return [write_workspace(contours), write_workspace(contours, zipped_as="a.cvi42wsx", annotator="A")]


def _read_workspace(content: bytes) -> bool:
    return bool(read_workspace(content, OPTIONS.limits).contours)


def _read_text_contour(content: bytes) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "IM-0001-0001-icontour-manual.txt"
        path.write_bytes(content)
        return bool(read_contours([path], {1: (0, 0)}, OPTIONS.limits)[0])


def _read_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], bool]:
    def past_header(content: bytes) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(content)
            return read(path) is not None

    return past_header


def _record_examples() -> list[bytes]:
    from cinecohort.findings import Finding, Outcome
    from cinecohort.store import write_record

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "a.txt").write_text("a")
        outcome = Outcome(findings=[Finding("GAP", Level.REVIEW, "A gap.", "sa", (1,))], outputs=["a.txt"])
        write_record(place, "convert", 1, "print", outcome)
        return [(place / "convert.json").read_bytes()]


def _sealed(values: Any) -> bytes:
    """A record whose digest is that of its values, whatever they are."""
    with contextlib.suppress(ValueError, TypeError, AttributeError):  # Such values are never written.
        values["digest"] = seal({name: value for name, value in values.items() if name != "digest"})
    return json.dumps(values).encode()


yaml_mutated = tree_mutated(
    yaml.safe_load, lambda tree: yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode()
)


def _load_config(path: Path) -> object:
    from cinecohort.config import Config

    return load_options(path, Config)


def _config_examples() -> list[bytes]:
    return [(Path(__file__).parents[2] / "config" / "config.yaml").read_bytes()]


@cache
def _weights() -> tuple[bytes, bytes]:
    """Weights of a tiny network and their description."""
    from support.tiny_weights import write_weights

    with tempfile.TemporaryDirectory() as folder:
        path = write_weights(Path(folder) / "tiny.safetensors", 1)
        return path.read_bytes(), path.with_suffix(".json").read_bytes()


def _read_weights(content: bytes) -> bool:
    from cinecohort.segmentation.weights import load_model

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.safetensors"
        path.write_bytes(content)
        described = json.loads(_weights()[1])
        if content[-1] % 4:  # Most of the time the digest fits, so that what is inside is looked at.
            described["sha256"] = digest_bytes(content)
        path.with_suffix(".json").write_text(json.dumps(described))
        return load_model(str(path)) is not None


TABLE = "subject;age;sex;volume\n" + "".join(f"s{n};{40 + n};F;{100 + n},5\n" for n in range(20))

READERS: dict[str, Reader] = {
    "dicom": Reader(dicom_examples, read_dicom, damage=dicom_mutated),
    "zip": Reader(zip_examples, _read_zip),
    "nifti": Reader(_nifti_examples, _read_nifti, damage=packed(nifti_mutated)),
    "workspace": Reader(
        _workspace_examples,
        _read_workspace,
        damage=packed(text_mutated(r"(?<=>)[^<>]+(?=<)|(?<=\")[^<>\"]+")),
    ),
    "contours": Reader(
        lambda: [b"10.5 12.25\n20.0 12.0\n15.5 30.125\n" * 5],
        _read_text_contour,
        damage=text_mutated(r"[^\s]+"),
    ),
    "manifest": Reader(
        lambda: [b"filename,date,size\n1.dcm,May 1, 2014,3\n"],
        lambda content: compare_manifest(content, ["1.dcm"]) is not None,
    ),
    "table": Reader(
        lambda: [TABLE.encode(), TABLE.encode("utf-16"), TABLE.replace(";", "\t").encode("latin-1")],
        _read_file(read_users_table, "table.csv"),
        (UserError,),
        text_mutated(r"[^;\t\n]+", encodings=("utf-8", "utf-8-sig", "utf-16", "latin-1")),
    ),
    "configuration": Reader(
        _config_examples, _read_file(_load_config, "config.yaml"), (UserError,), yaml_mutated
    ),
    "record": Reader(
        _record_examples,
        _read_file(lambda path: read_record(path.parent, "convert"), "convert.json"),
        damage=tree_mutated(json.loads, _sealed),
    ),
    "sidecar": Reader(
        lambda: [json.dumps({"n_frames": 4, "trigger_times_ms": [0.0, 1.0]}).encode()],
        _read_file(lambda path: _read_sidecar(path), "sa.json"),
        (UserError,),
        json_mutated,
    ),
    "weights": Reader(lambda: [_weights()[0]], _read_weights, (UserError,), overwritten),
}
"""Readers by name."""


def _read_sidecar(path: Path) -> object:
    from cinecohort.images import read_sidecar

    return read_sidecar(path.with_name("sa.nii.gz"), 5_000_000)
