"""Conversion of pixels, image sets, and batches as a function of seed and step."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawgan.data import Batches, ImageSet, load, to_uint8, to_unit
from rawgan.data.pixels import resized
from rawgan.errors import ArgumentError, DataError, DTypeError


def numbered(count: int, labelled: bool = True) -> ImageSet:
    """Images of 2 × 2 pixels, each filled with its own number, which is its label too."""
    numbers = np.arange(count)
    images = np.broadcast_to(numbers[:, None, None, None], (count, 2, 2, 1)).astype(np.uint8)
    return ImageSet(images, numbers if labelled else None, "numbered")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_byte_survives_conversion_to_numbers_and_back(dtype):
    pixels = np.arange(256, dtype=np.uint8)
    unit = to_unit(pixels, dtype)
    assert unit.dtype == dtype
    assert (unit[0], unit[255]) == (-1, 1)
    np.testing.assert_allclose(unit, np.arange(256) / 127.5 - 1, rtol=0, atol=np.finfo(dtype).eps)
    np.testing.assert_array_equal(to_uint8(unit), pixels)
    np.testing.assert_array_equal(pixels, np.arange(256))  # untouched


@given(st.floats(min_value=-1, max_value=1), st.sampled_from([np.float16, np.float32, np.float64]))
def test_to_uint8_takes_the_nearest_byte(value, dtype):
    x = np.array([value], dtype)
    distances = abs((np.arange(256) - 127.5) / 127.5 - np.float64(x[0]))
    assert distances[to_uint8(x)[0]] <= distances.min() + 1e-12


@pytest.mark.parametrize(
    ("value", "byte"),
    [(0.0, 128), (-0.0, 128), (-2, 0), (2, 255), (-np.inf, 0), (np.inf, 255), (1 - 1e-9, 255), (1e-300, 128)],
)
def test_to_uint8_rounds_halves_up_and_clips(value, byte):
    assert to_uint8(np.array(value, np.float64)) == byte


def test_to_uint8_does_not_carry_just_below_a_half_over_it():
    below = np.nextafter(0.0, -1) - 1e-16  # (x + 1) · 127.5 is the last number below 127.5
    assert to_uint8(np.array([below - 1e-16])) == 127


def test_to_uint8_refuses_nan_and_leaves_its_input_alone():
    x = np.array([[0.5, np.nan], [np.nan, 3]])
    kept = x.copy()
    with pytest.raises(ArgumentError) as caught:
        to_uint8(x)
    assert str(caught.value) == (
        "to_uint8: 2 of 4 values of images (2, 2) are NaN; the network that made them has diverged"
    )
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: to_uint8(np.zeros(3, int)),
            "to_uint8: expected images as floats in [-1, 1], came int64 (3,)",
        ),
        (lambda: to_unit(np.zeros(3)), "to_unit: expected pixels as uint8, came float64 (3,)"),
        (
            lambda: to_unit(np.zeros(3, np.uint8), np.int32),
            "to_unit: expected dtype float32 or float64, came int32",
        ),
        (
            lambda: to_unit(np.zeros(3, np.uint8), np.float16),
            "to_unit: expected dtype float32 or float64, came float16",
        ),
    ],
)
def test_other_dtypes_are_refused(call, message):
    with pytest.raises(DTypeError) as caught:
        call()
    assert str(caught.value) == message


def test_an_image_set_is_contiguous_and_read_only():
    images = np.zeros((2, 3, 4, 5), np.uint8).transpose(0, 2, 3, 1)
    whole = ImageSet(images, np.array([1, 2], np.uint8), "set")
    assert whole.images.flags.c_contiguous
    assert (len(whole), whole.shape, whole.labels.dtype) == (2, (4, 5, 3), np.int64)
    for array in (whole.images, whole.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    images[0] = 1  # the array that it was made of is still its owner's
    assert repr(whole) == "ImageSet('set', 2 images of 4 × 5 × 3, labelled)"
    assert repr(numbered(3, labelled=False)) == "ImageSet('numbered', 3 images of 2 × 2 × 1, no labels)"


@pytest.mark.parametrize(
    "images",
    [np.zeros((2, 3, 3), np.uint8), np.zeros((2, 3, 3, 1)), np.zeros((0, 3, 3, 1), np.uint8)],
    ids=["rank", "dtype", "none"],
)
def test_an_image_set_needs_images(images):
    with pytest.raises(DataError) as caught:
        ImageSet(images, None, "set")
    assert str(caught.value) == (
        f"set: expected images as uint8 (N, H, W, C), at least one; came {images.dtype} {images.shape}"
    )


@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros(2), np.zeros((2, 1), int)])
def test_an_image_set_needs_a_label_for_each_image(labels):
    with pytest.raises(DataError) as caught:
        ImageSet(np.zeros((2, 3, 3, 1), np.uint8), labels, "set")
    assert str(caught.value) == (
        "set: expected a whole number as the label of each image\n"
        f"  images (2, 3, 3, 1)   labels {labels.dtype} {labels.shape}"
    )


@given(
    count=st.integers(1, 40),
    size=st.integers(1, 40),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**40),
)
def test_an_epoch_shows_no_image_twice(count, size, seed, epoch):
    size = min(size, count)
    batches = Batches(numbered(count), size, seed)
    assert batches.per_epoch == count // size
    first = epoch * batches.per_epoch
    steps = range(first, first + batches.per_epoch)
    assert {batches.epoch_of(step) for step in steps} == {epoch}
    seen = np.concatenate([batches.indices(step) for step in steps])
    assert seen.dtype == np.int64
    assert len(set(seen.tolist())) == len(seen) == batches.per_epoch * size
    assert set(seen.tolist()) <= set(range(count))


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 50))
def test_a_batch_does_not_depend_on_what_was_asked_before(before, step):
    asked, fresh = Batches(numbered(20), 3, seed=5), Batches(numbered(20), 3, seed=5)
    for other in before:
        asked.indices(other)
    np.testing.assert_array_equal(asked.indices(step), fresh.indices(step))


def test_each_epoch_and_seed_has_a_different_order():
    orders = [Batches(numbered(50), 50, seed).indices(e) for seed in (0, 1, 2**64 - 1) for e in (0, 1, 2, 2**33)]
    assert len({tuple(order) for order in orders}) == len(orders)
    assert all(tuple(order) != tuple(range(50)) for order in orders)


def test_the_order_of_a_seed_never_changes():
    batches = Batches(numbered(10), 5, seed=42)
    assert [batches.indices(step).tolist() for step in (0, 1, 2, 1000)] == [
        [4, 6, 9, 3, 0],
        [2, 7, 5, 1, 8],
        [3, 5, 8, 2, 7],
        [0, 2, 4, 9, 6],
    ]


def test_a_batch_is_its_images_and_labels():
    batches = Batches(numbered(10), 4, seed=0)
    for step in range(5):
        chosen = batches.indices(step)
        np.testing.assert_array_equal(batches.labels(step), chosen)
        for dtype in (np.float32, np.float64):
            batch = batches.batch(step, dtype)
            assert (batch.dtype, batch.shape) == (dtype, (4, 2, 2, 1))
            np.testing.assert_array_equal(to_uint8(batch), batches.images.images[chosen])


def test_an_epochs_order_is_drawn_once(monkeypatch):
    batches = Batches(numbered(10), 2, seed=0)
    first = batches.indices(0)
    monkeypatch.setattr(np.random, "Generator", lambda *_: pytest.fail("drawn again"))
    for step in range(5):
        assert np.shares_memory(batches.indices(step).base, first.base)


def test_the_order_is_read_only():
    batches = Batches(numbered(10), 4, seed=0)
    with pytest.raises(ValueError, match="read-only"):
        batches.indices(0)[0] = 7


def test_half_of_the_images_are_mirrored_others_in_each_step():
    rng = np.random.default_rng(0)
    images = ImageSet(rng.integers(0, 256, (400, 3, 4, 2), np.uint8), None, "noise")
    plain, mirrored, again = (Batches(images, 400, 0, mirror=mirror) for mirror in (False, True, True))
    turned = []
    for step in range(3):
        before, after = plain.batch(step), mirrored.batch(step)
        np.testing.assert_array_equal(again.batch(step), after)
        which = (after == before[:, :, ::-1]).all(axis=(1, 2, 3))
        np.testing.assert_array_equal(after[~which], before[~which])
        turned.append(which)
        assert 160 < which.sum() < 240
    assert not np.array_equal(turned[0], turned[1])
    assert images.images.flags.writeable is False


@pytest.mark.parametrize(
    ("size", "seed", "message"),
    [
        (0, 0, "batch_size=0: expected at least 1"),
        (
            11,
            0,
            "batch_size=11 is more than the 10 images of numbered: make it 10 or less, or add images",
        ),
        (4, -1, "seed=-1: expected 0 to 2**64 - 1"),
        (4, 2**64, f"seed={2**64}: expected 0 to 2**64 - 1"),
    ],
)
def test_impossible_batches_are_refused(size, seed, message):
    with pytest.raises(ArgumentError) as caught:
        Batches(numbered(10), size, seed)
    assert str(caught.value) == message


def test_a_step_below_zero_is_refused():
    with pytest.raises(ArgumentError, match=r"^step=-1: expected 0 or more$"):
        Batches(numbered(10), 4, 0).indices(-1)


def test_labels_of_a_set_without_labels_are_refused():
    with pytest.raises(DataError, match=r"^numbered: these images have no labels$"):
        Batches(numbered(10, labelled=False), 4, 0).labels(0)


def test_importing_rawgan_data_loads_neither_pillow_nor_pooch():
    code = "import sys, rawgan.data; print(*({'PIL', 'pooch', 'requests', 'rich'} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_mnist_has_its_published_sizes_and_statistics():
    train = load("mnist", image_size=28)
    assert (len(train), train.shape, train.name) == (60000, (28, 28, 1), "mnist")
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert round(train.images.mean() / 255, 4) == 0.1307
    assert round(train.images.std() / 255, 4) == 0.3081
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def test_resizing_reports_progress():
    reports = []
    images = np.broadcast_to(np.arange(250, dtype=np.uint8)[:, None, None], (250, 4, 8))
    big = resized(images, 16, None, "numbered", lambda done, total: reports.append((done, total)))
    np.testing.assert_array_equal(big, np.broadcast_to(images[:, :1, :1, None], (250, 16, 16, 1)))
    assert reports == [(100, 250), (200, 250), (250, 250)]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_the_right_size_are_not_copied(channels):
    images = np.zeros((3, 8, 8, channels), np.uint8)
    assert np.shares_memory(resized(images, 8, None, "set"), images)


@pytest.mark.parametrize(
    ("pixel", "channels", "expected"),
    [
        ([90], 3, [90, 90, 90]),
        ([255, 0, 0], 1, [76]),
        ([90, 255], 1, [90]),
        ([90, 0], 1, [255]),
        ([0, 51], 3, [204, 204, 204]),
        ([10, 20, 30, 255], 3, [10, 20, 30]),
        ([10, 20, 30, 0], 3, [255, 255, 255]),
        ([10, 20, 30, 0], 1, [255]),
        ([90, 51], 2, [90, 51]),
        ([0, 255, 0, 51], 4, [0, 255, 0, 51]),
        ([90], None, [90]),
        ([90, 51], None, [90, 51]),
    ],
)
@pytest.mark.parametrize("size", [4, 6])
def test_channels_of_arrays(pixel, channels, expected, size):
    images = np.tile(np.array(pixel, np.uint8), (2, 4, 4, 1))
    assert (resized(images, size, channels, "set") == expected).all()


@pytest.mark.parametrize(("has", "wanted"), [(1, 2), (3, 4), (2, 4), (1, 4)])
def test_alpha_is_not_invented(has, wanted):
    with pytest.raises(DataError) as caught:
        resized(np.zeros((1, 4, 4, has), np.uint8), 4, wanted, "set")
    assert str(caught.value) == (f"set: channels={wanted} include alpha, but the images have {has}; expected 1 or 3")
