import pypdf
import pytest

from cinecohort.analyses.subject_pages import make_pages
from cinecohort.cohort.withdrawals import remove_subject
from cinecohort.ledger.frames import read_frame, write_frame
from cinecohort.measures.options import ReferenceOptions
from cinecohort.measures.reference_ranges import ranges_table, reference_of
from support.review_cohort import write_heart, write_tables


@pytest.fixture
def results(tmp_path):
    for subject in ("A", "B"):
        write_heart(tmp_path / "subjects" / subject)
    write_tables(tmp_path / "cohort", {"A": "ok", "B": "review", "C": "excluded"})
    return tmp_path


def names(results):
    return {path.name for path in (results / "pages").glob("*.pdf")}


def test_flagged_subjects_have_a_page_and_the_list_says_who_has_none(results):
    make_pages(results, "flagged", synthetic=True, version=1)
    assert names(results) == {"B.pdf"}
    text = " ".join(pypdf.PdfReader(results / "pages" / "B.pdf").pages[0].extract_text().split())
    for words in ("LVEF 57.1 %", "the RV is in 3 pieces in frame 5", "SYNTHETIC DATA"):
        assert words in text
    listed = read_frame(results / "pages" / "pages.tsv").set_index("subject")
    assert listed.loc["B", "page"] == "B.pdf"
    assert listed.loc["C", "reason"] == "there is no short-axis image"


def test_only_what_changed_is_made_again(results):
    make_pages(results, "all", synthetic=False, version=1)
    before = {name: (results / "pages" / name).stat().st_mtime_ns for name in names(results)}
    write_tables(results / "cohort", {"A": "review", "B": "review"})
    make_pages(results, "all", synthetic=False, version=1)
    after = {name: (results / "pages" / name).stat().st_mtime_ns for name in names(results)}
    assert {name for name in before if before[name] != after[name]} == {"A.pdf"}
    write_tables(results / "cohort", {"A": "ok", "B": "review"})
    make_pages(results, "flagged", synthetic=False, version=1)
    assert names(results) == {"B.pdf"}, "who is not to have a page any more has none"
    remove_subject(results, "B")
    assert names(results) == set()


def test_a_damaged_image_costs_its_subject_the_page_alone(results):
    (results / "subjects" / "B" / "seg_sa.nii.gz").write_bytes(b"no image")
    make_pages(results, "all", synthetic=False, version=1)
    assert names(results) == {"A.pdf"}
    listed = read_frame(results / "pages" / "pages.tsv").set_index("subject")
    assert "could not be made" in listed.loc["B", "reason"]


def test_a_page_has_the_persons_ranges_and_is_made_again_when_they_change(results):
    people = "subject\tsex\tage_years\nA\tF\t60\nB\tM\t60\n"
    (results / "cohort" / "participants.tsv").write_text(people)
    reference = reference_of(ReferenceOptions(), from_tables=False)
    write_frame(results / "cohort" / "reference_ranges.tsv", ranges_table(reference))
    make_pages(results, "all", synthetic=False, version=1)
    text = " ".join(pypdf.PdfReader(results / "pages" / "A.pdf").pages[0].extract_text().split())
    assert "woman · 60 years" in text
    assert "51 to 71" in text
    before = {name: (results / "pages" / name).stat().st_mtime_ns for name in names(results)}
    (results / "cohort" / "participants.tsv").write_text(people.replace("A\tF\t60", "A\tF\t20"))
    make_pages(results, "all", synthetic=False, version=1)
    changed = {name for name in before if (results / "pages" / name).stat().st_mtime_ns != before[name]}
    assert changed == {"A.pdf"}
