"""The tile instructions in plain code, number by number as Intel's manual defines them.

Tiles are emulated in memory of `MEMORY` numbers of float32: 8 tiles of 16 rows of 16 words, then their configuration.
It is slow, and serves tests on processors that lack the unit.

TDPBF16PS adds the products of the even, and those of the odd numbers of a row, each by fused multiply-adds in order;
then it adds the two sums, and their sum to the tile. It rounds to nearest even, takes what is below 2⁻¹²⁶ for 0, and
gives 0 where a result is below it.

Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2
"""
# mypy: disable-error-code="no-untyped-def"

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from rawgan_kernels.cpu.compile.compiled import compiled
from rawgan_kernels.cpu.matrix_units.rounding import words_at
from rawgan_kernels.cpu.vector.registers import I32

TILE = 256
"""Words of a tile."""

SETUP = 8 * TILE
"""Place of the configuration: 64 bytes."""

MEMORY = SETUP + 16

LEAST = np.float32(2.0**-126)


def configure(unit, configuration):
    words = words_at(unit)
    for i in range(8 * TILE):
        words[i] = 0
    for i in range(16):
        words[SETUP + i] = configuration[i]


def release(unit):
    words = words_at(unit)
    for i in range(MEMORY):
        words[i] = 0


def zero(unit, tile):
    words = words_at(unit)
    for i in range(TILE):
        words[tile * TILE + i] = 0


def load(unit, tile, source, row):
    words = words_at(unit)
    rows, width = _size(words, tile)
    for i in range(16):
        for j in range(16):
            words[tile * TILE + 16 * i + j] = source[i * row + j] if i < rows and j < width else 0


def store(unit, tile, to, row):
    words = words_at(unit)
    rows, width = _size(words, tile)
    for i in range(rows):
        for j in range(width):
            to[i * row + j] = words[tile * TILE + 16 * i + j]


def product(unit, c, a, b):
    words = words_at(unit)
    rows, width = _size(words, c)
    _, depth = _size(words, a)
    for i in range(rows):
        for j in range(width):
            even = odd = np.float32(0)
            for k in range(depth):
                left, right = words[a * TILE + 16 * i + k], words[b * TILE + 16 * k + j]
                even = _flushed(even + _factor(left << 16) * _factor(right << 16))
                odd = _flushed(odd + _factor(left) * _factor(right))
            at = c * TILE + 16 * i + j
            unit[at] = _flushed(_flushed(unit[at]) + _flushed(even + odd))


@compiled
def _size(words, tile):
    """Rows of a tile, and words of a row, by its configuration."""
    rows = (words[SETUP + 12 + tile // 4] >> (8 * (tile % 4))) & 0xFF
    nbytes = (words[SETUP + 4 + tile // 2] >> (16 * (tile % 2))) & 0xFFFF
    return rows, nbytes // 4


@compiled
def _factor(word):
    """The bf16 in the upper half of a word."""
    return _flushed(_number(word & 0xFFFF0000))


@compiled
def _flushed(x):
    """x, or 0 with its sign."""
    return x * np.float32(0) if abs(x) < LEAST else x


@intrinsic
def _number(typing: Any, word: Any) -> Any:
    """The float32 with these bits."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.bitcast(builder.trunc(args[0], I32), ir.FloatType())

    return types.float32(word), generate
