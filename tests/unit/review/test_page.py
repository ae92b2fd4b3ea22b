"""The review room in a real browser, opened from the disk as a reviewer opens it."""

import csv
import time

import pytest

from cinecohort.cohort.gather import judgements
from cinecohort.images import read_image, write_image
from cinecohort.review.blinded import make_blinded
from cinecohort.review.blinding import read_assessments, read_key, unblinded
from cinecohort.review.digests import seen_digests
from cinecohort.review.options import BlindedOptions, ReviewOptions
from cinecohort.review.room import make_room, write_page
from cinecohort.review.verdicts import Judgement, Verdict, Verdicts
from support.review_cohort import add_manual_rows, browser, write_heart, write_observer, write_tables

pytestmark = pytest.mark.slow


@pytest.fixture
def chromium(tmp_path):
    driver = browser(tmp_path)
    yield driver
    driver.quit()


def until(condition, seconds=120.0):
    """Wait until a condition holds, and return what it gave."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to hold")


def text_of(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0])?.textContent || ''", selector)


def press(driver, *keys):
    for key in keys:
        driver.find_element("css selector", "body").send_keys(key)


def open_room(driver, results):
    driver.get((results / "review" / "index.html").as_uri())
    until(lambda: text_of(driver, "#card h2"))


@pytest.fixture
def room(tmp_path):
    results = tmp_path / "results"
    statuses = {"S1": "review", "S2": "review", "S3": "review", "S4": "ok"}
    for subject in statuses:
        write_heart(results / "subjects" / subject)
    write_tables(results / "cohort", statuses)
    make_room(results, ReviewOptions(), "Tiny", synthetic=True)
    return results


def test_verdicts_are_given_by_keys_and_downloaded(chromium, room, tmp_path):
    open_room(chromium, room)
    assert text_of(chromium, "#card h2") == "S1"
    assert "the RV is in 3 pieces" in text_of(chromium, "#card")
    script = (
        "return [...document.querySelectorAll('#card img')].every((i) => i.complete && i.naturalWidth > 0)"
    )
    until(lambda: chromium.execute_script("document.querySelector('#card').scrollTop = 1e6;" + script))
    assert chromium.execute_script("return document.querySelectorAll('#card svg path').length") == 2

    press(chromium, "a")
    assert "initials" in text_of(chromium, "#message"), "a verdict without a reviewer is refused"
    chromium.find_element("id", "reviewer").send_keys("XY\n")
    press(chromium, "a")
    until(lambda: text_of(chromium, "#card h2") == "S2")
    press(chromium, "4", "c")
    comment = chromium.find_element("id", "comment")
    comment.send_keys("RV 'leaks'")
    pasted = "arguments[0].value += arguments[1]; arguments[0].dispatchEvent(new Event('input'))"
    chromium.execute_script(pasted, comment, '\tand "more"')
    comment.send_keys("\ue00c")
    press(chromium, "u")
    until(lambda: text_of(chromium, "#card h2") == "S3")
    press(chromium, "r", "z")
    until(lambda: text_of(chromium, "#progress") == "2 of 3 judged")

    # Verdicts outlive the page; the browser writes them to its disk some time after they are given.
    def opened_again():
        open_room(chromium, room)
        return text_of(chromium, "#progress") == "2 of 3 judged"

    until(opened_again)
    press(chromium, "d")
    until(lambda: (tmp_path / "verdicts.tsv").is_file())
    with (tmp_path / "verdicts.tsv").open(newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    seen = {name: seen_digests(room / "subjects" / name) for name in ("S1", "S2")}
    found = [(row["subject"], row["view"], row["structure"], row["verdict"], row["digest"]) for row in rows]
    assert found == [
        ("S1", "", "", "accept", seen["S1"][""]),
        ("S2", "sa", "RV", "reject", seen["S2"]["sa"]),
        ("S2", "", "", "unsure", seen["S2"][""]),
    ]
    assert {row["reviewer"] for row in rows} == {"XY"}
    assert {row["comment"] for row in rows if row["subject"] == "S2"} == {"RV 'leaks' and 'more'"}
    come_to = judgements([tmp_path / "verdicts.tsv"], room / "subjects")
    assert come_to == {"S1": Judgement("accept"), "S2": Judgement("unsure", parts=1)}, "a run reads them back"
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def test_verdicts_that_were_not_downloaded_are_warned_of(chromium, room, tmp_path):
    def warns():
        left = "const leaving = new Event('beforeunload', { cancelable: true }); dispatchEvent(leaving);"
        return chromium.execute_script(left + "return leaving.defaultPrevented")

    open_room(chromium, room)
    assert not warns()
    chromium.find_element("id", "reviewer").send_keys("XY\n")
    press(chromium, "a")
    until(lambda: text_of(chromium, "#card h2") == "S2")
    assert warns()
    press(chromium, "d")
    until(lambda: (tmp_path / "verdicts.tsv").is_file())
    assert not warns()
    press(chromium, "r")
    until(lambda: text_of(chromium, "#card h2") == "S3")
    assert warns()


def test_agreement_of_reviewers_is_shown_and_who_differ_are_found(chromium, room):
    digest = {key: seen_digests(room / "subjects" / key)[""] for key in ("S1", "S2", "S3")}
    given = {"S1": ("accept", "accept"), "S2": ("accept", "reject"), "S3": ("reject", "reject")}
    verdicts = Verdicts(
        {
            key: [
                Verdict(key, "", "", verdict, reviewer, "1", digest[key])
                for reviewer, verdict in zip("XY", listed, strict=True)
            ]
            for key, listed in given.items()
        }
    )
    make_room(room, ReviewOptions(), "Tiny", synthetic=True, verdicts=verdicts)
    open_room(chromium, room)
    assert "X, Y: 2 of 3 the same; linear kappa 0.40" in text_of(chromium, "#reviewers")
    assert "X accept, Y accept" in text_of(chromium, "#card")
    choose = "const s = document.getElementById('verdict'); s.value = 'differ';"
    chromium.execute_script(choose + "s.dispatchEvent(new Event('change'))")
    until(lambda: text_of(chromium, "#card h2") == "S2")
    assert text_of(chromium, "#count").startswith("1 of 3")


def test_the_likeliest_to_have_failed_come_first(chromium, room):
    listed = [
        {"s": "S1", "d": "tiny", "t": "ok", "c": [], "n": 0, "p": 0.9},
        {"s": "S2", "d": "tiny", "t": "review", "c": ["S2"], "n": 3, "p": 0.2},
        {"s": "S3", "d": "tiny", "t": "excluded", "c": ["S2"], "n": 1, "p": None},
        {"s": "S4", "d": "tiny", "t": "ok", "c": [], "n": 0, "p": 0.01},
    ]
    write_page(room / "review" / "index.html", listed, "Sorted", synthetic=True)
    open_room(chromium, room)
    script = "return [...document.querySelectorAll('.row')].map((row) => row.childNodes[1].textContent)"
    assert chromium.execute_script(script) == ["S3", "S1", "S2", "S4"]


def test_a_point_leads_to_the_card_and_the_slices_that_make_the_difference(chromium, room):
    for subject in ("S1", "S2", "S3"):
        home = room / "subjects" / subject
        write_observer(home, shift=0)
        labels = read_image(home / "label_manual_sa.nii.gz")
        labels.data[:, :, 1][labels.data[:, :, 1] == 1] = 2
        write_image(home / "label_manual_sa.nii.gz", labels)
    add_manual_rows(room / "cohort", ("S1", "S2", "S3", "S4"))
    make_room(room, ReviewOptions(), "Tiny", synthetic=True)
    open_room(chromium, room)
    press(chromium, "b")
    until(lambda: chromium.execute_script("return document.querySelectorAll('#plot circle').length") == 4)
    assert "LVEF" in text_of(chromium, "#plot") and "upper limit" in text_of(chromium, "#plot")
    click = "[...document.querySelectorAll('#plot circle')].find((c) => c.textContent.includes(arguments[0]))"
    chromium.execute_script(click + ".dispatchEvent(new Event('click'))", "S4")
    assert "no card here" in text_of(chromium, "#message")
    chromium.execute_script(click + ".dispatchEvent(new Event('click'))", "S3")
    until(lambda: text_of(chromium, "#card h2") == "S3")
    assert "LV at end-diastole: +" in text_of(chromium, "#differences")
    assert "Most in slice 2 of 3 from the base" in text_of(chromium, "#differences")
    left = "return [...document.querySelectorAll('.mark')].map((mark) => mark.style.left)"
    assert set(chromium.execute_script(left)) == {"33.3333%"}
    captions = "return [...document.querySelectorAll('figcaption')].map((one) => one.textContent)"
    assert any("drawn by manual" in caption for caption in chromium.execute_script(captions))
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def test_the_blinded_page_is_scored_by_keys_and_read_back(chromium, room, tmp_path):
    for subject in ("S1", "S2", "S4"):
        write_observer(room / "subjects" / subject, shift=5)
    add_manual_rows(room / "cohort", ("S1", "S2", "S4"))
    make_blinded(room, BlindedOptions(sample=2), "net", 1, "Tiny", synthetic=True)
    key = read_key(room / "blinded_key.tsv")
    chromium.get((room / "review" / "blinded.html").as_uri())
    until(lambda: text_of(chromium, "#region").endswith(f"(1 of {len(key)})"))
    loaded = "return [...document.querySelectorAll('#sides img')].filter((i) => i.naturalWidth > 0).length"
    until(lambda: chromium.execute_script(loaded) == 2)
    press(chromium, "l")
    assert "initials" in text_of(chromium, "#message"), "a score without an analyst is refused"
    chromium.find_element("id", "analyst").send_keys("XY\n")
    press(chromium, "l", "r", "z", "a", "u", "d")
    until(lambda: (tmp_path / "assessment.tsv").is_file())
    assert text_of(chromium, "#progress") == f"3 of {len(key)} scored"
    scores = read_assessments([tmp_path / "assessment.tsv"])
    assert [one.choice for one in scores] == ["left", "agreement", "not sure"]
    first = key[scores[0].case, scores[0].region]
    assert [unblinded(one, key) for one in scores] == [
        "better" if first["left"] == "automatic" else "worse", "same", "not_sure"
    ]  # fmt: skip
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []


def test_filters_and_search(chromium, room):
    make_room(room, ReviewOptions(room="all"), "Tiny", synthetic=True)
    open_room(chromium, room)
    assert text_of(chromium, "#count").startswith("4 of 4")
    choose = (
        "const select = document.getElementById(arguments[0]); select.value = arguments[1];"
        "select.dispatchEvent(new Event('change'))"
    )
    chromium.execute_script(choose, "status", "ok")
    until(lambda: text_of(chromium, "#card h2") == "S4")
    chromium.execute_script(choose, "status", "")
    chromium.execute_script(choose, "finding", "S2")
    assert text_of(chromium, "#count").startswith("3 of 4")
    chromium.find_element("id", "search").send_keys("s3\n")
    until(lambda: text_of(chromium, "#card h2") == "S3")


def test_five_thousand_subjects_do_not_choke_it(chromium, room):
    listed = [{"s": f"M{n:04d}", "d": "tiny", "t": "ok", "c": ["S2"], "n": 1, "p": None} for n in range(5000)]
    listed.append({"s": "S1", "d": "tiny", "t": "review", "c": ["S2"], "n": 1, "p": None})
    write_page(room / "review" / "index.html", listed, "Many", synthetic=True)
    open_room(chromium, room)
    assert text_of(chromium, "#card h2") == "S1"
    assert chromium.execute_script("return document.querySelectorAll('.row').length") < 60, (
        "rows out of sight"
    )
    chromium.execute_script("document.getElementById('list').scrollTop = 1e7")
    until(lambda: "M4999" in text_of(chromium, "#list"))
