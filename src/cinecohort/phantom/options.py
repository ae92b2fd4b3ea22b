"""Options of the phantom cohort."""

from typing import Literal

from pydantic import Field

from cinecohort.options import Options


class PhantomOptions(Options):
    """How many phantoms are made, and how they are written."""

    subjects: int = Field(default=24, ge=1, le=999_999)
    """Number of subjects."""
    frames: int = Field(default=20, ge=4, le=100)
    """Frames per cardiac cycle; the protocol of UK Biobank has 50."""
    seed: int = Field(default=1, ge=0)
    """Seed of everything that is drawn; a subject depends on the seed and its number alone."""
    layout: Literal["ukbiobank", "dicom", "nifti"] = "ukbiobank"
    """Archives and manifests as UK Biobank gives them, a folder of DICOM series per subject, or images and
    true label maps as the store has them."""
    written_frames: Literal["all", "ed_es"] = "all"
    """Frames of the layout ``nifti``: all, or end-diastole and end-systole only."""
    views: tuple[Literal["sa", "la_2ch", "la_4ch"], ...] = ("sa", "la_2ch", "la_4ch")
    """Views of the layout ``nifti``."""
    randomise: bool = False
    """Layout ``nifti``: vary volumes, shapes, protocol, contrast, orientation and artefacts far beyond what
    people and scanners have, for networks that learn from phantoms alone."""
    tables_only: bool = False
    """Write participants and measures, drawn from a whole population, and no images."""
    faults: bool = True
    """Whether faults are planted; they are listed in ``truth.tsv``."""
    jobs: int = Field(default=1, ge=1)
    """Processes that make subjects in parallel."""
