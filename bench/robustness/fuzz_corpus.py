"""Files that fuzzing starts from: for each reader good ones, and hostile ones of many kinds."""

import dataclasses
import gzip
import io
import json
import struct
import tarfile
import zipfile
import zlib

import numpy as np
from PIL import Image
from safetensors.numpy import save

from rawgan.gan import GAN, ImageSpec, build
from rawgan.storage.checkpoint import About, checksum_of
from rawgan.training.state import arrays_of

PIXELS = np.arange(2 * 5 * 6, dtype=np.uint8).reshape(2, 5, 6)


def idx_files() -> list[bytes]:
    good = struct.pack(">4I", 0x803, *PIXELS.shape) + PIXELS.tobytes()
    return [
        good,
        struct.pack(">4I", 0x803, 2**31, 28, 28) + bytes(99),
        struct.pack(">4I", 0x803, 1, 0, 5),
        good[:9],
        b"",
    ]


def gzip_files() -> list[bytes]:
    bomb = struct.pack(">4I", 0x803, 1, 28, 28) + bytes(2**20)
    return [gzip.compress(data, mtime=0) for data in (*idx_files(), bomb)] + [
        b"\x1f\x8b\x08\0",
        b"\x1f\x8b" + b"\xff" * 20,
    ]


def npy(shape: object, body: bytes, descr: object = "|u1", fortran: object = False) -> bytes:
    header = repr({"descr": descr, "fortran_order": fortran, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header + body


def npy_files() -> list[bytes]:
    body = PIXELS.tobytes()
    odd = [
        ("<f4", 15),
        ("|O", 8),
        ("|b1", 60),
        ("<c8", 8),
        ("|V0", 60),
        ("|S4", 15),
        (("|u1", (5, 6)), 2),
        ([("a", "|u1")], 60),
    ]
    return [
        npy((2, 5, 6), body),
        npy((2, 5, 6), body, fortran=True),
        *(npy((count,), body, descr) for descr, count in odd),
        *(npy(shape, body) for shape in [(2**31, 28, 28), (2**62, 2**62), (-2, -5, 6), (0, 2**70), (True,) * 60, ()]),
        npy((0, 2**63), b""),
        b"\x93NUMPY\x02\0" + struct.pack("<I", 2**32 - 1) + b"{",
        b"\x93NUMPY\x03\0" + struct.pack("<I", 9) + b"'\xff'      ",
        npy("(" * 300, b"").replace(b"'((", b"(("),
    ]  # fmt: skip


def npz(npy: bytes, name: str = "images.npy", pack: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", pack) as archive:
        archive.writestr(zipfile.ZipInfo(name), npy, pack)
    return stream.getvalue()


def npz_files() -> list[bytes]:
    good = npy((2, 5, 6), PIXELS.tobytes())
    bomb = npy((1, 2**10, 2**10), bytes(2**20))
    packed = [npz(good, pack=pack) for pack in (zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)]
    lying = npz(npy((2**31,), b"12"), pack=zipfile.ZIP_STORED).replace(struct.pack("<I", 2), struct.pack("<I", 2**31))
    return [
        npz(good),
        *packed,
        npz(good, "../\x1b[2J\n.npy"),
        npz(bomb),
        lying,
        npz(b"", "labels.npy"),
        b"PK\5\6" + bytes(18),
    ]


def _encoded(form: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise((9, 7), 60).convert(mode).save(stream, form, **options)
    return stream.getvalue()


def png(width: int, height: int, body: bytes, depth: int = 8, colour: int = 0, more: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        *([(b"zTXt", more)] if more else []),
        (b"IDAT", zlib.compress(body, 9)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def with_right_checksums(png: bytes) -> bytes:
    """The chunks of a PNG, each with its right checksum."""
    out, at = png[:8], 8
    while at + 8 <= len(png):
        end = min(at + 8 + struct.unpack(">I", png[at : at + 4])[0], len(png))
        out += png[at:end] + struct.pack(">I", zlib.crc32(png[at + 4 : end]))
        at = end + 4
    return out


def png_files() -> list[bytes]:
    huge = [
        png(60000, 60000, b""),
        png(9000, 9000, b""),
        png(1, 80_000_000, b""),
        png(1500, 1500, bytes(3 * 10**6)),
    ]
    modes = [_encoded("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")]
    return [
        *modes,
        *huge,
        png(0, 0, b""),
        png(5, 5, b"", 16, 2),
        png(5, 5, b"x" * 30, more=b"k\0\0" + zlib.compress(bytes(2**21))),
    ]


def image_files() -> list[bytes]:
    frames = [Image.new("P", (9, 7), n) for n in range(20)]
    moving = io.BytesIO()
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x112] = 6
    others = [
        ("JPEG", "RGB", {"exif": exif}),
        ("JPEG", "CMYK", {}),
        ("WEBP", "RGBA", {}),
        ("WEBP", "RGB", {"lossless": True}),
    ]
    others += [("GIF", "P", {}), ("BMP", "RGB", {}), ("BMP", "1", {}), ("TIFF", "L", {}), ("TIFF", "I;16", {})]
    others += [("TIFF", "RGB", {"compression": packing}) for packing in ("tiff_lzw", "tiff_adobe_deflate", "jpeg")]
    others += [("TIFF", "1", {"compression": "group4"}), ("TIFF", "F", {}), ("AVIF", "RGBA", {}), ("PPM", "RGB", {})]
    others += [("JPEG2000", "RGB", {}), ("JPEG2000", "LA", {}), ("QOI", "RGBA", {}), ("DDS", "RGBA", {})]
    return [*png_files(), *(_encoded(form, mode, **options) for form, mode, options in others), moving.getvalue()]


def _tensors(header: object, body: bytes = bytes(24), length: int | None = None) -> bytes:
    text = json.dumps(header).encode() if isinstance(header, dict) else bytes(str(header), "utf-8")
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tiny_gan() -> GAN:
    """Networks of the checkpoints."""
    return build("tutorial", ImageSpec(8), noise_size=1, width=1)


def checkpoint_files() -> list[bytes]:
    headings = ['{"format": 1, "about": "{}", "checksum": ""}', '{"format": 2}', "[" * 500, "9" * 5000]
    return [
        *(with_right_checksum(text) for text in checkpoint_texts()),
        *(_tensors({"__metadata__": {"rawgan": text}}, b"") for text in headings),
        *safetensors_files(),
    ]


def checkpoint_texts() -> list[bytes]:
    """Texts about a run, as in a checkpoint's header."""
    gan = tiny_gan()
    counts = {name: optimizer.counts for name, optimizer in gan.optimizers.items()}
    good = About(1, 2, {"seed": 3}, counts, dict.fromkeys(counts, 0.1), 0, {"numpy": "2"})
    odd = {"step": "1"}, {"steps": -1}, {"counts": {"g_optimizer": [[]]}}, {"rates": {"g_optimizer": 0}}, {"x": 1}
    return [
        json.dumps(dataclasses.asdict(good), sort_keys=True).encode(),
        *(json.dumps(dataclasses.asdict(good) | change).encode() for change in odd),
        b"[" * 500,
    ]


def with_right_checksum(text: bytes) -> bytes:
    """A checkpoint with this text about its run, and a right checksum."""
    arrays, about = arrays_of(tiny_gan()), text.decode(errors="replace")
    heading = json.dumps({"format": 1, "checksum": checksum_of(about, arrays), "about": about})
    return save(arrays, {"rawgan": heading})


def safetensors_files() -> list[bytes]:
    w, b = {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]}, {"dtype": "F32", "shape": [2]}
    good = {"w": w, "b": b | {"data_offsets": [24, 32]}, "__metadata__": {"step": "1"}}
    odd: list[dict[str, object]] = [
        {"dtype": "I64", "shape": [3]},
        {"dtype": "BF16", "shape": [12]},
        {"dtype": "F64"},
        {"dtype": "X"},
        {"shape": [2**63, 2]},
        {"shape": [-1]},
        {"shape": []},
        {"data_offsets": [24, 0]},
        {"data_offsets": [0, 2**63]},
    ]
    return [
        _tensors(good, bytes(32)),
        *(_tensors({"w": w | change}) for change in odd),
        _tensors({"w": w, "b": w}),
        _tensors({"\x1b[2J\n": w}),
        _tensors({"w": w}, length=2**63),
        _tensors("[" * 500),
        _tensors({}, b""),
    ]


def config_files() -> list[bytes]:
    good = 'model = "dcgan"\ndata = "mnist"\nsteps = 10\nlearning_rate = 1e-3\nskip_broken = true\n'
    odd = [
        "steps = 0x" + "f" * 5000,
        "steps = " + "9" * 5000,
        "steps = " + "[" * 5000,
        "steps." + "a." * 20000 + "b = 1",
        "steps = 1979-05-27",
        "[steps]\na = 1",
        "steps = 1\nsteps = 2",
        "stpes = 1",
        "epochs = nan",
        "epochs = inf",
        'data = "\\u0000"',
        'data = "\\u001b[2J"',
        '"\\u001b" = 1',
        "width = -1",
        "image_size = 30",
        "seed = 18446744073709551616",
    ]
    return [text.encode() for text in (good, *odd)] + [b"data = '\xff'", b"\xff\xfe", b"\0"]


def metrics_files() -> list[bytes]:
    good = b'{"step": 1, "d_loss": 0.5}\n{"step": 2, "d_loss": null}\n'
    odd = [
        b"[" * 5000,
        b'{"a":' * 5000,
        b'{"a": 1' + b"0" * 5000 + b"}",
        b"\xff",
        b"NaN",
        b"[1]",
        b'{"step": [1]}',
        b"\x1b[2J",
        b"",
    ]
    return [good, good[:-9], *(line + b"\n" + good for line in odd)]


def archives() -> list[bytes]:
    def archive(
        kind: bytes = tarfile.REGTYPE, size: int = 3073, name: str = "cifar-10-batches-bin/test_batch.bin"
    ) -> bytes:
        member = tarfile.TarInfo(name)
        member.size, member.type, member.linkname = size, kind, name
        return member.tobuf() + bytes(3584) + bytes(1024)

    kinds = (
        tarfile.REGTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.DIRTYPE,
        tarfile.FIFOTYPE,
        tarfile.GNUTYPE_SPARSE,
    )
    return [*(archive(kind) for kind in kinds), archive(size=2**33), archive(name="../../etc/passwd")]


def zipped_archives() -> list[bytes]:
    return [zipped(archive) for archive in archives()]


def names() -> list[bytes]:
    return [
        b"name",
        b"a\0b",
        b"\xff",
        b"\x1b[2J",
        b"a" * 300,
        b"~nobody",
        b"a\nb",
        "\u202e".encode(),
        b"",
        b".",
        b"set.npy",
    ]


def hosts() -> list[bytes]:
    plain = b"192.0.2.1/", b"127.0.0.1.example/", b"127.0.0.1@192.0.2.1/", b"x" * 300, b"a b"
    return [*plain, b"[", b"[::1", b":80", b"\xff/", b"", b".x"]


def zipped(data: bytes) -> bytes:
    """The data, gzipped."""
    return gzip.compress(data, 1, mtime=0)
