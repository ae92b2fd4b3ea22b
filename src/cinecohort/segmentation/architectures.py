"""Names of the networks and what they stand for; light enough for options to read."""

from collections.abc import Sequence
from typing import Any


def chen_decoder(channels: Sequence[int]) -> tuple[int, ...]:
    """Channels that the decoder's blocks give in Chen 2020, coarsest first: those of the next finer level."""
    return (*channels[-3::-1], channels[0])


def chen_channels(width: int) -> tuple[int, ...]:
    """Channels by level of Chen's U-Net of a width: w, 2w, 4w, 8w, 8w."""
    return (width, 2 * width, 4 * width, 8 * width, 8 * width)


ARCHITECTURES: dict[str, dict[str, Any]] = {
    "fcn16": {"kind": "fcn", "width": 16},
    "fcn64": {"kind": "fcn", "width": 64},
    "resfcn": {"kind": "fcn", "width": 16, "residual": True},
    "unet16": {"kind": "unet", "channels": chen_channels(16)},
    "unet32": {"kind": "unet", "channels": chen_channels(32)},
    "unet64": {"kind": "unet", "channels": chen_channels(64)},
    "unet_slim": {"kind": "unet", "channels": (16, 48, 96, 192, 256)},
    "unet_fine": {"kind": "unet", "channels": (16, 48, 96, 192, 256), "decoder": (96, 48, 32, 32)},
    "unet_large": {"kind": "unet", "channels": (16, 64, 160, 320, 480), "decoder": (160, 96, 48, 32)},
}
"""Networks by the name that a configuration gives them.

``unet_slim`` is thin where the image is large and wide where it is small: most of a U-Net's time goes into
its full-resolution level, most of its capacity sits in the others. ``unet_fine`` has twice its channels in
the decoder's two finest levels, where the thin wall is drawn. ``unet_large`` has three times the weights of
``unet_fine``, most of them where the image is small, for 1.9 times its time.
"""


def grows_into(architecture: str, larger: str) -> bool:
    """Whether a network is another, or a U-Net with no more channels in any of its blocks."""
    small, large = ARCHITECTURES[architecture], ARCHITECTURES[larger]
    if small == large:
        return True
    if not small["kind"] == large["kind"] == "unet":
        return False
    narrow, wide = (
        (*item["channels"], *(item.get("decoder") or chen_decoder(item["channels"])))
        for item in (small, large)
    )
    return all(fewer <= more for fewer, more in zip(narrow, wide, strict=True))
