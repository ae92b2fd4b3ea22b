"""The stages, and the versions of their algorithms: what is raised when a stage's results change."""

STAGES = ("convert", "image_quality", "segment", "segmentation_quality", "measure", "evaluate")
"""The stages that work by subject, in the order in which they run."""

VERSIONS = {
    "convert": 10,
    "image_quality": 2,
    "segment": 10,
    "segmentation_quality": 13,
    "measure": 9,
    "evaluate": 4,
    "gather": 12,
    "import_tables": 9,
    "run_record": 2,
    "agreement": 9,
    "group_study": 12,
    "report": 16,
    "review": 5,
    "blinded": 1,
    "subject_pages": 4,
}
"""Version of each stage's algorithm."""
