"""Settings of one column of the participants' table, where its name alone does not say everything."""

from pydantic import field_validator

from cinecohort.options import Options


class ColumnOptions(Options):
    """How one of the participants' columns is read from the user's table."""

    column: str | list[str]
    """Their column, or several, as in the short form of `columns`."""
    missing: tuple[float | str, ...] = ()
    """Codes and words that stand for a missing value, such as -3 for "prefer not to answer"."""
    codes: dict[str | float, str | float] = {}
    """Their code to ours: words make a category of the column (`{0: never, 1: previous}`), numbers replace
    (`{-10: 0}`). A code that is not named stays as it is where ours are numbers, and is missing where they
    are words."""
    scale: float | None = None
    """Factor that brings their unit to ours (100 for metres to cm); set, it ends the guessing of units."""
    plausible: tuple[float, float] | None = None
    """Lowest and highest value that is believed, in our unit, instead of the usual limits."""

    @field_validator("plausible")
    @classmethod
    def _ordered(cls, limits: tuple[float, float] | None) -> tuple[float, float] | None:
        if limits is not None and limits[0] >= limits[1]:
            raise ValueError(f"the lower limit {limits[0]:g} must be below the upper one {limits[1]:g}")
        return limits


def column_options(given: "str | list[str] | ColumnOptions") -> ColumnOptions:
    """The short form of a column's settings, a name or several, as the long one."""
    return given if isinstance(given, ColumnOptions) else ColumnOptions(column=given)
