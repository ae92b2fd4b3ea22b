"""Nothing that identifies a person comes out of a whole run: not in the store, tables, logs or the report."""

import gzip
import re
import shutil

from pypdf import PdfReader

from support import synthetic_dicom as synthetic
from support.tiny_cohort import Cohort

PIXELS = (".pdf", ".png", ".webp", ".jpg")
"""Files whose bytes may be any word by chance; the report's text is taken out of it."""


def written_text(cohort: Cohort) -> str:
    """Everything that a run wrote, file names and the report's text included."""
    report = PdfReader(cohort.results / "report.pdf")
    text = "".join(page.extract_text() for page in report.pages) + str(report.metadata)
    outputs = [path for path in cohort.results.rglob("*") if path.is_file()]
    for path in outputs:
        content = path.read_bytes()
        content = gzip.decompress(content)[:352] if path.suffix == ".gz" else content
        text += str(path.relative_to(cohort.results))
        text += content.decode("latin-1") * (path.suffix not in PIXELS)
    assert {"convert.json", "sa.json", "measures.tsv", "run.json", "gather.log"} <= {p.name for p in outputs}
    return text


def test_no_identity_in_store_tables_logs_and_report(tmp_path):
    cohort = Cohort(tmp_path)
    images = synthetic.stack(6, 12) + synthetic.long_axis("la_4ch", "4CH Doe Jane", 12, 60)
    for subject in ("S1", "S2"):
        folder = synthetic.write_files(cohort.raw / subject / "Doe^Jane", images)
    (folder / "damaged.dcm").write_bytes(b"Doe Jane")
    cohort.configure(datasets={"hospital": {"source": "dicom", "path": "raw"}}, studies={})
    text = cohort.snakemake() + written_text(cohort)
    uids = {str(image.SOPInstanceUID) for image in images} | {str(images[0].StudyInstanceUID)}
    for secret in (*synthetic.SECRETS, *uids):
        assert not re.search(rf"\b{re.escape(secret)}\b", text, re.IGNORECASE), secret


def test_folders_named_after_patients_go_by_hashed_keys_everywhere(tmp_path):
    cohort, keys = Cohort(tmp_path), tmp_path / "kept apart" / "keys.tsv"
    keys.parent.mkdir()
    folders = ("Doe_Jane", "Roe_Richard", "20140605_PID-778")
    for folder in folders:
        synthetic.write_files(cohort.raw / folder, synthetic.stack(6, 12))
    hospital = {"source": "dicom", "path": "raw", "subject_names": "hashed", "key_table": str(keys)}
    cohort.configure(datasets={"hospital": hospital}, studies={})
    text = cohort.snakemake() + written_text(cohort)
    for secret in (*synthetic.SECRETS, *folders, "Roe", "Richard"):
        assert not re.search(rf"(?<![0-9a-z]){re.escape(secret)}(?![0-9a-z])", text, re.IGNORECASE), secret
    table = dict(line.split("\t") for line in keys.read_text().splitlines()[2:])
    assert sorted(table.values()) == sorted(folders)
    rows = (cohort.results / "cohort" / "conversion.tsv").read_text()
    assert all(key in rows and key in written_text(cohort) for key in table)
    assert sorted(path.name for path in (cohort.results / "subjects").iterdir()) == sorted(table)
    # The same keys where the work is done anew, with the table; other keys without it.
    assert "Nothing to be done" in cohort.snakemake()
    kept = keys.read_text()
    tables = [f"results/convert/{path.name}" for path in (cohort.results / "index").glob("0*.tsv")]
    shutil.rmtree(cohort.results)
    cohort.snakemake(*tables)
    assert keys.read_text() == kept
    assert sorted(path.name for path in (cohort.results / "subjects").iterdir()) == sorted(table)
