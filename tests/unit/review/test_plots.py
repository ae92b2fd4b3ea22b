"""From plot to picture: which pairs are drawn, who stands out, and where contours differ."""

import numpy as np
import pytest

from cinecohort.images import read_image, write_image
from cinecohort.label_maps import observers_of
from cinecohort.review.options import ReviewOptions
from cinecohort.review.plots import beyond_limits, pairs_of, slice_differences
from cinecohort.review.room import make_room
from support.review_cohort import write_heart, write_observer, write_tables


def row(subject, source, value, kind="auto", frames="own", **other):
    return {"subject": subject, "source": source, "kind": kind, "frames": frames, "lvef_pct": value, **other}


def pair(subject, automatic, manual, **other):
    """Rows of the network at the observer's frames, and of the observer."""
    return [
        row(subject, "net", automatic, frames="O1", **other),
        row(subject, "O1", manual, kind="manual"),
    ]


def test_pairs_are_of_the_first_network_at_the_observers_frames():
    rows = [
        row("A", "net", "50"),
        *pair("A", "51", "55"),
        row("A", "other", "99", frames="O1"),
        *pair("B", "", "60"),
        *pair("C", "70", "60", corrected="sa"),
        *pair("D", "70", "60", seen_in_training="true"),
    ]
    assert pairs_of(rows) == ("net", {"O1": {"lvef_pct": [("A", 51.0, 55.0)]}})
    assert pairs_of([row("A", "O1", "50", kind="manual")]) == ("", {})


def test_who_lies_beyond_the_limits():
    values = [0.0, 1.0, -1.0, 0.5, -0.5, 1.0, -1.0, 0.0, 12.0]
    listed = [(f"S{number}", 50.0 + value, 50.0) for number, value in enumerate(values)]
    assert beyond_limits({"O1": {"lvef_pct": listed}}) == {"S8"}
    assert beyond_limits({"O1": {"lvef_pct": listed[-2:]}}) == set(), "two pairs have no limits"


@pytest.fixture
def home(tmp_path):
    """A heart of four slices, in one of which the observer left out the RV, and drew none in another."""
    home = tmp_path / "subjects" / "A"
    write_heart(home, slices=4)
    write_observer(home, shift=0)
    labels = read_image(home / "label_manual_sa.nii.gz")
    labels.data[:, :, 2][labels.data[:, :, 2] == 3] = 0
    labels.sidecar["annotated"]["0"]["RV"] = [0, 2, 3]
    write_image(home / "label_manual_sa.nii.gz", labels)
    return home


def test_differences_by_slice_from_base_to_apex(home):
    found = slice_differences(home)["manual"]["ed"]
    image = read_image(home / "seg_sa.nii.gz")
    right = np.count_nonzero(image.data[:, :, 2, 0] == 3) * image.voxel_volume_ml
    assert found["frame"] == 0 and found["LV"] == [0.0] * 4
    # The highest slice is the base. What was not annotated is not empty.
    assert found["RV"] == [0.0, pytest.approx(right, abs=0.01), None, 0.0]
    assert observers_of(home, ["sa"]) == ["manual"]


def test_who_lies_far_out_has_a_card_whatever_the_status(tmp_path):
    statuses = {f"S{number}": "ok" for number in range(9)}
    write_tables(tmp_path / "cohort", statuses)
    columns = (tmp_path / "cohort" / "measures.tsv").read_text().splitlines()[0].split("\t")
    with (tmp_path / "cohort" / "measures.tsv").open("a") as stream:
        for number in range(9):
            for each in pair(f"S{number}", f"{50 + number % 2 + 20 * (number == 8)}", "50"):
                stream.write("\t".join(each.get(column, "") for column in columns) + "\n")
    make_room(tmp_path, ReviewOptions(), "Tiny", synthetic=True)
    assert [path.name for path in (tmp_path / "review" / "subjects").iterdir()] == ["S8"]
    assert (tmp_path / "review" / "agreement.js").read_text().startswith("agreement({")
