"""The matrix units' instructions in NumPy, and machine code with AMX instructions run on a CPU that lacks them.

The CPU raises SIGILL at the first byte of such an instruction. The handler decodes it as Intel's manual says, does what
it says, and lets the program go on behind it. Nothing is taken from the kernels' own emulation. Linux on x86-64 only.
"""

import ctypes
import signal
from collections import Counter

import numpy as np

GREGS = 40
"""Place of the general registers in the context that a handler gets."""

# fmt: off
ORDER = [
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip",
]
BY_NUMBER = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
]
# fmt: on


class Tiles:
    """The state of the unit, and a count of the instructions that were carried out."""

    def __init__(self):
        self.rows, self.nbytes = None, None
        self.tiles = np.zeros((8, 16, 64), np.uint8)
        self.count = Counter()

    def ldtilecfg(self, address):
        block = np.frombuffer(ctypes.string_at(address, 64), np.uint8)
        assert block[0] == 1
        assert not block[1:16].any()
        assert not block[32:48].any()
        assert not block[56:].any()
        self.nbytes, self.rows = block[16:32].view(np.uint16), block[48:56]
        assert (self.nbytes <= 64).all()
        assert (self.rows <= 16).all()
        self.tiles[:] = 0

    def tilerelease(self):
        self.rows = self.nbytes = None

    def tilezero(self, tile):
        assert self.rows[tile]
        self.tiles[tile] = 0

    def tileloadd(self, tile, address, stride):
        self.tiles[tile] = 0
        for i in range(self.rows[tile]):
            n = int(self.nbytes[tile])
            self.tiles[tile, i, :n] = np.frombuffer(ctypes.string_at(address + i * stride, n), np.uint8)

    def tilestored(self, tile, address, stride):
        for i in range(self.rows[tile]):
            ctypes.memmove(address + i * stride, self.tiles[tile, i].tobytes(), int(self.nbytes[tile]))

    def tdpbf16ps(self, c, a, b):
        m, n, pairs = int(self.rows[c]), int(self.nbytes[c]) // 4, int(self.nbytes[a]) // 4
        assert self.rows[a] == m
        assert self.rows[b] == pairs
        assert self.nbytes[b] == self.nbytes[c]
        left, right = _factors(self.tiles[a])[:m, :pairs], _factors(self.tiles[b])[:pairs, :n]
        sums = np.zeros((m, n, 2), np.float32)
        for k in range(pairs):  # products of bf16 are exact
            sums = _flushed(sums + left[:, k, None] * right[k])
        total = self.tiles[c].view(np.float32)
        total[:m, :n] = _flushed(_flushed(total[:m, :n]) + _flushed(sums[..., 0] + sums[..., 1]))


def _factors(tile):
    """Pairs of numbers, (16, 16, 2), of a tile of bf16."""
    halves = tile.view(np.uint16).astype(np.uint32) << 16
    return _flushed(halves.view(np.float32).reshape(16, 16, 2))


def _flushed(x):
    return np.where(abs(x) < np.float32(2.0**-126), np.copysign(np.float32(0), x), x)


def carry_out(tiles, code, read):
    """Carry out the instruction that begins with these bytes; `read(name)` is the value of a register.

    Returns its length.
    """
    assert code[0] == 0xC4, code.hex()  # the VEX prefix of three bytes, with the opcodes 0F 38
    assert code[1] & 0x1F == 2, code.hex()
    r, x, b = (not code[1] & bit for bit in (0x80, 0x40, 0x20))
    vvvv, prefix, opcode, modrm = ~code[2] >> 3 & 15, code[2] & 3, code[3], code[4]
    assert not code[2] & 0x84  # W0, 128 bits
    mode, reg, rm = modrm >> 6, modrm >> 3 & 7, modrm & 7
    assert not r  # there are 8 tiles
    length, address, stride = 5, None, None
    if mode != 3:
        index, scale, base = None, 1, rm | b << 3
        if rm == 4:
            sib, length = code[5], 6
            scale, index, base = 1 << (sib >> 6), (sib >> 3 & 7) | x << 3, (sib & 7) | b << 3
            index = None if index == 4 else index
        assert not (mode == 0 and base & 7 == 5)  # neither without a base nor relative to the instruction
        width = {0: 0, 1: 1, 2: 4}[mode]
        address = read(BY_NUMBER[base]) + int.from_bytes(code[length : length + width], "little", signed=True)
        stride = 0 if index is None else scale * read(BY_NUMBER[index])
        length += width
    name = {
        (0, 0x49, False): "ldtilecfg",
        (0, 0x49, True): "tilerelease",
        (3, 0x49, True): "tilezero",
        (3, 0x4B, False): "tileloadd",
        (2, 0x4B, False): "tilestored",
        (2, 0x5C, True): "tdpbf16ps",
    }[prefix, opcode, mode == 3]
    operands = {
        "ldtilecfg": (address,),
        "tilerelease": (),
        "tilezero": (reg,),
        "tileloadd": (reg, address, stride),
        "tilestored": (reg, address, stride),
        "tdpbf16ps": (reg, rm, vvvv),
    }[name]
    tiles.count[name] += 1
    getattr(tiles, name)(*operands)
    return length


def sums_of_tiles(a, b, c):
    """c + a @ b as tiles add it up: 32 products at a time, the even and the odd ones on their own."""
    total = np.full((len(a), b.shape[1]), c)
    for start in range(0, len(b), 32):
        sums = [_flushed(np.zeros_like(total)) for _ in range(2)]
        for k in range(start, start + 32):
            sums[k % 2] = _flushed(sums[k % 2] + _flushed(a[:, k, None]) * _flushed(b[k]))
        total = _flushed(_flushed(total) + _flushed(sums[0] + sums[1]))
    return total


def sums_of_lanes(a, b, c):
    """c + a @ b as AVX512-BF16 adds it up: pair by pair, the odd product first."""
    total = np.full((len(a), b.shape[1]), c)
    for start in range(0, len(b), 2):
        for k in (start + 1, start):
            total = _flushed(total + _flushed(a[:, k, None]) * _flushed(b[k]))
    return total


class _Action(ctypes.Structure):
    _fields_ = (
        ("handler", ctypes.c_void_p),
        ("mask", ctypes.c_ubyte * 128),
        ("flags", ctypes.c_int),
        ("restorer", ctypes.c_void_p),
    )


def trap(tiles):
    """Carry out AMX instructions on `tiles` from now on, in this process. Returns what must be kept alive."""
    libc = ctypes.CDLL(None)

    @ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    def handle(number, info, context):
        registers = (ctypes.c_int64 * len(ORDER)).from_address(context + GREGS)
        try:
            code = ctypes.string_at(registers[-1] & (2**64 - 1), 16)
            registers[-1] += carry_out(tiles, code, lambda name: registers[ORDER.index(name)])
        except BaseException as error:  # going on would trap at the same place for ever
            print(f"trapped: {error!r} at {code.hex()}", flush=True)
            libc._exit(1)

    sa_siginfo, sa_nodefer = 4, 0x40000000
    action = _Action(ctypes.cast(handle, ctypes.c_void_p), flags=sa_siginfo | sa_nodefer)
    assert libc.sigaction(int(signal.SIGILL), ctypes.byref(action), None) == 0
    return handle
