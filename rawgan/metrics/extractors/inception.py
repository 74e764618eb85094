"""FID as published: features of the Inception v3 that FID was defined with, by the weights that pytorch-fid has.

The weights are a file that the user makes, as RECIPE says. Images are resized as clean-fid does: bicubic, antialiased,
in floating-point numbers. The features are means over the pixels of the last block.

Sources: Szegedy et al. 2016 (the network); Heusel et al. 2017 (FID); Parmar et al. 2022 (resizing)
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rawgan import ops
from rawgan.autograd import no_grad
from rawgan.data.image_set import Progress
from rawgan.data.memory_limits import read_whole
from rawgan.data.pixels import resized
from rawgan.errors import ConfigError, DataError, shown
from rawgan.files import open_file
from rawgan.metrics.extractors.extractor import WithoutClasses
from rawgan.metrics.extractors.inception_blocks import BLOCKS, CHANNELS, EPS, Fork, Step, Unit, units_of
from rawgan.tensor import Tensor

RECIPE = """\
    # the file is in the release "fid_weights" of github.com/mseitzer/pytorch-fid
    import torch
    from safetensors.torch import save_file
    weights = torch.load("pt_inception-2015-12-05-6726825d.pth", weights_only=True)
    save_file({name: w.contiguous() for name, w in weights.items()}, "inception.safetensors")"""
"""Program that makes the file of the weights; it needs PyTorch, rawgan does not."""
SIZE = 299
"""Height and width of the images that the network sees, in pixels."""
AT_ONCE = 16
"""Number of images that are in memory at once: about 30 MB each, with what the layers make of them."""
LAST = "Mixed_7c.branch_pool.conv.weight"
"""Name by which a file is recognised: other files hold no tensor of it."""
MOST_NAMES = 1 << 24
"""Longest list of names in a safetensors file that is looked through, in bytes."""


class Inception(WithoutClasses):
    """The Inception v3 of FID, from its weights by PyTorch's names; batch norms are folded into convolutions.

    It differs from the network of ImageNet in the pools of its blocks, as TensorFlow's did: averages leave the padding
    out, and the pool of the last block takes the largest value.

    Shapes: features (N, 2048)
    Raises: ConfigError for tensors that are missing, or of other shapes
    """

    scope = "FID by Inception v3, as published; images are resized as clean-fid does"

    def __init__(self, arrays: Mapping[str, NDArray[Any]], title: str = "Inception v3", sha256: str = "") -> None:
        self.title, self.sha256 = title, sha256
        self._weights = {name: _folded(title, arrays, name, inputs, unit) for name, inputs, unit in units_of()}

    def features(
        self, images: NDArray[np.uint8], on_progress: Progress = lambda done, total: None
    ) -> NDArray[np.float32]:
        """Means of the last block over its 8 × 8 pixels. Shapes: images (N, H, W, C) uint8 → (N, 2048)"""
        found = np.empty((len(images), CHANNELS), np.float32)
        with no_grad():
            for start in range(0, len(images), AT_ONCE):
                batch = as_input(images[start : start + AT_ONCE])
                found[start : start + AT_ONCE] = ops.mean(self.forward(Tensor(batch)), (1, 2)).numpy()
                on_progress(start + len(batch), len(images))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Images in [−1, 1] → the last block. Shapes: x (n, 299, 299, 3) → (n, 8, 8, 2048)"""
        for prefix, branches in BLOCKS:
            made = []
            for steps in branches:
                y = x
                for step in steps:
                    y = self._step(prefix, step, y)
                made.append(y)
            x = made[0] if len(made) == 1 else ops.concatenate(made, axis=3)
        return x

    def _step(self, prefix: str, step: Step, x: Tensor) -> Tensor:
        """The result of a unit, of a fork of units, or of a pool."""
        if isinstance(step, Unit):
            w, b = self._weights[prefix + step.name]
            return ops.conv2d(x, w, b, stride=step.stride, padding=step.padding, slope=0.0)
        if isinstance(step, Fork):
            return ops.concatenate([self._step(prefix, unit, x) for unit in step.units], axis=3)
        return step(x)


def _folded(
    title: str, arrays: Mapping[str, NDArray[Any]], name: str, inputs: int, unit: Unit
) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution with the batch norm after it: w · γ / √(var + ε), and β − mean · γ / √(var + ε).

    Shapes: from weights (outputs, inputs, kh, kw) → (kh, kw, inputs, outputs) and (outputs,)
    Raises: ConfigError for a tensor that is missing, or of another shape
    """

    def array(tensor: str, *shape: int) -> NDArray[np.float64]:
        found = arrays.get(f"{name}.{tensor}")
        if found is None or found.shape != shape:
            there = "is missing" if found is None else f"is {found.shape}"
            raise ConfigError(
                f"{title}: {name}.{tensor} should be {shape}, but {there}; make the file again:\n{RECIPE}"
            )
        return found.astype(np.float64)

    w = array("conv.weight", unit.channels, inputs, *unit.kernel)
    gamma, beta, mean, variance = (
        array(f"bn.{each}", unit.channels) for each in ("weight", "bias", "running_mean", "running_var")
    )
    with np.errstate(invalid="ignore"):
        scale = gamma / np.sqrt(variance + EPS)
    folded = (w * scale[:, None, None, None]).transpose(2, 3, 1, 0), beta - mean * scale
    if not all(np.isfinite(each).all() for each in folded):
        raise ConfigError(f"{title}: the numbers of {name} are not all finite; make the file again:\n{RECIPE}")
    weight, bias = (Tensor(np.ascontiguousarray(each, np.float32)) for each in folded)
    return weight, bias


def as_input(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Images as the network sees them: three channels, 299 × 299 pixels from −1 to 1.

    Resizing is bicubic with antialiasing, in floating-point numbers, each channel by itself; what goes beyond black or
    white is clipped.

    Shapes: images (N, H, W, C) uint8 → (N, 299, 299, 3)
    Source: Parmar et al. 2022

    >>> as_input(np.full((1, 28, 28, 1), 255, np.uint8))[0, 0, 0]
    array([1., 1., 1.], dtype=float32)
    """
    from PIL import Image

    if images.shape[3] != 1:  # transparency is laid on white
        images = resized(images, min(images.shape[1:3]), 3, "images")
    planes = np.empty((len(images), SIZE, SIZE, images.shape[3]), np.float32)
    for image, made in zip(images, planes, strict=True):
        for channel in range(images.shape[3]):
            plane = Image.fromarray(image[:, :, channel].astype(np.float32))
            made[:, :, channel] = np.asarray(plane.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    planes.clip(0, 255, out=planes)
    planes /= 127.5
    planes -= 1
    return planes.repeat(3, axis=3) if planes.shape[3] == 1 else planes


def inception_in(path: Path) -> Inception | None:
    """The network whose weights a safetensors or ONNX file holds; None for any other file, also if it cannot be read.

    Raises: ConfigError for a file that has some of its tensors, but not all
    """
    try:
        with open_file(path) as file:
            size = int.from_bytes(file.read(8), "little")
            if path.suffix.lower() != ".onnx" and LAST.encode() not in file.read(min(size, MOST_NAMES)):
                return None
            file.seek(0)
            data = read_whole(file, str(path))
    except (OSError, DataError):
        return None
    arrays = _of_onnx(data) if path.suffix.lower() == ".onnx" else _of_safetensors(data, path)
    if arrays is None:
        return None
    return Inception(arrays, f"Inception v3 in {path}", hashlib.sha256(data).hexdigest())


def _of_safetensors(data: bytes, path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file. Raises: ConfigError for a damaged one"""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is damaged ({shown(error, 80)}); make it again:\n{RECIPE}") from error


def _of_onnx(data: bytes) -> dict[str, NDArray[Any]] | None:
    """The initialisers of an ONNX file that has them under PyTorch's names; None for others, and without onnx."""
    if LAST.encode() not in data:
        return None
    try:
        import onnx
    except ImportError:
        return None
    try:
        initialisers = onnx.load_from_string(data).graph.initializer
        arrays = {each.name: onnx.numpy_helper.to_array(each) for each in initialisers}
    except Exception:  # errors of its parser derive from nothing narrower; onnxruntime will say what is wrong
        return None
    return arrays if all(f"{name}.bn.running_var" in arrays for name, _, _ in units_of()) else None
