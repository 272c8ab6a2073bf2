"""Pictures of anybody: what is read, what is refused, and what of a file goes on."""

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from shopping_assistant.tools.image_decoding import SIDE, PictureError, decoded


def as_bytes(image: Image.Image, format: str = "PNG", **more) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **more)
    return out.getvalue()


def two_halves(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("blue", (width // 2, 0, width, height))
    return picture


def png_claiming(width: int, height: int) -> bytes:
    """A header of that size and no pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0"))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_three_formats_are_read_as_plain_colour(format):
    picture = decoded(as_bytes(two_halves(), format))
    assert picture.mode == "RGB" and picture.size == (60, 40) and not picture.info
    red, blue = np.asarray(picture)[20, 5], np.asarray(picture)[20, 55]
    assert red[0] > 180 > 90 > red[2] and blue[2] > 180 > 90 > blue[0]


def test_a_phone_held_upright_is_turned_and_its_place_and_time_are_dropped():
    noted = Image.Exif()
    noted[0x0112] = 6  # held so that it has to be turned by a quarter
    noted[0x010F] = "Some camera"
    noted.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # a place
    picture = decoded(as_bytes(two_halves(), "JPEG", exif=noted))
    assert picture.size == (40, 60)
    top, bottom = np.asarray(picture)[5, 20], np.asarray(picture)[55, 20]
    assert top[0] > top[2] and bottom[2] > bottom[0]
    assert not picture.getexif() and not picture.info


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_every_kind_of_pixel_becomes_a_colour(mode):
    grey = np.asarray(two_halves().convert("L"))
    source = Image.fromarray(grey.astype(np.uint16) * 256) if mode == "I;16" else two_halves().convert(mode)
    picture = decoded(as_bytes(source, "JPEG" if mode == "CMYK" else "PNG"))
    assert picture.mode == "RGB" and picture.size == (60, 40)
    # Red is brighter than blue, also in grey.
    red, blue = (np.asarray(picture)[5:35, half].mean() for half in (slice(2, 28), slice(32, 58)))
    assert red > blue or mode in ("CMYK", "RGBA", "P")


def test_what_is_transparent_is_white():
    clear = Image.new("RGBA", (30, 30), (0, 0, 0, 0))
    assert np.asarray(decoded(as_bytes(clear))).min() == 255


def test_sixteen_bits_are_not_cut_off():
    grey = Image.fromarray(np.full((20, 20), 32_768, dtype=np.uint16))
    assert 120 < np.asarray(decoded(as_bytes(grey))).mean() < 136


def test_a_large_picture_is_made_small_and_a_strip_is_cut():
    assert max(decoded(as_bytes(Image.new("RGB", (3000, 2000)), "JPEG")).size) <= SIDE
    strip = decoded(as_bytes(Image.new("RGB", (9000, 9), "green")))
    assert strip.size == (27, 9)


@pytest.mark.parametrize(
    "name, data, told",
    [
        ("empty", b"", "empty"),
        ("text", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "JPEG, PNG or WebP"),
        ("gif", as_bytes(two_halves(), "GIF"), "JPEG, PNG or WebP"),
        ("bmp", as_bytes(two_halves(), "BMP"), "JPEG, PNG or WebP"),
        ("cut off", as_bytes(two_halves(600, 400), "JPEG")[:900], "damaged"),
        ("no pixels", png_claiming(100, 100), "damaged"),
        ("41 megapixels", png_claiming(8200, 5000), "40 megapixels"),
        ("a bomb", png_claiming(60_000, 60_000), "40 megapixels"),
        ("11 MB", as_bytes(two_halves(), "PNG") + b"\0" * 11 * 1024**2, "10 MB"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_refused_in_one_plain_sentence(name, data, told):
    with pytest.raises(PictureError) as refused:
        decoded(data)
    sentence = str(refused.value)
    assert told in sentence and "\n" not in sentence and "please" in sentence


def test_any_damage_is_refused_as_such_or_read():
    whole = as_bytes(two_halves(), "JPEG")
    chance = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(whole)
        for at in chance.integers(2, len(whole), 6):
            damaged[at] = int(chance.integers(256))
        with contextlib.suppress(PictureError):
            assert decoded(bytes(damaged)).mode == "RGB"
