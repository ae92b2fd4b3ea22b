import numpy as np
import pytest
from PIL import Image as Picture

from cinecohort.catalogue.views import LABELS
from cinecohort.images import Image, write_image
from cinecohort.label_maps import manual_map, segmentation_map
from cinecohort.reporting import gallery


def stack(radii, shape=(60, 50), frames=2):
    """Discs of the LV in a ring of myocardium, one radius per slice."""
    x, y = np.meshgrid(np.arange(shape[0]), np.arange(shape[1]), indexing="ij")
    distance = np.hypot(x - 30, y - 25)
    labels = np.zeros((*shape, len(radii), frames), np.uint8)
    for index, radius in enumerate(radii):
        labels[distance < radius + 3, index] = 2
        labels[distance < radius, index] = 1
    return labels


def image(labels, sidecar=None):
    return Image(labels, np.diag([1.5, 1.5, 10.0, 1.0]), 0.05, sidecar or {})


@pytest.fixture
def case():
    labels = stack([4, 8, 12])
    data = (labels == 1) * 200 + 50
    automatic = segmentation_map(image(labels), "sa")
    observer = manual_map(image(np.roll(labels, 2, axis=0), {"annotated": {"0": {"LV": [2]}}}), "sa")
    return gallery.Case(data.astype(np.int16), (1.5, 1.5), (2, 1, 0), automatic, observer)


def test_the_end_with_the_larger_area_is_the_base():
    assert gallery.base_to_apex(segmentation_map(image(stack([4, 8, 12])), "sa")) == (2, 1, 0)
    assert gallery.base_to_apex(segmentation_map(image(stack([12, 8, 4])), "sa")) == (0, 1, 2)
    assert gallery.base_to_apex(segmentation_map(image(stack([0, 0, 12])), "sa")) is not None


def test_slices_are_spread_evenly_with_both_ends():
    assert gallery.evenly([9, 8, 7, 6, 5], 3) == [9, 7, 5]
    assert gallery.evenly([1, 2], 5) == [1, 2]


def test_crop_box_holds_all_labels_and_a_margin(case):
    x0, x1, y0, y1 = gallery.crop_box(case)
    present = np.argwhere(case.automatic.image.data.any(axis=(2, 3)))
    margin = gallery.MARGIN_MM / 1.5
    assert x0 <= present[:, 0].min() - margin + 3
    assert 0 <= y0 <= present[:, 1].min()
    assert x1 <= 60
    assert y1 <= 50


def test_contours_have_their_colours_and_the_inside_stays_free(case):
    picture = gallery.panel(case, 2, 0, (0, 60, 0, 50), 200)
    scale = 200 / 50
    row, column = round(25 * scale), round(30 * scale)
    assert len(set(picture[row, column])) == 1, "the middle of the cavity is the image's grey"
    colours = {tuple(pixel) for pixel in picture.reshape(-1, 3)}
    assert gallery.COLOURS["LV"] in colours
    assert gallery.COLOURS["MYO"] in colours
    assert gallery.OBSERVER_COLOUR in colours


def test_what_the_observer_did_not_annotate_is_not_drawn(case):
    picture = gallery.panel(case, 1, 0, (0, 60, 0, 50), 200)
    assert gallery.OBSERVER_COLOUR not in {tuple(pixel) for pixel in picture.reshape(-1, 3)}


def test_outline_lies_on_the_border_of_the_mask():
    mask = np.zeros((20, 20), bool)
    mask[5:15, 5:15] = True
    line = gallery.outline(mask, (80, 80))
    assert not line[:16].any()
    assert not line[30:50, 30:50].any()
    assert line[21, 30:50].all()
    assert not gallery.outline(np.zeros((20, 20), bool), (80, 80)).any()


def test_montage_has_one_row_per_frame(case):
    two = gallery.montage(case, {"ED": 0, "ES": 1}, [2, 1, 0], 60)
    assert two.shape[0] == 2 * 60 + gallery.GAP_PIXELS


def test_read_case_needs_an_image_and_a_label_map_of_its_shape(tmp_path):
    assert gallery.read_case(tmp_path) is None
    labels = stack([4, 8, 12])
    write_image(tmp_path / "sa.nii.gz", image(labels.astype(np.int16)))
    assert gallery.read_case(tmp_path) is None
    write_image(tmp_path / "seg_sa.nii.gz", image(labels))
    assert gallery.read_case(tmp_path).base_to_apex == (2, 1, 0)
    write_image(tmp_path / "seg_sa.nii.gz", image(labels[..., :1]))
    assert gallery.read_case(tmp_path) is None


def test_png_has_the_same_bytes_each_time(tmp_path, case):
    picture = gallery.montage(case, {"ED": 0}, [2], 60)
    gallery.write_png(tmp_path / "a.png", picture)
    gallery.write_png(tmp_path / "b.png", picture)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert Picture.open(tmp_path / "a.png").size == picture.shape[1::-1]


@pytest.mark.parametrize("view", LABELS)
def test_every_structure_of_a_view_has_a_colour_of_its_own(view):
    """The atria had those of the ventricles, and the LV could not be told from the LA beside it."""
    names = LABELS[view].values()
    assert len({gallery.COLOURS[name] for name in names}) == len(names)
