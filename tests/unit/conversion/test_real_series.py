"""Real series: each ends right, or with a clear finding."""

from pathlib import Path

import numpy as np
import pydicom
import pytest

from cinecohort.conversion.geometry import corner_of_slice
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.raw_files import read_files
from cinecohort.conversion.series import Conversion, convert_series
from cinecohort.findings import Level

pytestmark = pytest.mark.real_data


def convert(folder: Path, **options: object) -> Conversion:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return convert_series(read_files(paths), ConversionOptions(**options))


@pytest.mark.parametrize(("study", "n_slices"), [("101", 12), ("201", 13), ("301", 10)])
def test_sunnybrook_against_its_file_numbers(real_data: Path, study: str, n_slices: int) -> None:
    """The n-th file is slice (n - 1) // 20 and phase (n - 1) % 20; slices run against the normal."""
    folder = real_data / "sunnybrook" / "dicoms" / f"SCD0000{study}"
    conversion = convert(folder)
    assert conversion.findings == []
    view = conversion.views["sa"]
    assert view.image.data.shape == (256, 256, n_slices, 20)
    assert view.image.data.dtype == np.int16
    for number in (1, 20, 21, 101, n_slices * 20):
        place, phase = divmod(number - 1, 20)
        dataset = pydicom.dcmread(folder / f"{number}.dcm")
        assert view.instance_numbers[number] == (n_slices - 1 - place, phase)
        np.testing.assert_array_equal(
            view.image.data[:, :, n_slices - 1 - place, phase], dataset.pixel_array.T
        )
        corner = corner_of_slice(view.image.affine, n_slices - 1 - place)
        residual = np.linalg.norm(corner - np.array(dataset.ImagePositionPatient, float))
        assert residual < 1e-3 + view.residual_mm
    assert view.residual_mm < 0.01
    assert view.image.sidecar["vendor"] == "GE"
    assert view.image.sidecar["frame_roles"] == {"ed": None, "es": None}


def test_siemens_vida(real_data: Path) -> None:
    conversion = convert(real_data / "siemens_vida" / "patient1")
    shapes = {view: converted.image.data.shape for view, converted in conversion.views.items()}
    assert shapes["sa"] == (256, 208, 6, 25)
    assert shapes["la_4ch"] == (256, 208, 1, 25)
    assert shapes["la_2ch"] == shapes["la_3ch"] == (208, 256, 1, 25)
    sidecar = conversion.views["sa"].image.sidecar
    assert sidecar["spacing_mm"] == pytest.approx([1.40625, 1.40625, 17.7], abs=1e-3)
    assert sorted(sidecar["rr_interval_ms"]) == [776, 814, 829, 831, 860, 863]
    assert sidecar["heart_rate_bpm"] == pytest.approx(60000 / 830, abs=0.01)
    assert all(times[0] == 0 and np.all(np.diff(times) > 0) for times in sidecar["trigger_times_ms"])
    found = {(finding.code, finding.view, finding.level) for finding in conversion.findings}
    assert found == {
        ("NOT_CINE", None, Level.INFO),
        ("SPACING", "sa", Level.REVIEW),
        ("AMBIGUOUS_VIEW", "la_4ch", Level.REVIEW),
        ("AMBIGUOUS_VIEW", "la_2ch", Level.REVIEW),
        ("AMBIGUOUS_VIEW", "la_3ch", Level.REVIEW),
    }
    # The series named "4CH" that shows three chambers is Se7, the four-chamber view is Se6.
    for view, series in (("la_4ch", "Se6"), ("la_3ch", "Se7"), ("la_2ch", "Se8")):
        folder = real_data / "siemens_vida" / "patient1" / series
        first = pydicom.dcmread(next(folder.iterdir()), stop_before_pixels=True)
        assert str(first.SOPInstanceUID) in conversion.views[view].instances
        assert conversion.views[view].image.sidecar["view_confidence"] == (0.3 if view == "la_3ch" else 0.95)


def test_secondary_capture_of_two_times(real_data: Path) -> None:
    conversion = convert(real_data / "awkward" / "DicomData")
    (finding,) = [found for found in conversion.findings if found.level is not Level.INFO]
    assert (finding.code, finding.level, finding.view) == ("NOT_CINE", Level.REJECT, "sa")
    assert (finding.value, finding.threshold) == (2.0, 10.0)
    assert not conversion.views
    # Where two times are enough, the stack is right: no attribute that it lacks is needed.
    view = convert(real_data / "awkward" / "DicomData", min_frames=2).views["sa"]
    assert view.image.data.shape == (288, 288, 14, 2)
    assert view.image.spacing_mm[2] == pytest.approx(10.0, abs=1e-3)


def test_multi_frame_without_geometry(real_data: Path) -> None:
    path = real_data / "awkward" / "MR_Explicit_Little_MultiFrame.dcm"
    conversion = convert_series(read_files([path]), ConversionOptions())
    found = [(finding.code, finding.level) for finding in conversion.findings]
    assert found == [("NO_GEOMETRY", Level.REJECT), ("NO_VIEW", Level.REJECT)]
    assert conversion.findings[0].value == 16.0
