"""Latent spaces: where vectors lie, how they are moved, the files that hold them."""

import dataclasses
import json

import numpy as np
import pytest
from safetensors.numpy import save

from rawgan import nn
from rawgan.errors import ArgumentError, ConfigError, FileError
from rawgan.gan import ImageSpec, build, generate, truncate
from rawgan.inference.latent_files import HEADING, latent_of, read_latent, write_latent
from rawgan.inference.latents import SHELL, LatentSpace


def space_of(model="dcgan", **options):
    gan = build(model, ImageSpec(8), **{"width": 2, "noise_size": 6, "average_decay": 0.9} | options)
    for _, tensor in gan.sampler.named_buffers():  # as after some training
        tensor.data[...] = np.random.default_rng(tensor.size).uniform(0.1, 0.6, tensor.shape)
    return LatentSpace.of(gan)


@pytest.mark.parametrize("model", ["dcgan", "style"])
@pytest.mark.parametrize("classes", [0, 3])
def test_vectors_make_the_images_that_their_noise_makes(model, classes):
    conditional = {"conditional": "projection", "classes": classes} if classes else {}
    space = space_of(model, **conditional)
    labels = np.array([2, 0, 1, 1]) if classes else None
    noise = space.gan.noise(0, "test", 4)
    expected = generate(space.gan.sampler, space.gan.latent(noise, labels))
    vectors = space.mapped(noise, labels)
    assert vectors.shape == (4, space.size)
    assert space.takes_labels == (classes > 0 and model == "dcgan")
    np.testing.assert_allclose(space.images(vectors, labels), expected, atol=1e-6)


def test_random_vectors_are_truncated_and_given_ones_are_not():
    for model in ("dcgan", "style"):
        space = space_of(model)
        whole = space.draw(0, "test", 5)
        half = LatentSpace.of(truncate(space.gan, 0.5))
        np.testing.assert_allclose(half.draw(0, "test", 5), (whole + space.centre) / 2, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(
            LatentSpace(space.gan, half.mapping, half.rest).images(whole), space.images(whole)
        )


def test_noise_is_kept_near_its_sphere_and_mapped_vectors_as_they_are():
    space = space_of(noise_size=100)
    vectors = np.random.default_rng(0).standard_normal((4, 100)).astype(np.float32)
    vectors[0] *= 5
    vectors[1] *= 0.1
    kept = space.kept(vectors)
    lengths = np.linalg.norm(kept, axis=1)
    np.testing.assert_allclose(lengths[:2], [10 + SHELL, 10 - SHELL], rtol=1e-5)
    np.testing.assert_allclose(kept[2:], vectors[2:], rtol=1e-6)
    np.testing.assert_allclose(kept[0] / lengths[0], vectors[0] / np.linalg.norm(vectors[0]), rtol=1e-5)
    style = space_of("style")
    far = 100 * np.ones((2, style.size), np.float32)
    np.testing.assert_array_equal(style.kept(far), far)


def test_walks_follow_the_sphere_of_noise_and_lines_between_mapped_vectors():
    noise, mapped = space_of(), space_of("style")
    a, b = (np.eye(6, dtype=np.float32)[k] * 3 for k in (0, 1))
    path = noise.between(a, b, np.array([0, 0.5, 1]))
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-6)
    np.testing.assert_allclose(path[1, :2], 3 / np.sqrt(2), rtol=1e-6)
    ends = np.random.default_rng(0).standard_normal((2, 3, mapped.size)).astype(np.float32)
    straight = mapped.between(ends[0], ends[1], np.array([0, 0.25, 1]))
    assert straight.shape == (3, 3, mapped.size)
    np.testing.assert_allclose(straight[:, 1], 0.75 * ends[0] + 0.25 * ends[1], rtol=1e-5)


def test_terms_are_relative_to_the_centre():
    space = space_of("style")
    a, b, c = np.random.default_rng(0).standard_normal((3, space.size)).astype(np.float32)
    centre = space.centre
    assert np.abs(centre).max() > 0.1
    np.testing.assert_allclose(space.combined(a, [b], [c]), a + b - c, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(space.combined(a, [b], []), a + b - centre, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(space.combined(a, [], [a]), centre, rtol=1e-5, atol=1e-6)
    plain = space_of(noise_size=100)
    a, b = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32)
    together = plain.combined(a, [b], [])
    np.testing.assert_allclose(together, (a + b) * ((10 + SHELL) / np.linalg.norm(a + b)), rtol=1e-5)


# --- files ------------------------------------------------------------------------------------------------------------


def test_a_file_has_the_vector_its_class_and_the_weights(tmp_path):
    space = space_of(conditional="projection", classes=3)
    vector = np.arange(6, dtype=np.float32)
    latent = latent_of(space, vector, 2)
    found = read_latent(write_latent(tmp_path / "a.safetensors", latent), space)
    np.testing.assert_array_equal(found.vector, vector)
    assert (found.label, found.space, found.weights) == (2, "noise", latent.weights)
    other = latent_of(space_of(conditional="projection", classes=3, seed=1), vector, 2)
    assert other.weights != latent.weights


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_size": 7}, "6 numbers of noise, but this run's images are made of 7 numbers of noise"),
        ({"model": "style"}, "6 numbers of noise, but this run's images are made of 4 numbers of a mapped vector"),
        ({"conditional": "projection", "classes": 2}, "its class is None, but this run has classes 0 … 1"),
    ],
)
def test_a_latent_of_another_space_is_refused(options, message, tmp_path):
    path = write_latent(tmp_path / "a.safetensors", latent_of(space_of(), np.ones(6), None))
    with pytest.raises(ArgumentError) as error:
        read_latent(path, space_of(**options))
    assert f"{path}: {message}" in str(error.value)


def test_a_class_that_the_run_does_not_have_is_refused(tmp_path):
    space = space_of(conditional="projection", classes=3)
    path = write_latent(tmp_path / "a.safetensors", dataclasses.replace(latent_of(space, np.ones(6), 2), label=3))
    with pytest.raises(ArgumentError, match="its class is 3, but this run has classes 0 … 2"):
        read_latent(path, space)


RIGHT = {"space": "noise", "label": None, "weights": "0"}


@pytest.mark.parametrize(
    ("array", "about"),
    [
        (np.ones((6, 1), np.float32), RIGHT),
        (np.ones(6, np.float64), RIGHT),
        (np.array([1, 2, 3, 4, 5, np.nan], np.float32), RIGHT),
        (np.zeros(0, np.float32), RIGHT),
        (np.ones(6, np.float32), RIGHT | {"label": True}),
        (np.ones(6, np.float32), RIGHT | {"label": -1}),
        (np.ones(6, np.float32), RIGHT | {"space": "outer"}),
        (np.ones(6, np.float32), []),
        (np.ones(6, np.float32), None),
    ],
)
def test_content_that_makes_no_sense_is_refused(array, about, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(save({"latent": array}, {} if about is None else {HEADING: json.dumps(about)}))
    with pytest.raises(ConfigError, match="holds no latent vector"):
        read_latent(path, space_of())


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 100, b"\x02\0\0\0\0\0\0\0{}"])
def test_files_of_other_kinds_are_refused(content, tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="holds no latent vector"):
        read_latent(path, space_of())
    with pytest.raises(FileError, match="could not be read"):
        read_latent(tmp_path / "none.safetensors", space_of())


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "a.safetensors"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(ConfigError, match="more than 16,777,216 bytes"):
        read_latent(path, space_of())


def test_a_mapping_network_ends_in_its_truncation():
    space = space_of("style")
    assert isinstance(space.mapping[-1], nn.Truncation)
    assert not isinstance(space.rest[0], nn.Truncation)
    assert space.mapping[1] is space.gan.sampler[1]
