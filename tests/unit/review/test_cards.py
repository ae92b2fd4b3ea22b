import errno
import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image as Picture

from cinecohort.cohort.withdrawals import remove_subject
from cinecohort.findings import Outcome
from cinecohort.images import Image, read_image, write_image
from cinecohort.ledger.frames import write_frame
from cinecohort.measures.options import ReferenceOptions
from cinecohort.measures.reference_ranges import ranges_table, reference_of
from cinecohort.review.cards import curves_of, probabilities, subjects_shown
from cinecohort.review.digests import WHOLE, seen_digests
from cinecohort.review.options import ReviewOptions
from cinecohort.review.pictures import MOST_FRAMES, draw_observer, draw_subject
from cinecohort.review.plots import slice_differences
from cinecohort.review.room import make_room, write_page
from cinecohort.store import write_record
from support.review_cohort import write_heart, write_observer, write_tables

STATUSES = {"A": "ok", "B": "review", "C": "excluded", "D": "error"}


@pytest.fixture
def results(tmp_path):
    for subject in ("A", "B"):
        write_heart(tmp_path / "subjects" / subject)
    write_tables(tmp_path / "cohort", STATUSES)
    return tmp_path


def card_of(results, subject):
    text = (results / "review" / "subjects" / subject / "card.js").read_text()
    assert text.startswith("card(") and text.endswith(");\n")
    return json.loads(text[len("card(") : -3])


@pytest.mark.parametrize(
    ("room", "judged", "shown"), [("flagged", [], "BCD"), ("all", [], "ABCD"), ("flagged", ["A"], "ABCD")]
)
def test_who_has_a_card(results, room, judged, shown):
    found = subjects_shown(results / "cohort", ReviewOptions(room=room), judged)
    assert [subject.key for subject in found] == list(shown)


def test_a_card_says_what_the_tables_say(results):
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    card = card_of(results, "B")
    assert card["findings"][0]["message"] == "short axis: the RV is in 3 pieces in frame 5"
    assert card["findings"][0]["words"] == "a structure is in several pieces"
    assert card["measures"] == [{"label": "LVEF", "unit": "%", "value": "57.1", "low": "", "high": ""}]
    assert card["voided"] == ["RVEF: not given, since RV was lost."]
    assert (card["curves"]["ed_frame"], card["curves"]["es_frame"]) == (0, 3)
    assert {(one["view"], one["kind"]) for one in card["media"]} == {
        ("sa", "cine"),
        ("sa", "ed"),
        ("sa", "es"),
    }
    assert card["digests"] == seen_digests(results / "subjects" / "B")
    assert not {"group", "participant", "sex"} & set(card)


@pytest.mark.parametrize(
    ("sidecar", "offered"),
    [
        ({"structures": {"1": "LA", "2": "RA", "3": "LV", "4": "MYO", "5": "RV"}}, "LA RA LV MYO RV"),
        ({"structures": {"1": "LA"}}, "LA"),
        ({}, "LA RA LV MYO RV"),
    ],
)
def test_what_can_be_rejected_is_what_the_label_map_has(results, sidecar, offered):
    home = results / "subjects" / "B"
    labels = Image(np.ones((8, 8, 1, 6), np.uint8), np.eye(4), 0.1, sidecar)
    write_image(home / "seg_la_4ch.nii.gz", labels)
    write_record(home, "segment", 1, "", Outcome(outputs=["seg_sa.nii.gz", "seg_la_4ch.nii.gz"]))
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    assert card_of(results, "B")["structures"]["la_4ch"] == offered.split()


def test_a_card_holds_a_measure_against_healthy_people_of_the_same_sex_and_age(results):
    """An ejection fraction of 57.12 % in a woman: (57.12 - 61) / 5 = -0.8."""
    people = "subject\tsex\tage_years\nB\tF\t60\nC\tF\t20\n"
    (results / "cohort" / "participants.tsv").write_text(people)
    reference = reference_of(ReferenceOptions(), from_tables=False)
    write_frame(results / "cohort" / "reference_ranges.tsv", ranges_table(reference))
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    (shown,) = card_of(results, "B")["measures"]
    assert (shown["range"], shown["z"]) == ("51 to 71", "-0.8")
    assert "range" not in card_of(results, "C")["measures"][0]


def test_a_subject_without_images_has_a_card(results):
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    assert card_of(results, "C")["media"] == []


def test_an_image_that_cannot_be_read_is_said_on_its_card_and_the_others_are_made(results):
    (results / "subjects" / "B" / "sa.nii.gz").write_bytes(b"no image")
    make_room(results, ReviewOptions(room="all"), "Tiny", synthetic=False)
    assert card_of(results, "B")["fault"] == "The pictures could not be drawn from the files in the store."
    assert card_of(results, "A")["media"]


def test_pictures_are_drawn_again_only_where_what_they_show_changed(results):
    folder = results / "review" / "subjects"
    make_room(results, ReviewOptions(room="all"), "Tiny", synthetic=False)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.webp")}
    home = results / "subjects" / "B"
    labels = read_image(home / "seg_sa.nii.gz")
    labels.data[labels.data == 3] = 0
    write_image(home / "seg_sa.nii.gz", labels)
    write_record(home, "segment", 1, "", Outcome(outputs=["seg_sa.nii.gz"]))
    make_room(results, ReviewOptions(room="all"), "Tiny", synthetic=False)
    changed = {path.parent.name for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert changed == {"B"}


def test_a_subject_that_is_not_measured_any_more_keeps_its_stills(results):
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    before = card_of(results, "B")["media"]
    (results / "subjects" / "B" / "curves.json").unlink()
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    assert card_of(results, "B")["media"] == before
    assert [one["frame"] for one in before] == [None, 0, 3]


def test_who_is_not_shown_any_more_leaves_the_room(results):
    make_room(results, ReviewOptions(room="all"), "Tiny", synthetic=False)
    write_tables(results / "cohort", {"A": "ok", "B": "review"})
    make_room(results, ReviewOptions(), "Tiny", synthetic=False)
    assert [path.name for path in (results / "review" / "subjects").iterdir()] == ["B"]
    remove_subject(results, "B")
    assert not list((results / "review" / "subjects").iterdir())


def test_contours_are_drawn_and_the_plain_still_has_none(results, tmp_path):
    media = draw_subject(results / "subjects" / "B", tmp_path / "out", {"ed": 0, "es": None})
    still = next(one for one in media if one.kind == "ed")
    assert "es" not in {one.kind for one in media}
    colours = {}
    for name in (still.file, still.plain):
        with Picture.open(tmp_path / "out" / name) as picture:
            assert picture.size == (still.width, still.height)
            pixels = np.asarray(picture.convert("RGB")).astype(int)
        colours[name] = int((np.ptp(pixels, axis=2) > 60).sum())
    assert colours[still.plain] == 0 < colours[still.file]


def test_a_heart_that_the_network_missed_stays_in_the_picture(results, tmp_path):
    home = results / "subjects" / "B"
    labels = read_image(home / "seg_sa.nii.gz")
    labels.data[:] = 0
    labels.data[2:5, 2:5] = 1
    write_image(home / "seg_sa.nii.gz", labels)
    draw_subject(home, tmp_path / "out", {"ed": 0})
    with Picture.open(tmp_path / "out" / "ed_plain.webp") as picture:
        bright = (np.asarray(picture.convert("L")) > 150).mean()
    assert bright > 0.05, "the cavities, which are bright, lie outside the picture"


def test_size_and_time_of_a_subject_of_ten_slices_and_fifty_frames(tmp_path):
    write_heart(tmp_path / "store", size=160, slices=10, frames=50)
    write_observer(tmp_path / "store")
    started = os.times()
    media = draw_subject(tmp_path / "store", tmp_path / "out", {"ed": 0, "es": 25})
    media += draw_observer(tmp_path / "store", tmp_path / "out", slice_differences(tmp_path / "store"))
    ended = os.times()
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) < 300_000
    assert ended.user + ended.system - started.user - started.system < 3.0, "1.5 s on an idle machine"
    assert [one.who for one in media if one.who] == ["manual", "manual"]
    with Picture.open(tmp_path / "out" / media[0].file) as cine:
        assert cine.n_frames == MOST_FRAMES


def test_digests_change_with_the_label_map_and_with_the_image(results):
    home = results / "subjects" / "A"
    before = seen_digests(home)
    shutil.copy(home / "sa.nii.gz", home / "la_2ch.nii.gz")
    write_record(home, "convert", 1, "", Outcome(outputs=["sa.nii.gz", "la_2ch.nii.gz"]))
    after = seen_digests(home)
    assert before["sa"] == after["sa"] and before[WHOLE] != after[WHOLE]


def test_probabilities_are_shown_only_where_the_table_has_them():
    assert probabilities({"subject": "A"}) == {}
    assert probabilities({"failure_probability": "0.3", "failure_probability_rv": "0.3"}) == {
        "all": 0.3,
        "RV": 0.3,
    }


def test_a_title_cannot_end_the_script_that_it_stands_in(tmp_path):
    write_page(tmp_path / "index.html", [], "</script><b>bold</b>", synthetic=True)
    assert "</script><b>" not in (tmp_path / "index.html").read_text()


def test_curves_that_the_disk_does_not_give_are_no_missing_curves(results, monkeypatch):
    home = results / "subjects" / "A"
    assert curves_of(home, "nobody") == {}
    (home / "curves.json").write_text("{")
    assert curves_of(home, "nobody") == {}

    def broken(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr("cinecohort.review.cards.read_json", broken)
    with pytest.raises(OSError, match="Input/output error"):
        curves_of(home, "nobody")
