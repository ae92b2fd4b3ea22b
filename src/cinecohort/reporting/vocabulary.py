"""How the report names roles of frames, steps and stages."""

ROLE_NAMES = {"ed": "ED", "es": "ES", "both": "ED and ES", "": "all frames"}

STEP_NAMES = {
    "indexed": "Received",
    "converted": "Converted",
    "convert": "Converted",
    "image quality": "Passed image checks",
    "image_quality": "Passed image checks",
    "segmented": "Segmented",
    "segment": "Segmented",
    "segmentation quality": "Passed segmentation checks",
    "segmentation_quality": "Passed segmentation checks",
    "measured": "Measured",
    "measure": "Measured",
}
"""Steps of the flow, as printed."""

STAGE_NAMES = {
    "convert": "Conversion",
    "image_quality": "Image quality",
    "segment": "Segmentation",
    "segmentation_quality": "Segmentation quality",
    "measure": "Measures",
    "measure_quality": "Plausibility of measures",
    "evaluate": "Evaluation",
}
