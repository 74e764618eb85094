"""Folders of images of every size, mode and format, whole and broken."""

import io
import os
import re
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rawgan.data import load
from rawgan.data.folders import decoding
from rawgan.errors import DataError

SUFFIX = {"JPEG2000": "jp2"}
GREY, RED, BLUE = (128, 128, 128), (255, 0, 0), (0, 0, 255)
WHITE = (255, 255, 255)


def plain(mode: str, colour, size=(12, 9)) -> Image.Image:
    return Image.new(mode, size, colour)


def one_pixel(folder: Path, **options) -> list[int]:
    """Colour of the only image of the folder, which must be plain."""
    images = load(folder, **{"image_size": 4} | options).images
    assert len(images) == 1
    assert (images == images[:, :1, :1]).all()
    return images[0, 0, 0].tolist()


def complaint(source, **options) -> str:
    with pytest.raises(DataError) as caught:
        load(source, **{"image_size": 4} | options)
    return str(caught.value)


def deep_grey(value: int) -> Image.Image:
    return Image.fromarray(np.full((9, 12), value, np.uint16))


def palette(colour, transparent: bool) -> Image.Image:
    image = plain("P", 1)
    image.putpalette([9, 9, 9, *colour])
    if transparent:
        image.info["transparency"] = 1
    return image


CASES = {
    "1": ("a.png", plain("1", 1), [255]),
    "L": ("a.png", plain("L", 77), [77]),
    "LA, opaque": ("a.png", plain("LA", (77, 255)), [77]),
    "LA, clear": ("a.png", plain("LA", (77, 0)), [255]),
    "LA, a fifth": ("a.webp", plain("RGBA", (0, 0, 0, 51)), [204]),
    "I;16": ("a.png", deep_grey(40000), [156]),
    "I;16, white": ("a.png", deep_grey(65535), [255]),
    "P": ("a.png", palette(RED, False), list(RED)),
    "P, clear": ("a.png", palette(RED, True), [255]),
    "P, grey": ("a.png", palette(GREY, False), [128]),
    "RGB": ("a.PNG", plain("RGB", (1, 2, 3)), [1, 2, 3]),
    "RGB, grey": ("a.bmp", plain("RGB", GREY), [128]),
    "RGBA, opaque": ("a.png", plain("RGBA", (1, 2, 3, 255)), [1, 2, 3]),
    "RGBA, clear": ("a.png", plain("RGBA", (1, 2, 3, 0)), [255]),
    "CMYK": ("a.jpg", plain("CMYK", (0, 255, 255, 0)), list(RED)),
    "GIF": ("a.gif", palette(BLUE, False), list(BLUE)),
    "BMP": ("a.bmp", plain("RGB", BLUE), list(BLUE)),
    "JPEG, grey": ("a.jpeg", plain("L", 128), [128]),
    "TIFF": ("a.tif", plain("RGB", BLUE), list(BLUE)),
    "TIFF, 16 bits": ("a.TIFF", deep_grey(40000), [156]),
    "TIFF, CMYK": ("a.tiff", plain("CMYK", (0, 255, 255, 0)), list(RED)),
    "TIFF, one bit": ("a.tif", plain("1", 1), [255]),
    "JPEG 2000": ("a.jp2", plain("RGB", GREY), [128]),
    "PPM": ("a.ppm", plain("RGB", BLUE), list(BLUE)),
    "PGM": ("a.pgm", plain("L", 77), [77]),
    "PBM": ("a.pbm", plain("1", 0), [0]),
    "QOI": ("a.qoi", plain("RGB", BLUE), list(BLUE)),
    "DDS": ("a.dds", plain("RGBA", (1, 2, 3, 0)), [255]),
    "TGA": ("a.tga", plain("RGB", BLUE), list(BLUE)),
    "PCX": ("a.PCX", plain("RGB", BLUE), list(BLUE)),
    "SGI": ("a.sgi", plain("RGB", BLUE), list(BLUE)),
    "ICO": ("a.ico", plain("RGBA", (*BLUE, 255), (16, 16)), list(BLUE)),
    "ICNS": ("a.icns", plain("RGBA", (*BLUE, 255), (32, 32)), list(BLUE)),
    "XBM": ("a.xbm", plain("1", 1), [255]),
    "MSP": ("a.msp", plain("1", 1), [255]),
    "BLP": ("a.blp", palette(BLUE, False), list(BLUE)),
}


@pytest.mark.parametrize("case", CASES)
def test_every_mode(tmp_path, case):
    name, image, expected = CASES[case]
    image.save(tmp_path / name)
    assert one_pixel(tmp_path) == expected
    grey = round(np.dot(expected, [0.299, 0.587, 0.114])) if len(expected) == 3 else expected[0]
    assert one_pixel(tmp_path, channels=1) == [grey]
    assert one_pixel(tmp_path, channels=3) == (expected * 3)[:3]


def test_a_transparent_colour_counts_as_transparent(tmp_path):
    plain("L", 77).save(tmp_path / "a.png", transparency=77)
    assert one_pixel(tmp_path) == [255]
    plain("RGB", RED).save(tmp_path / "a.png", transparency=RED)
    assert one_pixel(tmp_path) == [255]


def test_the_first_frame_of_a_gif_is_taken(tmp_path):
    frames = [palette(RED, False), palette(BLUE, False)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert one_pixel(tmp_path) == list(RED)


def test_the_first_picture_of_a_jpeg_with_two_is_taken(tmp_path):
    plain("L", 99).save(tmp_path / "a.mpo", save_all=True, append_images=[plain("L", 3)])
    (tmp_path / "a.mpo").rename(tmp_path / "a.jpg")
    assert one_pixel(tmp_path) == [99]


@pytest.mark.parametrize("size", [(24, 8), (8, 24), (16, 16)])
@pytest.mark.parametrize("image_size", [4, 8, 20])
def test_the_shorter_side_is_fitted_and_the_middle_kept(tmp_path, size, image_size):
    pixels = np.random.default_rng(0).integers(80, 176, size[::-1], np.uint8)  # far from clipping
    Image.fromarray(pixels).save(tmp_path / "a.png")
    scale = image_size / min(size)
    whole = Image.fromarray(pixels).resize([round(side * scale) for side in size], Image.Resampling.BICUBIC)
    left, top = (whole.width - image_size) // 2, (whole.height - image_size) // 2
    expected = np.asarray(whole, int)[top : top + image_size, left : left + image_size]
    images = load(tmp_path, image_size=image_size).images
    assert images.shape == (1, image_size, image_size, 1)
    assert abs(images[0, ..., 0] - expected).max() <= 1


def test_a_picture_made_smaller_is_averaged(tmp_path):
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "a.png")
    images = load(tmp_path, image_size=8).images
    assert ((images > 120) & (images < 136)).all()  # sampled, it would be black or white


def test_transparency_is_laid_on_white_before_resizing(tmp_path):
    pixels = np.zeros((64, 64, 4), np.uint8)
    pixels[:, 32:] = [0, 0, 0, 255]
    Image.fromarray(pixels).save(tmp_path / "a.png")  # clear black left, solid black right
    image = load(tmp_path, image_size=8).images[0, 0, :, 0]
    assert (image[0], image[-1]) == (255, 0)


def test_images_are_turned_upright(tmp_path):
    image = Image.new("L", (8, 8), 0)
    image.paste(255, (0, 0, 8, 4))  # the upper half is white, as stored
    exif = Image.Exif()
    exif[0x112] = 6  # turn it clockwise to see it as it was: white is at the right
    image.save(tmp_path / "a.png", exif=exif)
    seen = load(tmp_path, image_size=8).images[0, ..., 0]
    assert (seen[:, 4:] == 255).all()
    assert (seen[:, :4] == 0).all()


@pytest.mark.parametrize("side", [64, 200, 1024])
def test_a_large_jpeg_looks_as_it_does_decoded_whole(tmp_path, side):
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    image = Image.fromarray((127 + 100 * np.sin(40 * x) * np.cos(5 * y)).astype(np.uint8))
    image.save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC), int)
    assert abs(load(tmp_path, image_size=32).images[0, ..., 0] - expected).max() <= 3


def test_colour_anywhere_makes_three_channels(tmp_path):
    plain("L", 50).save(tmp_path / "a.png")
    plain("RGB", GREY).save(tmp_path / "b.png")
    assert load(tmp_path, image_size=4).shape == (4, 4, 1)
    plain("RGB", RED).save(tmp_path / "c.png")
    images = load(tmp_path, image_size=4)
    assert images.images[:, 0, 0].tolist() == [[50] * 3, list(GREY), list(RED)]


def test_the_order_is_that_of_the_paths(tmp_path):
    names = ["b/z.png", "a/10.png", "a/9.jpg", "c.png", "B.gif", "a/deep/1.bmp", "a.png", "Z.webp"]
    for i, name in enumerate(names):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        plain("L", 20 * i).save(tmp_path / name, lossless=True)
    loaded = load(tmp_path, image_size=4, channels=1)
    in_order = sorted(names, key=lambda name: name.split("/"))
    assert in_order[0] == "B.gif"
    assert (loaded.images[:, 0, 0, 0] / 20).round().astype(int).tolist() == [names.index(n) for n in in_order]
    assert (loaded.labels, loaded.name, loaded.skipped) == (None, tmp_path.name, ())


def test_hidden_files_and_files_that_are_not_images_are_passed_over(tmp_path):
    plain("L", 5).save(tmp_path / "a.png")
    (tmp_path / ".git").mkdir()
    for name in (".a.png", "._a.png", "notes.txt", ".git/a.png", "png", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"not an image")
    (tmp_path / "folder.png").mkdir()
    assert one_pixel(tmp_path) == [5]
    assert load(tmp_path, image_size=4).notes == ("3 files are not images: Thumbs.db, notes.txt, png",)


def test_a_folder_without_images(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "b.heic").write_bytes(b"an image of a telephone")
    lines = complaint(tmp_path).split("\n")
    assert lines[0].startswith(f"{tmp_path}: no images here or in its sub-folders; looked for PNG, JPEG, GIF, ")
    assert lines[1:] == [
        "  1 file is not an image: notes.txt",
        "  left out 1 image of kinds that Pillow does not decode: b.heic; save them as PNG or JPEG",
    ]


def test_a_sub_folder_that_cannot_be_read_is_not_passed_over(tmp_path, monkeypatch):
    plain("L", 5).save(tmp_path / "a.png")
    (tmp_path / "sub").mkdir()
    scandir = os.scandir

    def forbidden(path):
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    assert complaint(tmp_path) == f"{tmp_path}/sub: cannot be read (Permission denied)"


def test_alpha_is_a_channel_if_asked_for(tmp_path):
    """Fully transparent pixels are black, whatever the file has there, so that no network learns it."""
    pixels = np.full((4, 4, 4), (200, 100, 50, 255), np.uint8)
    pixels[:2, :, 3] = 0
    pixels[2, :, 3] = 1
    Image.fromarray(pixels).save(tmp_path / "a.png")
    plain("RGB", RED).save(tmp_path / "b.jpg", quality=100, subsampling=0)
    images = load(tmp_path, image_size=4, channels=4)
    assert images.images[0, :, 0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [200, 100, 50, 1], [200, 100, 50, 255]]
    assert images.images[1, 0, 0].tolist() == pytest.approx([*RED, 255], abs=1)
    assert images.notes == ()
    grey = load(tmp_path, image_size=4, channels=2).images
    assert grey[0, ::3, 0].tolist() == [[0, 0], [round(0.299 * 200 + 0.587 * 100 + 0.114 * 50), 255]]
    assert load(tmp_path, image_size=4).notes == (
        "laid 1 image with transparency on white, 50 % of all (--channels 4 keeps it): a.png",
    )


def test_an_opaque_alpha_is_not_reported(tmp_path):
    plain("RGBA", (1, 2, 3, 255)).save(tmp_path / "a.png")
    assert load(tmp_path, image_size=4).notes == ()


@pytest.mark.parametrize(("depth", "packed"), [(2, 0b01010101), (4, 0x11)])
def test_the_transparent_grey_of_few_bits(tmp_path, depth, packed):
    """Pillow spreads greys over a byte, but does not scale the transparent one."""
    body = zlib.compress((b"\0" + bytes([packed] * depth)) * 8)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 8, 8, depth, 0, 0, 0, 0)), (b"tRNS", b"\0\1"), (b"IDAT", body)]
    data = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in [*chunks, (b"IEND", b"")]
    )
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    assert one_pixel(tmp_path) == [255]


def test_small_images_are_enlarged_or_left_out_and_reported(tmp_path):
    plain("L", 5, (9, 3)).save(tmp_path / "small.png")
    plain("L", 9, (5, 4)).save(tmp_path / "large.png")
    assert load(tmp_path, image_size=4).notes == ("enlarged 1 image smaller than 4 × 4 pixels: small.png",)
    images = load(tmp_path, image_size=4, enlarge=False)
    assert images.names.tolist() == ["large.png"]
    assert images.notes[0].startswith("left out 1 image smaller than 4 × 4 pixels")
    message = complaint(tmp_path, image_size=8, enlarge=False)
    assert message.startswith(f"{tmp_path}: no image is left\n  left out 2 images smaller than 8 × 8 pixels")


def test_images_of_several_frames_or_pages_are_reported(tmp_path):
    for name in ("a.gif", "b.tif", "c.webp", "d.png", "e.avif", "f.mpo"):
        frames = [plain("L", 99), plain("L", 3)]
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    images = load(tmp_path, image_size=4)
    assert images.images[:, 0, 0, 0] == pytest.approx(99, abs=2)
    assert images.notes == (
        "took the first frame or page of 5 images with several: a.gif, b.tif, c.webp, d.png, e.avif",
    )


def test_content_decides_not_the_name(tmp_path):
    for name, form in (("a", "PNG"), ("b.txt", "JPEG"), ("c.png", "WEBP"), ("d.2021", "TIFF"), ("e.jpg", "PPM")):
        plain("L", 128).save(tmp_path / name, form)
    assert len(load(tmp_path, image_size=4)) == 5


def test_images_that_pillow_does_not_decode_are_named(tmp_path):
    """A TIFF of three times 64 bits, which is whole."""
    plain("L", 5).save(tmp_path / "a.png")
    values = {256: (4,), 257: (4,), 258: (64, 64, 64), 259: (1,), 262: (2,), 273: (0,), 277: (3,), 278: (4,), 339: (3,)}
    entries = [struct.pack("<HHI4s", tag, 3, len(v), struct.pack("<H", v[0]) + bytes(2)) for tag, v in values.items()]
    entries[2] = struct.pack("<HHII", 258, 3, 3, 300)
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + b"".join(entries) + bytes(4)
    (tmp_path / "b.tif").write_bytes(data.ljust(300, b"\0") + struct.pack("<HHH", 64, 64, 64) + bytes(4 * 4 * 3 * 8))
    images = load(tmp_path, image_size=4)
    assert images.names.tolist() == ["a.png"]
    assert images.notes == ("left out 1 image of kinds that Pillow does not decode: b.tif; save them in another way",)
    (tmp_path / "a.png").unlink()
    assert "no image is left" in complaint(tmp_path)


def test_images_within_an_icon_are_limited(tmp_path):
    """The header of an icon does not tell the size of the images within."""
    inner = png_header(9000, 9000)
    icon = struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner
    (tmp_path / "a.ico").write_bytes(icon)
    assert "a.ico: " in complaint(tmp_path)
    assert Image.MAX_IMAGE_PIXELS is not None


def truncated_png() -> bytes:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8)
    Image.fromarray(noise).save(stream, "PNG")
    return stream.getvalue()[:1000]


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = b"IDAT" + zlib.compress(b"")
    return start + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


def test_all_broken_images_are_named(tmp_path):
    plain("L", 5).save(tmp_path / "good.png")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "truncated.png").write_bytes(truncated_png())
    (tmp_path / "bomb.png").write_bytes(png_header(60000, 60000))
    (tmp_path / "bombette.png").write_bytes(png_header(10000, 10000))
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "page.png").write_bytes(b"<html>")
    (tmp_path / "script.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    none, lines = "not an image that Pillow can read", complaint(tmp_path).split("\n")
    assert lines[0] == f"{tmp_path}: 7 of 8 images cannot be read"
    assert lines[1] == "  bomb.png: is 60000 × 60000 pixels; expected 268,435,456 pixels at most"
    assert lines[2] == "  bombette.png: promises 10000 × 10000 pixels, but is 53 bytes long"
    assert lines[3] == f"  empty.jpg: {none}"
    assert lines[4] == "  gone.png: No such file or directory"
    assert lines[5:7] == [f"  page.png: {none}", f"  script.jpg: {none}"]
    assert lines[7].startswith("  sub/truncated.png: ")
    assert "truncated" in lines[7].partition(": ")[2]
    assert lines[8:] == ["Repair or remove them, or go on without them: skip_broken=True, --skip-broken"]

    loaded = load(tmp_path, image_size=4, skip_broken=True)
    assert loaded.images[:, 0, 0].tolist() == [[5]]
    assert [line.partition(":")[0] for line in loaded.skipped] == [
        "bomb.png", "bombette.png", "empty.jpg", "gone.png", "page.png", "script.jpg", "sub/truncated.png",
    ]  # fmt: skip


def test_skipping_keeps_the_others_in_order(tmp_path):
    for i in range(6):
        plain("L", i).save(tmp_path / f"{i}.png")
    for i in (1, 4):
        (tmp_path / f"{i}.png").write_bytes(b"broken")
    images = load(tmp_path, image_size=4, skip_broken=True).images
    assert images[:, 0, 0, 0].tolist() == [0, 2, 3, 5]


def test_very_many_broken_images_are_counted(tmp_path):
    for i in range(23):
        (tmp_path / f"{i:02}.png").write_bytes(b"broken")
    lines = [f"  {i:02}.png: not an image that Pillow can read" for i in range(20)]
    expected = "\n".join([f"{tmp_path}: 23 of 23 images cannot be read", *lines, "  … and 3 more"])
    assert complaint(tmp_path) == expected
    assert complaint(tmp_path, skip_broken=True) == expected  # nothing would be left


def test_progress_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "SECONDS", np.inf)
    for i in range(260):
        plain("L", i % 256, (4, 4)).save(tmp_path / f"{i:03}.png")
    reports = []
    loaded = load(tmp_path, image_size=4, on_progress=lambda *report: reports.append(report))
    assert reports == [(100, 260), (200, 260), (260, 260)]
    assert loaded.images[:, 0, 0, 0].tolist() == [i % 256 for i in range(260)]


def test_an_error_without_a_message_is_named(tmp_path, monkeypatch):
    plain("L", 1).save(tmp_path / "a.png")

    def wordless(*args):
        raise RuntimeError

    monkeypatch.setattr(decoding, "square", wordless)
    assert complaint(tmp_path) == f"{tmp_path}: 1 of 1 images cannot be read\n  a.png: RuntimeError"


def test_warnings_of_pillow_are_silenced_and_filters_restored(tmp_path, monkeypatch):
    plain("L", 1).save(tmp_path / "a.png")
    square = decoding.square

    def remarking(*args):
        warnings.warn("corrupt EXIF data", UserWarning, stacklevel=1)
        return square(*args)

    monkeypatch.setattr(decoding, "square", remarking)
    before = list(warnings.filters)
    load(tmp_path, image_size=4)  # under pytest's filters a warning would be an error
    assert warnings.filters == before


def test_damage_to_an_image_causes_no_other_error_than_a_data_error(tmp_path):
    generator = np.random.default_rng(1)
    kinds = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "QOI", "TGA"] * 30
    for i, kind in enumerate(kinds):
        stream = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (16, 16, 3), np.uint8)).save(stream, kind)
        spoilt = np.frombuffer(stream.getvalue(), np.uint8).copy()
        spoilt[generator.integers(0, len(spoilt), 6)] = generator.integers(0, 256, 6)
        file = tmp_path / f"{i}.{SUFFIX.get(kind, kind.lower())}"
        file.write_bytes(spoilt[: generator.integers(1, 2 * len(spoilt))])
    plain("L", 1).save(tmp_path / "good.png")
    loaded = load(tmp_path, image_size=8, skip_broken=True)
    assert 0 < len(loaded.skipped) < 330
    assert loaded.names[-1] == "good.png"
    counted = [note for note in loaded.notes if "not image" in note or "not decode" in note or "not an image" in note]
    named = sum(int(re.search(r"\d+", note)[0]) for note in counted)
    assert len(loaded) + len(loaded.skipped) + named == 331


def test_pictures_of_runs_are_not_trained_with(tmp_path):
    """They lie below the current folder, which may be the folder of the images."""
    plain("L", 5).save(tmp_path / "a.png")
    run = tmp_path / "runs" / "dcgan"
    (run / "samples").mkdir(parents=True)
    (run / "config.toml").touch()
    plain("L", 6).save(run / "losses.png")
    plain("L", 7).save(run / "samples" / "step-000001.png")
    assert load(tmp_path, image_size=4).names.tolist() == ["a.png"]
    assert len(load(run / "samples", image_size=4)) == 1


def test_photographs_may_exceed_the_limit_of_pillow(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    plain("L", 5, (40, 60)).save(tmp_path / "a.png")
    assert len(load(tmp_path, image_size=4)) == 1
    assert Image.MAX_IMAGE_PIXELS == 1000
