"""Black and white in images of 16 and 32 bits and of floats."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from rawgan.cli import main
from rawgan.config.noise import TrainConfig
from rawgan.data import load, load_pairs, load_tiles
from rawgan.data.files.survey import white_for
from rawgan.errors import ConfigError, DataError
from rawgan.storage import RunFolder

COLOURS = {1: 0, 2: 4, 3: 2, 4: 6}
"""Codes of a PNG for grey, grey and alpha, colours, and these with alpha."""


def png(pixels, transparent=()):
    """A PNG of 16 bits."""
    pixels = np.asarray(pixels)
    height, width, channels = pixels.shape
    head = struct.pack(">IIBBBBB", width, height, 16, COLOURS[channels], 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels))
    chunks = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    if transparent:
        chunks.insert(1, (b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def tiff(pixels, order="<", photometric=None):
    """Uncompressed TIFF with numbers of that dtype and byte order."""
    pixels = np.asarray(pixels)
    height, width, channels = pixels.shape
    body = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    photometric = (2 if channels > 1 else 1) if photometric is None else photometric
    values = {
        256: [width], 257: [height], 258: [pixels.dtype.itemsize * 8] * channels, 259: [1], 262: [photometric],
        273: [1000], 277: [channels], 278: [height], 279: [len(body)], 339: [kind] * channels,
    }  # fmt: skip
    head, more = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}IH", 8, len(values)), b""
    for tag, numbers in values.items():
        packed = struct.pack(f"{order}{len(numbers)}H", *numbers)
        if len(packed) > 4:
            at, more = 500 + len(more), more + packed
            packed = struct.pack(f"{order}I", at)
        head += struct.pack(f"{order}HHI", tag, 3, len(numbers)) + packed.ljust(4, b"\0")
    return ((head + bytes(4)).ljust(500, b"\0") + more).ljust(1000, b"\0") + body


def plain(*colour, dtype=np.uint16):
    return np.broadcast_to(np.array(colour, dtype), (8, 8, len(colour)))


def read(folder, files, **options):
    """Set of the images of files, and the colour of each image, which must be plain."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    images = load(folder, **{"image_size": 4} | options)
    assert (images.images == images.images[:, :1, :1]).all()
    return images, images.images[:, 0, 0].tolist()


@pytest.mark.parametrize(
    ("peak", "white"),
    [
        (1, 1), (2, 3), (20, 31), (255, 255), (256, 1023), (1023, 1023), (4000, 4095), (4095, 4095), (4096, 4095),
        (5000, 16383), (16383, 16383), (17000, 65535), (65535, 65535), (10**5, 2**17 - 1), (0.3, 1), (1.001, 1),
        (1.1, 3), (3e38, 2**128 - 1),
    ],
)  # fmt: skip
def test_white_is_the_least_that_no_image_exceeds(peak, white):
    assert white_for(peak) == float(white)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_images_of_few_bits_are_not_black_and_keep_their_relative_brightness(bits, channels, tmp_path):
    white = 2**bits - 1
    files = {"a.png": png(plain(*[white] * channels)), "b.png": png(plain(*[white // 3] * channels))}
    images, colours = read(tmp_path, files, channels=channels)
    assert (images.white, colours) == (white, [[255] * channels, [85] * channels])
    words = f"took {white} for white in 2 images of 16 bits or more (the brightest number is {white}): a.png, b.png"
    assert images.notes == (() if bits == 16 else (words,))


def test_colours_keep_all_bits(tmp_path):
    """The upper byte of 16 bits holds only four of 12."""
    steps = np.arange(64).reshape(8, 8, 1) * 16 + np.array([0, 1000, 2000])
    steps[0, 0] = 4095
    (tmp_path / "a.png").write_bytes(png(steps))
    (tmp_path / "b.tif").write_bytes(tiff(steps.astype(np.uint16)))
    (tmp_path / "c.tif").write_bytes(tiff(steps.astype(np.uint16), ">"))
    images = load(tmp_path, image_size=8).images
    for image in images:
        np.testing.assert_array_equal(image, np.rint(steps / 4095 * 255))


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("dtype", "value", "white", "byte"),
    [
        (np.uint16, 4000, 4095, 249), (np.int16, 3000, 4095, 187), (np.int32, 100_000, 2**17 - 1, 195),
        (np.float32, 0.5, 1, 128), (np.float32, 200, 255, 200),
    ],
)  # fmt: skip
def test_all_types_of_numbers_and_byte_orders(dtype, value, white, byte, order, tmp_path):
    images, colours = read(tmp_path, {"a.tif": tiff(plain(value, dtype=dtype), order)})
    assert (images.white, colours) == (white, [[byte]])


def test_a_tiff_whose_white_is_0(tmp_path):
    _, colours = read(tmp_path, {"a.tif": tiff(plain(5000), photometric=0), "b.tif": tiff(plain(60535))})
    assert colours == [[236], [236]]


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_packed_colours(packing, tmp_path):
    from PIL import TiffImagePlugin

    grey = io.BytesIO()
    Image.fromarray(np.full((8, 8), 3000, np.uint16)).save(grey, "TIFF", compression=packing)
    assert TiffImagePlugin.WRITE_LIBTIFF is False
    _, colours = read(tmp_path, {"a.tif": grey.getvalue(), "b.png": png(plain(1500))})
    assert colours == [[187], [93]]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tiff(plain(-1000, dtype=np.int16)), "has values from -1000 to -1000, but black is 0: add 1000 to all images"),
        (tiff(plain(-0.5, dtype=np.float32)), "has values from -0.5 to -0.5, but black is 0: add 0.5 to all images"),
        (tiff(plain(np.nan, dtype=np.float32)), "has values that are NaN or infinite"),
        (tiff(plain(np.inf, dtype=np.float32)), "has values that are NaN or infinite"),
    ],
)
def test_images_without_black_or_white_are_refused(data, words, tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "b.png")
    with pytest.raises(DataError, match=words):
        read(tmp_path, {"a.tif": data})
    assert load(tmp_path, image_size=4, skip_broken=True).names.tolist() == ["b.png"]


def test_a_number_below_black_by_a_rounding_error_is_black(tmp_path):
    files = {"a.tif": tiff(plain(-1e-6, dtype=np.float32)), "b.tif": tiff(plain(0.5, dtype=np.float32))}
    assert read(tmp_path, files)[1] == [[0], [128]]


def test_floats_beside_whole_numbers_are_refused(tmp_path):
    files = {"a.png": png(plain(4095)), "b.tif": tiff(plain(0.5, dtype=np.float32))}
    with pytest.raises(DataError, match=r"b\.tif floats, and no white can be told for both\n  save them alike"):
        read(tmp_path, files)
    assert read(tmp_path, files, white=4095)[1] == [[255], [0]]


def test_images_of_bytes_stay_as_they_are_beside_deep_images(tmp_path):
    byte = io.BytesIO()
    Image.new("L", (8, 8), 100).save(byte, "PNG")
    assert read(tmp_path, {"a.png": byte.getvalue(), "b.png": png(plain(4000))})[1] == [[100], [249]]


def test_black_images_do_not_determine_white(tmp_path):
    images, colours = read(tmp_path, {"a.png": png(plain(0))})
    assert (images.white, colours, images.notes) == (None, [[0]], ())


def test_a_given_white_is_used(tmp_path):
    images, colours = read(tmp_path, {"a.png": png(plain(4095)), "b.png": png(plain(1000))}, white=2000)
    assert (images.white, colours) == (2000, [[255], [128]])


@pytest.mark.parametrize(
    ("pixels", "transparent"),
    [
        (plain(1000), (1000,)), (plain(40000), (40000,)), (plain(0x1234, 0x5678, 0x9ABC), (0x1234, 0x5678, 0x9ABC)),
        (plain(4000, 0), ()), (plain(4000, 100, 100, 0), ()),
    ],
)  # fmt: skip
def test_transparency_of_deep_images(pixels, transparent, tmp_path):
    """It is laid on white, or kept."""
    images, colours = read(tmp_path, {"a.png": png(pixels, transparent)}, channels=3)
    assert colours == [[255] * 3]
    assert "laid 1 image with transparency on white" in images.notes[0]
    assert read(tmp_path, {}, channels=4)[1] == [[0] * 4]


def test_a_colour_near_the_transparent_one_is_visible(tmp_path):
    data = png(plain(0x1234, 0x5678, 0x9ABD), (0x1234, 0x5678, 0x9ABC))
    assert read(tmp_path, {"a.png": data})[1] == [[18, 86, 154]]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_deep_image_is_turned_upright(channels, tmp_path):
    pixels = np.zeros((8, 8, channels), np.uint16)
    pixels[:4] = 4095  # the upper half is white, as stored
    exif = Image.Exif()
    exif[0x112] = 6
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    data = png(pixels)
    chunk = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    (tmp_path / "a.png").write_bytes(data[:33] + chunk + data[33:])
    seen = load(tmp_path, image_size=8).images[0, ..., 0]
    assert (seen[:, 4:] == 255).all()
    assert (seen[:, :4] == 0).all()


# --- sets and runs ---------------------------------------------------------------------------------------------------


def test_each_of_two_folders_has_its_white(tmp_path):
    for folder, value in (("from", 4095), ("to", 65535)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").write_bytes(png(plain(value)))
        (tmp_path / folder / "b.png").write_bytes(png(plain(value // 3)))
    pairs = load_pairs(tmp_path / "from", tmp_path / "to", image_size=4)
    assert (pairs.white, pairs.targets_white) == (4095, 65535)
    assert pairs.images[:, 0, 0].tolist() == [[255, 255], [85, 85]]
    pairs = load_pairs(tmp_path / "from", tmp_path / "to", image_size=4, white=16383, targets_white=3 * 65535)
    assert pairs.images[:, 0, 0].tolist() == [[64, 85], [21, 28]]


def test_tiles_of_all_photographs_share_one_white(tmp_path):
    for name, white in (("a", 4095), ("b", 1365)):
        noise = np.random.default_rng(0).integers(0, white + 1, (16, 16, 1))
        noise[0, 0] = white
        (tmp_path / f"{name}.png").write_bytes(png(noise))
    parts = load_tiles(tmp_path, image_size=8)
    assert [part.white for part in parts] == [4095, 4095]
    assert sorted(part.images.max() for part in parts) == [85, 255]


@pytest.fixture
def photos(tmp_path):
    """A split: the test images are brighter."""
    rng = np.random.default_rng(0)
    for part, white in (("train", 1023), ("test", 4095)):
        for n in range(4):
            pixels = rng.integers(0, white + 1, (16, 16, 1))
            pixels[:12, :12] = white
            (tmp_path / "photos" / part).mkdir(parents=True, exist_ok=True)
            (tmp_path / "photos" / part / f"{n}.png").write_bytes(png(pixels))
    return tmp_path / "photos"


SMALL = ["--image-size", "16", "--width", "2", "--batch-size", "2", "--samples", "4", "--steps", "1"]


def test_a_run_records_white(photos, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "--data", str(photos), *SMALL, "--out", str(run)]) == 0
    assert "took 4095 for white in 8 images of 16 bits or more" in capsys.readouterr().out
    assert RunFolder.open(run).read_config()["white"] == 4095
    assert main(["train", "--resume", str(run), "--white", "1023"]) == 1
    assert "--white 1023.0: the run to resume has 4095.0, and would become another" in capsys.readouterr().err


def test_both_parts_of_a_split_have_the_same_white(photos):
    images, held_out = (load(photos, image_size=16, split=split) for split in ("train", "test"))
    assert (images.white, held_out.white) == (4095, 4095)
    assert (images.images.max(), held_out.images.max()) == (64, 255)


def test_apply_takes_the_white_of_the_run(photos, tmp_path, capsys):
    """A run that has seen no deep images takes one white for all files."""
    run = tmp_path / "run"
    assert main(["enhance", "--data", str(photos), *SMALL, "--patch", "16", "--out", str(run)]) == 0
    given = tmp_path / "given"
    given.mkdir()
    (given / "a.png").write_bytes(png(plain(1023)))
    (given / "b.png").write_bytes(png(plain(500)))
    capsys.readouterr()
    assert main(["apply", str(run), str(given), "--out", str(tmp_path / "out")]) == 0
    assert "took 4095 for white in 2 images of 16 bits or more" in capsys.readouterr().out
    trained = [int(np.asarray(Image.open(tmp_path / "out" / f"{name}.png")).mean()) for name in "ab"]
    np.save(tmp_path / "images.npy", np.random.default_rng(0).integers(0, 256, (30, 16, 16, 1), np.uint8))
    other, options = tmp_path / "other", ["--learning-rate", "1e-9", "--patch", "16"]
    assert main(["enhance", "--data", str(tmp_path / "images.npy"), *SMALL, *options, "--out", str(other)]) == 0
    assert main(["apply", str(other), str(given), "--out", str(tmp_path / "others")]) == 0
    found = [int(np.asarray(Image.open(tmp_path / "others" / f"{name}.png")).mean()) for name in "ab"]
    assert found == pytest.approx([255, 125], abs=2)
    assert max(trained) < 100  # what is 255 above was 64 in training


@pytest.mark.parametrize("white", ["0", "-1", "nan", "inf"])
def test_an_impossible_white_is_refused(white, tmp_path):
    path = tmp_path / "a.toml"
    path.write_text(f"white = {float(white)}")
    with pytest.raises(ConfigError, match="white must be more than 0 and finite, but is"):
        TrainConfig.from_dict({"white": float(white)}, "a.toml")
    with pytest.raises(ConfigError, match="white is for images, but ring8 is points"):
        TrainConfig.from_dict({"white": 4095.0, "data": "ring8"}, "a.toml")
