"""Digests of what a reviewer sees: a verdict holds for what it was given on, and no longer."""

from pathlib import Path

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.files import digest_json
from cinecohort.review.corrections import corrected_digests
from cinecohort.store import read_record

WHOLE = ""
"""Stands for all views of a subject."""


def seen_digests(folder: Path) -> dict[str, str]:
    """Digests of what is shown of a subject.

    Parameters
    ----------
    folder
        The subject's folder in the store.

    Returns
    -------
    dict
        View to the digest of its first model's label map, or of its correction, and :data:`WHOLE` to that of
        all of them together with the images; views without a label map are left out.
    """
    segment, convert = read_record(folder, "segment"), read_record(folder, "convert")
    outputs = segment.outputs if segment else {}
    views = {
        view: str(outputs[f"seg_{view}.nii.gz"]["sha256"])[:16]
        for view in STRUCTURES
        if f"seg_{view}.nii.gz" in outputs
    } | {view: digest[:16] for view, digest in corrected_digests(folder).items()}
    images = {
        name: facts["sha256"]
        for name, facts in (convert.outputs if convert else {}).items()
        if name in {f"{view}.nii.gz" for view in STRUCTURES}
    }
    return {**views, WHOLE: digest_json({"views": views, "images": images})[:16]}
