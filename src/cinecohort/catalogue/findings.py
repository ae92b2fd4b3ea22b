"""Codes of findings: the stage that raises each, what it means, and what to do about it.

A new code is one more line of :class:`Code`: the code twice, stage, meaning, advice. Code that raises a
finding names the member (``Code.GAP``), so that a slip of the pen cannot run.
"""

from enum import StrEnum
from typing import Self


class Stage(StrEnum):
    """A stage that raises findings; ``ANY`` stands for all of them."""

    CONVERT = "convert"
    IMAGE_QUALITY = "image_quality"
    SEGMENT = "segment"
    SEGMENTATION_QUALITY = "segmentation_quality"
    MEASURE = "measure"
    MEASURE_QUALITY = "measure_quality"
    EVALUATE = "evaluate"
    PARTICIPANTS = "participants"
    REVIEW = "review"
    ANY = "any"


_LOOK = "Look at the images beside their labels."
_EXPORT = "Export the series again, whole."
_FILE = "Replace the file."
_LOG = "Read the subject's log in logs/subjects and report the fault."


class Code(StrEnum):
    """What a stage found, as software reads it.

    Attributes
    ----------
    stage
        The stage that raises it first; later stages raise some codes again for what they read.
    words
        What it means, without a subject's numbers, to be printed within a sentence.
    advice
        What a user does about it.
    """

    stage: Stage
    words: str
    advice: str

    def __new__(cls, code: str, stage: Stage, words: str, advice: str) -> Self:
        """Make a member that is its code's text."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.stage, member.words, member.advice = stage, words, advice
        return member

    # fmt: off
    # Conversion
    GAP = "GAP", Stage.CONVERT, "a slice position is missing in the stack", _EXPORT
    DUPLICATE = "DUPLICATE", Stage.CONVERT, "frames, slices or archives came more than once", (
        "Look which were kept.")
    UNEQUAL_FRAMES = "UNEQUAL_FRAMES", Stage.CONVERT, "slices differ in their number of frames", _EXPORT
    MISSING_FRAME = "MISSING_FRAME", Stage.CONVERT, "a frame of a slice is missing", _EXPORT
    ORIENTATION = "ORIENTATION", Stage.CONVERT, (
        "slices are not parallel, or the order of a file's axes had to be settled"), _LOOK
    SHIFT = "SHIFT", Stage.CONVERT, "slices are shifted against each other in their plane", _LOOK
    SPACING = "SPACING", Stage.CONVERT, (
        "slice spacing is uneven or unknown, or pixels are of no cine's size"), (
        "Check slice thickness and gap in the protocol.")
    MATRIX = "MATRIX", Stage.CONVERT, "slices differ in matrix size", "Check which slices were kept."
    NO_GEOMETRY = "NO_GEOMETRY", Stage.CONVERT, "the files hold no geometry", (
        "Export the series again with its position tags.")
    NO_VIEW = "NO_VIEW", Stage.CONVERT, "no usable view was found", "Check that the study has cine series."
    UNREADABLE = "UNREADABLE", Stage.CONVERT, "a file cannot be read", _FILE
    NOT_CINE = "NOT_CINE", Stage.CONVERT, "a series is not a cine series", "Nothing, if no view is missing."
    LABEL_INCOMPLETE = "LABEL_INCOMPLETE", Stage.CONVERT, "the human annotation is incomplete", (
        "Complete the contours, or leave the frame out of the comparison.")
    LABEL_SWAP = "LABEL_SWAP", Stage.CONVERT, "label numbers of the cavities were exchanged", _LOOK
    AMBIGUOUS_VIEW = "AMBIGUOUS_VIEW", Stage.CONVERT, "it is not certain which series is the view", (
        "Check that the chosen series is the view.")
    MANIFEST = "MANIFEST", Stage.CONVERT, "the manifest does not agree with the files", (
        "Download the bulk file again.")
    TIME = "TIME", Stage.CONVERT, "frame times are uneven or unknown", "Use no rates of this series."
    FRAME_OF_REFERENCE = "FRAME_OF_REFERENCE", Stage.CONVERT, (
        "slices of one stack lie in different frames of reference"), _LOOK
    SLICE_NAMES = "SLICE_NAMES", Stage.CONVERT, "names of slices disagree with their positions", _LOOK
    IDENTITY = "IDENTITY", Stage.CONVERT, "files of more than one person or study", "Sort the files by study."
    OTHER_KIND = "OTHER_KIND", Stage.CONVERT, "images of another kind lie among those of the cine", (
        "Check which were kept.")
    EXAMINATIONS = "EXAMINATIONS", Stage.CONVERT, "images of more than one examination in one folder", (
        "Give each examination its own folder.")
    SAME_IDENTIFIER = "SAME_IDENTIFIER", Stage.CONVERT, "images with one identifier differ", (
        "Keep one of the exports.")
    FRAME_COUNT = "FRAME_COUNT", Stage.CONVERT, "a file's number of frames contradicts what it holds", _EXPORT
    BAD_VALUE = "BAD_VALUE", Stage.CONVERT, "a header value cannot be read and was ignored", (
        "Nothing, if no view is missing.")
    NOT_LOOKED_INTO = "NOT_LOOKED_INTO", Stage.CONVERT, "files of a kind that is not looked into", (
        "Unpack them, if they hold images.")
    NOT_FINITE = "NOT_FINITE", Stage.CONVERT, "the image holds numbers that are not finite", _FILE
    # Image quality
    VIEW = "VIEW", Stage.IMAGE_QUALITY, "the view was recognised with little confidence", (
        "Check that the image is the view.")
    I1 = "I1", Stage.IMAGE_QUALITY, "unusual size or spacing of the stack", _LOOK
    I2 = "I2", Stage.SEGMENTATION_QUALITY, "low contrast of blood and myocardium", _LOOK
    I3 = "I3", Stage.SEGMENTATION_QUALITY, "displacement between slices", _LOOK
    I4 = "I4", Stage.SEGMENTATION_QUALITY, "incomplete coverage of the ventricle", _LOOK
    I5 = "I5", Stage.IMAGE_QUALITY, "jump between frames (triggering)", _LOOK
    I6 = "I6", Stage.IMAGE_QUALITY, "saturated or empty pixels", _LOOK
    # Segmentation
    NO_MODEL = "NO_MODEL", Stage.SEGMENT, "no network is available for a view", "Name a model for the view."
    NO_IMAGE = "NO_IMAGE", Stage.SEGMENT, "the image is missing", "See the findings of conversion."
    ALL_FRAMES = "ALL_FRAMES", Stage.SEGMENT, "end-diastole and end-systole not named", (
        "Nothing: all frames were segmented.")
    BLANK_SLICE = "BLANK_SLICE", Stage.SEGMENT, "a slice is blank", _EXPORT
    NOTHING_FOUND = "NOTHING_FOUND", Stage.SEGMENT, "the network found nothing", _LOOK
    SEGMENTATION_FAULT = "SEGMENTATION_FAULT", Stage.SEGMENT, "unexpected fault of the segmentation", _LOG
    # Segmentation quality
    VIEW_REJECTED = "VIEW_REJECTED", Stage.SEGMENTATION_QUALITY, (
        "a view, or its segmentation, was rejected by a check"), "See the check that rejected it."
    S1 = "S1", Stage.SEGMENTATION_QUALITY, "a structure is missing in a frame", _LOOK
    S2 = "S2", Stage.SEGMENTATION_QUALITY, "a structure is in several pieces", _LOOK
    S3 = "S3", Stage.SEGMENTATION_QUALITY, "the myocardial ring is open", _LOOK
    S4 = "S4", Stage.SEGMENTATION_QUALITY, "implausible contact or holes of structures", _LOOK
    S5 = "S5", Stage.SEGMENTATION_QUALITY, "volume jumps between frames", _LOOK
    S6 = "S6", Stage.SEGMENTATION_QUALITY, "implausible volume curve", _LOOK
    S7 = "S7", Stage.SEGMENTATION_QUALITY, "short-axis rule of ukbb_cardiac not met", _LOOK
    S8 = "S8", Stage.SEGMENTATION_QUALITY, "long-axis rule of ukbb_cardiac not met", _LOOK
    S9 = "S9", Stage.SEGMENTATION_QUALITY, "atrium rule of ukbb_cardiac not met", _LOOK
    S10 = "S10", Stage.SEGMENTATION_QUALITY, "a slice out of step with the others (triggering)", _LOOK
    S11 = "S11", Stage.SEGMENTATION_QUALITY, "the clean-up removed or filled much", _LOOK
    U1 = "U1", Stage.SEGMENTATION_QUALITY, "predictions disagree with each other", _LOOK
    CORRECTED = "CORRECTED", Stage.SEGMENTATION_QUALITY, (
        "a person's label map stands in place of the network's"), "Nothing."
    CORRECTION_UNUSABLE = "CORRECTION_UNUSABLE", Stage.SEGMENTATION_QUALITY, (
        "a corrected label map cannot be used; the network's is"), "Save it again on the image's grid."
    PREDICTED_FAILURE = "PREDICTED_FAILURE", Stage.SEGMENTATION_QUALITY, (
        "the calibration predicts that the segmentation failed"), _LOOK
    # Measures
    GRID = "GRID", Stage.MEASURE, "a label map and its image do not lie on one grid", (
        "Make the label map again from this image.")
    FEW_SLICES = "FEW_SLICES", Stage.MEASURE, "too few short-axis slices for a ventricle", _EXPORT
    ONE_FRAME = "ONE_FRAME", Stage.MEASURE, "one frame, whose phase is not known", (
        "Name the frame's phase in the image's sidecar.")
    NOT_FOUND = "NOT_FOUND", Stage.MEASURE, "the network found a structure in no or few frames", _LOOK
    STRUCTURE_LOST = "STRUCTURE_LOST", Stage.MEASURE, (
        "a label map lost a structure, so that none of its measures is given"), _LOOK
    NO_EJECTION = "NO_EJECTION", Stage.MEASURE, (
        "a ventricle is not smaller at end-systole than at end-diastole; its measures are not given"), (
        "Look at the label map at both frames, and whether they are the right ones.")
    NOT_COVERED = "NOT_COVERED", Stage.MEASURE, (
        "a label map does not cover what a measure needs"), "Nothing, if it was not meant to."
    NO_LONG_AXIS = "NO_LONG_AXIS", Stage.MEASURE, "no short axis gives the long axis of the atria", (
        "See the findings about the short axis.")
    LOST_SLICES = "LOST_SLICES", Stage.MEASURE, (
        "the LV lacks slices in a frame, which is not taken for end-diastole or end-systole"), _LOOK
    MISSING_SLICE = "MISSING_SLICE", Stage.MEASURE, "a volume is undefined since a slice is missing", _EXPORT
    ED_NOT_FIRST = "ED_NOT_FIRST", Stage.MEASURE, "the first frame is not end-diastole", (
        "Check that the series was triggered at the R wave.")
    NOT_MEASURABLE = "NOT_MEASURABLE", Stage.MEASURE, "nothing to measure in any label map", _LOOK
    NO_HEART_RATE = "NO_HEART_RATE", Stage.MEASURE, "the heart rate is not known", (
        "Cardiac output is missing; take the heart rate from elsewhere if you need it.")
    # Measure quality
    M1 = "M1", Stage.MEASURE_QUALITY, "measure outside its plausible range", _LOOK
    M2 = "M2", Stage.MEASURE_QUALITY, "myocardial mass differs between ED and ES", _LOOK
    M3 = "M3", Stage.MEASURE_QUALITY, "stroke volumes of the ventricles differ", (
        "Look at the labels; a valve that leaks or a shunt does this too.")
    M4 = "M4", Stage.MEASURE_QUALITY, "atrial volumes disagree, or their time is implausible", _LOOK
    M5 = "M5", Stage.MEASURE_QUALITY, "measure unlike the cohort's", _LOOK
    # Participants, and measures made elsewhere
    IMPLAUSIBLE = "IMPLAUSIBLE", Stage.PARTICIPANTS, "a value that cannot be true counts as missing", (
        "Correct the table; set `plausible` where the value is right.")
    CONTRADICTION = "CONTRADICTION", Stage.PARTICIPANTS, "values of one person contradict each other", (
        "Correct the table.")
    ANSWER = "ANSWER", Stage.PARTICIPANTS, "an answer or code that is not understood counts as missing", (
        "Say under `columns` what it means.")
    SPECIAL_CODE = "SPECIAL_CODE", Stage.PARTICIPANTS, "a number that may be a code is used as a number", (
        "Declare it under `columns`.")
    # Verdicts of reviewers
    REVIEW_REJECTED = "REVIEW_REJECTED", Stage.MEASURE, "a reviewer rejected it; it is not measured", (
        "Nothing; take the verdict back in the review room if it was wrong.")
    REVIEW_ACCEPTED = "REVIEW_ACCEPTED", Stage.REVIEW, "a reviewer looked and accepted it", "Nothing."
    REVIEW_UNSURE = "REVIEW_UNSURE", Stage.REVIEW, "a reviewer was not sure", "Ask another reviewer."
    REVIEW_STALE = "REVIEW_STALE", Stage.REVIEW, (
        "a verdict is about something that has changed since, and does not count"), (
        "Look again in the review room.")
    # Every stage
    UNUSABLE = "UNUSABLE", Stage.ANY, "the image cannot be segmented", "Do what the message says."
    CRASHED = "CRASHED", Stage.ANY, "a file ended the process that read it, or memory ran out", _FILE
    UNEXPECTED = "UNEXPECTED", Stage.ANY, "unexpected fault", _LOG
    # fmt: on


def finding_words(code: str) -> str:
    """Return a code's meaning in words; a status that stands in for a code is its own."""
    return Code[code].words if code in Code.__members__ else code.replace("_", " ").lower()
