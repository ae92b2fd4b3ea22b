"""Nothing that identifies a person comes out of a whole run: not in the store, tables, logs or the report."""

import gzip
import re

from pypdf import PdfReader

from support import synthetic_dicom as synthetic
from support.tiny_cohort import Cohort


def test_no_identity_in_store_tables_logs_and_report(tmp_path):
    cohort = Cohort(tmp_path)
    images = synthetic.stack(6, 12) + synthetic.long_axis("la_4ch", "4CH Doe Jane", 12, 60)
    for subject in ("S1", "S2"):
        folder = synthetic.write_files(cohort.raw / subject / "Doe^Jane", images)
    (folder / "damaged.dcm").write_bytes(b"Doe Jane")
    cohort.configure(datasets={"hospital": {"source": "dicom", "path": "raw"}}, studies={})
    text = cohort.snakemake()
    report = PdfReader(cohort.results / "report.pdf")
    text += "".join(page.extract_text() for page in report.pages) + str(report.metadata)
    outputs = [path for path in cohort.results.rglob("*") if path.is_file() and path.suffix != ".pdf"]
    assert {"convert.json", "sa.json", "measures.tsv", "run.json", "gather.log"} <= {p.name for p in outputs}
    for path in outputs:
        content = path.read_bytes()
        content = gzip.decompress(content)[:352] if path.suffix == ".gz" else content
        text += str(path.relative_to(cohort.results)) + content.decode("latin-1")
    uids = {str(image.SOPInstanceUID) for image in images} | {str(images[0].StudyInstanceUID)}
    for secret in (*synthetic.SECRETS, *uids):
        assert not re.search(rf"\b{re.escape(secret)}\b", text, re.IGNORECASE), secret
