"""Wrong and right kernels, each on trial beside the kernels of the backends."""

import numpy as np

from rawgan.testing import check_kernel
from rawgan_kernels import Backend, trial
from specimens.items import RIGHT, WRONG, normal

reference = Backend("reference")

X = normal(7, 5)
ONE, EVERY = {}, {}


def kernel(table, name, replaced, implementation, *args):
    def check():
        with trial("trial", **{replaced: implementation}):
            return check_kernel(replaced, *(args or (X,)), backends=["trial"])

    assert name not in table, name
    table[name] = check


def in_one_buffer(x):
    array = ONE.setdefault((x.shape, x.dtype), np.empty(x.shape, x.dtype))
    array[...] = reference.tanh(x)
    return array


def in_two_buffers(x):
    EVERY["turn"] = EVERY.get("turn", 0) + 1
    array = EVERY.setdefault((x.shape, x.dtype, EVERY["turn"] % 2), np.empty(x.shape, x.dtype))
    array[...] = reference.tanh(x)
    return array


def barely_writes(x):
    y = reference.tanh(x)
    x += x * x.dtype.type(1e-6)
    return y


def rounds(x):
    y, x.flags.writeable = reference.tanh(x), True
    x *= 1 + np.finfo(x.dtype).eps
    return y


def restores(x):
    x.flags.writeable = True
    y = reference.tanh(x)
    x[...] = 0
    return y


def steps_on_gradient(w, gw, *others):
    reference.sgd_update(w, gw, *others)
    gw[0][...] *= gw[0].dtype.type(0.9999999)


def needs_to_write(x):
    x[...] = x
    return reference.tanh(x)


WILD = np.array([1.0, np.nan, np.inf, -np.inf, -2.0])
MOMENTS = [normal(2, 3)], [normal(2, 3, seed=1)], [normal(2, 3, seed=2)], 0.1, 0.9, True, 0.0

kernel(WRONG, "kernel: one buffer for all results", "tanh", in_one_buffer)
kernel(WRONG, "kernel: two buffers in turn", "tanh", in_two_buffers)
kernel(WRONG, "kernel: a tuple", "tanh", lambda x: (reference.tanh(x),))
kernel(WRONG, "kernel: a list", "tanh", lambda x: [reference.tanh(x)])
kernel(WRONG, "kernel: nothing", "tanh", lambda x: None)
kernel(WRONG, "kernel: changes its argument by 1e-6", "tanh", barely_writes)
kernel(WRONG, "kernel: rounds its argument", "tanh", rounds)
kernel(WRONG, "kernel: zeroes its argument", "tanh", restores)
kernel(WRONG, "kernel: writes to its argument what it holds", "tanh", needs_to_write)
kernel(WRONG, "kernel: changes a gradient by 1e-7", "sgd_update", steps_on_gradient, *MOMENTS)
kernel(WRONG, "kernel: NaN becomes 0", "tanh", lambda x: np.nan_to_num(reference.tanh(x)), WILD)
kernel(WRONG, "kernel: infinity becomes NaN", "softplus", lambda x: reference.softplus(x) + 0 * x, WILD)
kernel(
    WRONG,
    "kernel: -0.5 for -infinity",
    "tanh",
    lambda x: np.where(np.isneginf(x), x.dtype.type(-0.5), reference.tanh(x)),
    WILD,
)
kernel(WRONG, "kernel: misreads by column", "tanh", lambda x: reference.tanh(x.ravel("K")).reshape(x.shape))
kernel(WRONG, "kernel: float64 for float32", "tanh", lambda x: np.tanh(x.astype("f8")))
kernel(WRONG, "kernel: float32 for float64", "tanh", lambda x: np.tanh(x.astype("f4")).astype(x.dtype))
kernel(WRONG, "kernel: raises", "tanh", lambda x: x[:, 9])

kernel(RIGHT, "kernel: infinities and NaN", "tanh", reference.tanh, WILD)
kernel(RIGHT, "kernel: an infinite result", "softplus", reference.softplus, WILD)
kernel(
    RIGHT, "kernel: numbers that float32 does not hold", "softplus", reference.softplus, np.array([1e300, -1e300, 1.0])
)
kernel(RIGHT, "kernel: no numbers", "tanh", reference.tanh, np.zeros((0, 3)))
kernel(RIGHT, "kernel: one number, of no axes", "tanh", reference.tanh, np.array(0.5))
kernel(RIGHT, "kernel: a result in columns", "tanh", lambda x: np.asfortranarray(reference.tanh(x)))
kernel(RIGHT, "kernel: an optimiser's step", "sgd_update", reference.sgd_update, *MOMENTS)
kernel(RIGHT, "kernel: tiny numbers", "tanh", reference.tanh, 1e-30 * X)
