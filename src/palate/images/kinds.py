"""What a file is, told by its first bytes and never by its name."""

from __future__ import annotations

_ACCEPTED = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)

# Not accepted, but common enough to be called by name: people learn what to convert.
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript drawing"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"II+\0", "a TIFF picture"),
    (b"8BPS", "a Photoshop picture"),
    (b"BM", "a BMP picture"),
    (b"\0\0\1\0", "a Windows icon"),
    (b"icns", "a macOS icon"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"qoif", "a QOI picture"),
    (b"SIMPLE  =", "a FITS picture"),
    (b"DDS ", "a DDS texture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PK\3\4", "a ZIP archive"),
    (b"PK\5\6", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
    (b"\x80\2", "a Python pickle"),
    (b"\x80\4", "a Python pickle"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"ID3", "a sound file"),
)

_BRANDS = {b"avif": "an AVIF picture", b"avis": "an AVIF picture"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"mif1", b"msf1"), "a HEIC photo"
)


def kind_of(data: bytes) -> str | None:
    """One of JPEG, PNG, WEBP, GIF; None if it is none of them."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return next((kind for magic, kind in _ACCEPTED if data.startswith(magic)), None)


def describe(data: bytes) -> str:
    """What it is instead, in words for a person."""
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], "a video")
    if data[:4] == b"RIFF":
        return "a sound or video file"
    known = next((what for magic, what in _FOREIGN if data.startswith(magic)), None)
    return known or _markup(data[:4096]) or "no picture we know"


def _markup(start: bytes) -> str | None:
    """Drawings, pages and plain text have no magic number."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<") and b"<svg" in text:
        return "an SVG drawing"
    if text.startswith((b"<!doctype html", b"<html", b"<script")):
        return "an HTML page"
    readable = text and all(32 <= byte < 127 or byte in b"\t\n\r\f" for byte in text)
    return "a text file" if readable else None
