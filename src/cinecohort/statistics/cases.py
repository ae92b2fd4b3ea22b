"""The worst and the best segmented images, chosen by Dice, with what quality control said of them."""

import pandas as pd

from cinecohort.statistics.overlap_tables import mean_dice_of_images

COLUMNS = (
    "selection",
    "which",
    "rank",
    "subject",
    "dataset",
    "view",
    "source",
    "reference",
    "frame",
    "role",
    "dice",
    "structure",
    "structure_dice",
    "group",
    "status",
    "code",
    "reason",
)


def choose_cases(
    overlap: pd.DataFrame,
    models: list[str],
    participants: pd.DataFrame | None = None,
    status: pd.DataFrame | None = None,
    count: int = 6,
) -> pd.DataFrame:
    """List the images with the lowest and highest Dice (Chen 2020, Figures 5 to 7).

    Images are ranked by the mean Dice of their structures, for each model, reference and view: over all, and
    within each pathology where that is known. An image is a view at one frame; equal ones keep the order of
    their subject keys.

    Parameters
    ----------
    overlap
        The cohort's overlap table.
    models
        Sources that are automatic; pairs of observers are no cases.
    participants
        ``subject`` and ``group``.
    status
        ``subject, status, code, reason``: what quality control said.
    count
        Worst and best images of each list.

    Returns
    -------
    pandas.DataFrame
        :data:`COLUMNS`; ``selection`` is ``all`` or ``pathology``, ``which`` is ``worst`` or ``best``,
        ``structure`` the structure with the lowest Dice in the image.
    """
    images = mean_dice_of_images(overlap[overlap["source"].isin(models)])
    images = _with_columns(images, participants, ["group"])
    images = _with_columns(images, status, ["status", "code", "reason"])
    parts = []
    for selection, keys in (("all", [*_LISTS]), ("pathology", [*_LISTS, "group"])):
        for _, part in images.dropna(subset=keys).groupby(keys, sort=False):
            parts += [_extreme(part, selection, which, count) for which in ("worst", "best")]
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)[list(COLUMNS)]


_LISTS = ("source", "reference", "view")
"""Every list of cases is of one model, reference and view."""


def _with_columns(images: pd.DataFrame, table: pd.DataFrame | None, columns: list[str]) -> pd.DataFrame:
    """Add what a table knows of each subject; columns that it lacks are empty."""
    if table is None:
        table = pd.DataFrame({"subject": pd.Series(dtype=str)})
    known = table.drop_duplicates("subject").set_index("subject").reindex(columns=columns)
    return images.join(known, on="subject")


def _extreme(images: pd.DataFrame, selection: str, which: str, count: int) -> pd.DataFrame:
    order = images.sort_values(
        ["dice", "subject", "frame"], ascending=[which == "worst", True, True], kind="stable"
    ).head(count)
    return order.assign(selection=selection, which=which, rank=range(1, len(order) + 1))
