"""A picture's bytes as plain pixels: nothing of the file survives but what can be seen, and no file can do harm.

Whoever sends a picture may be anybody. Only three formats are read, what the header claims is checked before a pixel is
unpacked, few are unpacked at once, and neither place, time nor camera that a file may carry is kept.
"""

from __future__ import annotations

import contextlib
import io
import threading
from typing import TYPE_CHECKING

from shopping_assistant.tools.errors import ShopError

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP")
# What a phone takes is 3 to 6 MB and 12 to 24 megapixels.
MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 40_000_000
# Encoders look at 224 to 512 pixels a side: more would only be carried around.
SIDE = 768
# An encoder makes the short side 224 long: of a strip of one pixel's width that would be a picture of gigabytes.
LONGEST_TO_SHORTEST = 3
# 40 megapixels with transparency take 320 MB while they are unpacked.
_AT_ONCE = threading.BoundedSemaphore(2)


class PictureError(ShopError):
    """A picture that cannot be used; the sentence is meant for whoever sent it."""


def decoded(data: bytes, most_bytes: int = MOST_BYTES, most_pixels: int = MOST_PIXELS) -> Image:
    """A JPEG, PNG or WebP as an upright RGB picture of at most `SIDE` pixels a side, on white where it is transparent.

    A strip is cut to its middle; of moving pictures the first one is taken.

    Raises:
        PictureError: too many bytes or pixels, another format, or damaged.
    """
    if not data:
        raise PictureError("That picture is empty; please choose another one")
    if len(data) > most_bytes:
        raise PictureError(
            f"That picture is larger than {most_bytes // 1024**2} MB; please choose a smaller one or a screenshot of it"
        )
    with _AT_ONCE:
        return _upright(_opened(data, most_pixels))


def _opened(data: bytes, most_pixels: int) -> Image:
    from PIL import Image

    too_many = PictureError(
        f"That picture has more than {most_pixels // 1_000_000} megapixels; please choose a smaller one, or a "
        "screenshot of it"
    )
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise too_many from None
    except Exception as error:  # decoders raise whatever a damaged header brings them to
        raise PictureError("That file is no picture I can read; please send a JPEG, PNG or WebP") from error
    width, height = image.size
    if width * height > most_pixels:
        raise too_many
    return image


def _upright(image: Image) -> Image:
    from PIL import Image, ImageOps

    try:
        # A JPEG can be unpacked at an eighth of its size; never below what is asked for.
        image.draft(None, (SIDE, SIDE))
        image.load()
    except Exception as error:
        raise PictureError("That picture is damaged; please send it once more, or another one") from error
    with contextlib.suppress(Exception):  # where the note on how the camera was held is damaged, the picture is whole
        image = ImageOps.exif_transpose(image)
    image = _strip_cut(image)
    # Fewer pixels first: changing colours takes a copy of them all.
    many = min(image.size) // SIDE
    if many > 1 and image.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        image = image.reduce(many)
    image = _in_colour(image)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BICUBIC)
    # Only the pixels go on: no profile, text or place that the file carried.
    plain = Image.new("RGB", image.size)
    plain.paste(image)
    return plain


def _strip_cut(image: Image) -> Image:
    width, height = image.size
    longest = LONGEST_TO_SHORTEST * min(width, height)
    if max(width, height) <= longest:
        return image
    left, top = max(width - longest, 0) // 2, max(height - longest, 0) // 2
    return image.crop((left, top, left + min(width, longest), top + min(height, longest)))


def _in_colour(image: Image) -> Image:
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        # 16 bits a pixel: the upper eight. Converting would cut off everything bright.
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")
