"""Images with their true label maps: the grid of the converted archives, and labels that training reads."""

import numpy as np
import pandas as pd
import pytest
from scipy import ndimage
from scipy.spatial.distance import pdist

from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.images import read_image
from cinecohort.label_maps import read_label
from cinecohort.phantom.cohort import write_cohort
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import write_subject
from cinecohort.segmentation.training_data import find_subjects, load_slices
from cinecohort.segmentation.training_options import DataOptions
from cinecohort.sources.base import open_source

FRAMES = 10
VIEWS = ("sa", "la_2ch", "la_4ch")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nifti")
    options = PhantomOptions(subjects=2, frames=FRAMES, layout="nifti", written_frames="ed_es", faults=False)
    write_cohort(folder, options)
    return folder


def test_training_finds_every_slice_of_every_view(cohort):
    truth = pd.read_csv(cohort / "truth.tsv", sep="\t")
    data = DataOptions(folders=[cohort], observer="truth")
    for view in VIEWS:
        folders = find_subjects(data, view)
        assert [folder.name for folder in folders] == ["SYN0001", "SYN0002"]
        slices = load_slices(folders, "truth", view)
        per_frame = truth["n_slices"].sum() if view == "sa" else 2
        assert len(slices) == 2 * per_frame
        assert bool(slices.annotated.all())


def test_grid_and_anatomy_are_those_of_the_converted_archives(cohort, tmp_path):
    """The archives hold the same person's heart; their reader shares no code with this layout."""
    write_subject(2, tmp_path, PhantomOptions(frames=FRAMES, faults=False))
    source = open_source("ukbiobank", tmp_path / "bulk", tmp_path / "annotations")
    folder = tmp_path / "converted"
    folder.mkdir()
    source.convert(source.subject("SYN0002_2"), folder, ConversionOptions())
    for view in VIEWS:
        converted, straight = (read_image(place / f"{view}.nii.gz") for place in (folder, cohort / "SYN0002"))
        assert straight.affine == pytest.approx(converted.affine, abs=2e-3)
        frames = [0, read_image(folder / "label_manual_sa.nii.gz").sidecar["es_frame"]]
        there, here = converted.data[..., frames].ravel(), straight.data.ravel()
        # Noise, coil and banding are drawn anew; a flipped or shuffled image correlates far less.
        assert np.corrcoef(there, here)[0, 1] > 0.9
        manual, truth = (
            read_label(place, view, observer)
            for place, observer in ((folder, "manual"), (cohort / "SYN0002", "truth"))
        )
        for structure in manual.structures.values():
            drawn, true = manual.mask(structure)[..., frames], truth.mask(structure)
            assert 2 * (drawn & true).sum() / (drawn.sum() + true.sum()) > 0.8, structure


def test_labels_hold_the_true_volumes(cohort):
    truth = pd.read_csv(cohort / "truth.tsv", sep="\t").set_index("subject").loc["SYN0001"]
    label = read_label(cohort / "SYN0001", "sa", "truth")
    assert (label.ed_frame, label.es_frame) == (truth.ed_frame, truth.es_frame) == (0, 1)
    volumes = label.mask("LV").sum(axis=(0, 1, 2)) * label.image.voxel_volume_ml
    assert volumes == pytest.approx([truth.lvedv_ml, truth.lvesv_ml], rel=0.05)
    mass = label.mask("MYO")[..., 0].sum() * label.image.voxel_volume_ml * 1.05
    assert mass == pytest.approx(truth.lvm_g, rel=0.05)


def test_the_long_axis_holds_both_ventricles_and_the_wall_too(cohort):
    """The LV is a wall's inside but for the valve, and its size in two planes that of its volume."""
    truth = pd.read_csv(cohort / "truth.tsv", sep="\t").set_index("subject").loc["SYN0001"]
    four, two = (read_label(cohort / "SYN0001", view, "truth") for view in ("la_4ch", "la_2ch"))
    assert four.structures == {1: "LA", 2: "RA", 3: "LV", 4: "MYO", 5: "RV"}
    assert two.structures == {1: "LA", 3: "LV", 4: "MYO"}
    for label in (four, two):
        touching = neighbours(label.image.data[:, :, 0, 0], 3)
        assert np.isin(touching, (4, 1)).mean() > 0.9 and (touching == 4).mean() > 0.6
    assert set(np.unique(neighbours(four.image.data[:, :, 0, 0], 5))) >= {2, 4}
    areas = [
        label.mask("LV")[..., 0].sum() * np.prod(label.image.spacing_mm[:2]) / 100 for label in (four, two)
    ]
    lengths = [longest_cm(label.mask("LV")[:, :, 0, 0], label.image.spacing_mm) for label in (four, two)]
    volume = 8 / (3 * np.pi) * areas[0] * areas[1] / np.mean(lengths)
    assert volume == pytest.approx(truth.lvedv_ml, rel=0.15)


def neighbours(labels, label):
    """What touches a label from outside."""
    inside = labels == label
    return labels[ndimage.binary_dilation(inside) & ~inside]


def longest_cm(mask, spacing_mm):
    points = np.argwhere(mask) * spacing_mm[:2]
    return float(pdist(points).max()) / 10


def test_all_frames_are_labelled_and_timed(tmp_path):
    row = write_subject(1, tmp_path, PhantomOptions(frames=5, layout="nifti", faults=False))
    image = read_image(tmp_path / "SYN0001" / "la_4ch.nii.gz")
    label = read_label(tmp_path / "SYN0001", "la_4ch", "truth")
    assert image.data.shape == label.image.data.shape == (208, 162, 1, 5)
    rate = row.truth["heart_rate_bpm"]
    assert image.frame_interval_s == pytest.approx(60.0 / rate / 5, abs=1e-3)
    areas = label.mask("LA").sum(axis=(0, 1, 2))
    assert areas.argmax() == row.truth["es_frame"]


def test_only_this_layout_can_leave_frames_out(tmp_path):
    with pytest.raises(UserError, match="with --layout nifti"):
        write_cohort(tmp_path, PhantomOptions(subjects=1, written_frames="ed_es"))


def test_randomised_subjects_differ_in_protocol_and_keep_a_straight_stack(tmp_path):
    options = PhantomOptions(
        frames=6, layout="nifti", written_frames="ed_es", randomise=True, faults=False, seed=5
    )
    shapes = set()
    for number in (1, 2):
        row = write_subject(number, tmp_path, options).truth
        image = read_image(tmp_path / row["subject"] / "sa.nii.gz")
        label = read_label(tmp_path / row["subject"], "sa", "truth")
        axes = image.affine[:3, :3] / np.linalg.norm(image.affine[:3, :3], axis=0)
        assert axes.T @ axes == pytest.approx(np.eye(3), abs=1e-5)
        assert np.linalg.det(axes) == pytest.approx(1.0, abs=1e-5)
        volume = label.mask("LV")[..., 0].sum() * label.image.voxel_volume_ml
        assert volume == pytest.approx(row["lvedv_ml"], rel=0.1)
        shapes.add((image.data.shape, image.spacing_mm))
    assert len(shapes) == 2
