"""Pictures good and hostile, as bytes: a corpus for whatever opens pictures from strangers.

good()      what must open: every format and colour mode we accept, and odd but honest files
hostile()   what must be refused with one sentence: cut, damaged, too large, foreign, in disguise
"""

import gzip
import hashlib
import io
import pickle
import struct
import zipfile
import zlib
from functools import cache

import numpy as np
from PIL import Image, ImageCms

JUNK = hashlib.shake_256(b"junk").digest(3000)


def pixels(height: int = 30, width: int = 40, channels: int = 3) -> np.ndarray:
    """Noise that does not compress, so that every byte of a file matters; always the same."""
    noise = hashlib.shake_256(b"palate").digest(height * width * channels)
    return np.frombuffer(noise, np.uint8).reshape(height, width, channels)


def encode(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, *extra: bytes) -> bytes:
    """A PNG built by hand: `rows` is the raw data with a filter byte before each row."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows, 9)) if rows else b""
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + body + chunk(b"IEND", b"")


def exif(orientation: int) -> bytes:
    """EXIF that says one thing: which way up."""
    return (
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation]) + b"\0" * 7
    )


def icc_swapped() -> bytes:
    """A colour profile in which red is blue: sRGB with the two primaries renamed."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return (
        profile.replace(b"sRGB", b"test")
        .replace(b"rXYZ", b"qXYZ", 1)
        .replace(b"bXYZ", b"rXYZ", 1)
        .replace(b"qXYZ", b"bXYZ", 1)
    )


def scan_bomb(repeats: int = 2000, side: int = 4000) -> bytes:
    """A small progressive JPEG that asks for thousands of passes over a large picture."""
    plain = encode(Image.new("L", (side, side), 99), "JPEG", progressive=True)
    last_scan = plain[plain.rindex(b"\xff\xda") : -2]
    return plain[:-2] + last_scan * repeats + b"\xff\xd9"


@cache
def good() -> dict[str, bytes]:
    noise = Image.fromarray(pixels())
    grey, clear = noise.convert("L"), Image.fromarray(pixels(channels=4))
    files = {
        "jpeg": encode(noise, "JPEG"),
        "jpeg progressive": encode(noise, "JPEG", progressive=True),
        "jpeg grey": encode(grey, "JPEG"),
        "jpeg cmyk": encode(noise.convert("CMYK"), "JPEG"),
        "jpeg turned": encode(noise, "JPEG", exif=exif(6)),
        "png": encode(noise, "PNG"),
        "png grey": encode(grey, "PNG"),
        "png grey and alpha": encode(clear.convert("LA"), "PNG"),
        "png alpha": encode(clear, "PNG"),
        "png palette": encode(noise.quantize(16), "PNG"),
        "png palette clear": encode(noise.quantize(16), "PNG", transparency=b"\0\x80" * 8),
        "png one bit": encode(noise.convert("1"), "PNG"),
        "png 16-bit grey": encode(Image.fromarray(pixels()[..., 0].astype(np.uint16) * 257), "PNG"),
        "png 16-bit colour": png(2, 1, 16, 2, b"\0" + b"\x80\0" * 6),
        "png 16-bit key": png(2, 1, 16, 2, b"\0" + b"\x80\0" * 6, chunk(b"tRNS", b"\x80\0" * 3)),
        "png colour key": png(2, 1, 8, 2, b"\0abcdef", chunk(b"tRNS", b"\0a\0b\0c")),
        "gif": encode(noise, "GIF"),
        "gif moving": encode(noise, "GIF", save_all=True, append_images=[noise.rotate(90)]),
        "gif clear": encode(noise.quantize(16), "GIF", transparency=3),
        "webp": encode(noise, "WEBP"),
        "webp lossless alpha": encode(clear, "WEBP", lossless=True),
        "webp moving": encode(noise, "WEBP", save_all=True, append_images=[noise.rotate(90)]),
    }
    return files | {
        "icc junk": encode(noise, "JPEG", icc_profile=JUNK),
        "icc swapped": encode(noise, "PNG", icc_profile=icc_swapped()),
        "icc for other colours": encode(grey, "PNG", icc_profile=icc_swapped()),
        "exif junk": encode(noise, "JPEG", exif=b"Exif\0\0" + JUNK),
        "exif of ninth kind": encode(noise, "JPEG", exif=exif(9)),
        "script behind a jpeg": files["jpeg"] + b"<script>alert(1)</script>",
        "zip behind a png": files["png"] + _zip(),
        "moving png, badly": png(1, 1, 8, 2, b"\0abc", chunk(b"acTL", b"\0" * 8)),
    }


@cache
def hostile() -> dict[str, bytes]:
    return _cut() | _damaged() | _too_large() | _foreign() | _disguised()


def _cut() -> dict[str, bytes]:
    whole = good()
    kinds = ("jpeg", "jpeg progressive", "png", "gif", "webp", "webp lossless alpha")
    parts = {
        f"{kind} cut at {percent} %": whole[kind][: len(whole[kind]) * percent // 100]
        for kind in kinds
        for percent in (30, 70)
    }
    nearly = {f"{kind} less its end": whole[kind][:-9] for kind in kinds}
    return parts | nearly | {"png less one byte": whole["png"][:-1]}


def _damaged() -> dict[str, bytes]:
    whole, signature = good(), b"\x89PNG\r\n\x1a\n"
    jpeg, frame = whole["jpeg"], whole["jpeg"].index(b"\xff\xc0")
    return {
        "nothing": b"",
        "one byte": b"\xff",
        "zeros": bytes(1000),
        "junk": JUNK,
        "jpeg magic": b"\xff\xd8\xff",
        "png magic": signature,
        "gif magic": b"GIF89a",
        "webp magic": b"RIFF\x10\0\0\0WEBP",
        "jpeg then junk": b"\xff\xd8\xff\xe0" + JUNK,
        "png then junk": signature + JUNK,
        "gif then junk": b"GIF89a\x05\0\x05\0\0\0\0" + b"\xff" * 500,
        "webp then junk": b"RIFF\xb8\x0b\0\0WEBPVP8 " + JUNK,
        "png without pixels": png(3, 3, 8, 2, b""),
        "png with a wrong checksum": whole["png"][:30] + b"\0" + whole["png"][31:],
        "png of a ninth colour": png(3, 3, 8, 9, b"\0" * 99),
        "png of three bits": png(3, 3, 3, 0, b"\0" * 99),
        "png with too few rows": png(30, 30, 8, 2, b"\0" * 99),
        "png with a huge chunk": signature + b"\x7f\xff\xff\xff" + b"IHDR" + JUNK,
        "png with a text bomb": png(1, 1, 8, 0, b"\0a", chunk(b"zTXt", _text_bomb())),
        "png with no zlib": signature + whole["png"][8:41] + JUNK,
        "jpeg of twelve bits": jpeg[: frame + 4] + b"\x0c" + jpeg[frame + 5 :],
        "jpeg without scans": jpeg[: jpeg.index(b"\xff\xda")] + b"\xff\xd9",
        "jpeg, lossless": jpeg[: frame + 1] + b"\xc3" + jpeg[frame + 2 :],
        "gif without frames": whole["gif"][:13] + b"\0" * 768 + b";",
    }


def _too_large() -> dict[str, bytes]:
    jpeg = good()["jpeg"]
    size = jpeg.index(b"\xff\xc0") + 5
    return {
        "png 65500 x 700": png(65500, 700, 1, 0, b"\0" * 99),
        "png 9000 x 9000": png(9000, 9000, 1, 0, b"\0" * (1126 * 9000)),
        "png 13000 x 13000": png(13000, 13000, 1, 0, b"\0" * 99),
        "png 20000 x 20000": png(20000, 20000, 1, 0, b"\0" * 99),
        "png 2 billion wide": png(2**31 - 1, 2**31 - 1, 8, 2, b"\0" * 99),
        "png one row": png(16385, 1, 8, 0, b"\0" * 16386),
        "png of no size": png(0, 0, 8, 2, b"\0"),
        "jpeg 65500 x 65500": jpeg[:size] + struct.pack(">HH", 65500, 65500) + jpeg[size + 4 :],
        "jpeg 65500 x 1": jpeg[:size] + struct.pack(">HH", 1, 65500) + jpeg[size + 4 :],
        "jpeg of no width": jpeg[:size] + struct.pack(">HH", 30, 0) + jpeg[size + 4 :],
        "gif 65535 x 65535": b"GIF89a\xff\xff\xff\xff" + good()["gif"][10:],
        "webp canvas 16000 x 16000": _vp8x(16000, 16000),
        "21 MB": good()["png"] + bytes(21_000_000),
    }


def _foreign() -> dict[str, bytes]:
    noise = Image.fromarray(pixels())
    return {
        "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        "svg behind xml": b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x -->\n<SVG/>',
        "xml bomb": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "&b;&b;&b;">]><x>&a;</x>',
        "html": b"<!DOCTYPE html><html><body><img src=x onerror=alert(1)>",
        "script": b"#!/bin/sh\nrm -rf ~\n",
        "json": b'{"image": "data:image/png;base64,AAAA"}',
        "path": b"/etc/passwd\n",
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n",
        "eps with a preview": b"\xc5\xd0\xd3\xc6" + bytes(26) + b"%!PS",
        "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "zip": _zip(),
        "gzip": gzip.compress(good()["png"]),
        "tiff": encode(noise, "TIFF"),
        "tiff, big end first": b"MM\0*\0\0\0\x08" + JUNK,
        "bmp": encode(noise, "BMP"),
        "ico": encode(noise, "ICO"),
        "ppm": encode(noise, "PPM"),
        "tga": encode(noise, "TGA"),
        "psd": b"8BPS\0\1" + JUNK,
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0" + JUNK,
        "avif": b"\0\0\0\x1cftypavif\0\0\0\0" + JUNK,
        "mp4": b"\0\0\0\x20ftypisom\0\0\2\0" + JUNK,
        "webm": b"\x1aE\xdf\xa3" + JUNK,
        "wav": b"RIFF\x24\0\0\0WAVEfmt " + JUNK,
        "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + JUNK,
        "jpeg xl": b"\xff\x0a" + JUNK,
        "fits": b"SIMPLE  =                    T" + bytes(50),
        "hdf5": b"\x89HDF\r\n\x1a\n" + JUNK,
        "elf": b"\x7fELF\2\1\1" + JUNK,
        "exe": b"MZ\x90\0" + JUNK,
        "pickle": pickle.dumps({"a": 1}),
        "npy": b"\x93NUMPY\1\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    }


def _disguised() -> dict[str, bytes]:
    whole = good()
    return {
        "zip before a jpeg": _zip() + whole["jpeg"],
        "page before a gif": b"<html><!--" + whole["gif"],
        "pdf before a jpeg": b"%PDF-1.4\n" + whole["jpeg"],
        "space before a png": b" " + whole["png"],
        "script as gif": b"GIF89a/*" + b" " * 20 + b"*/=1;alert(document.cookie)//;",
        "php as jpeg": b"\xff\xd8\xff\xe0<?php system($_GET['c']); ?>",
        "png as text mode sent it": whole["png"].replace(b"\r\n", b"\n"),
        "webp as webm": b"RIFF\xff\xff\xff\xffWEBM" + JUNK,
        "bmp in an icon": b"\0\0\1\0\1\0" + whole["png"],
    }


def _zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escape.png", b"x")
    return file.getvalue()


def _text_bomb() -> bytes:
    return b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)


def _vp8x(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    image = good()["webp"][12:]
    body = b"WEBP" + b"VP8X" + struct.pack("<II", 10, 0) + canvas + image
    return b"RIFF" + struct.pack("<I", len(body)) + body
