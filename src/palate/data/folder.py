"""A taste as a folder: liked/ and disliked/, and what was said about the pictures.

mine/liked/a.png   mine/disliked/b.jpg   mine/metadata.csv (optional, see `metadata`)
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from palate import store
from palate.data.metadata import TABLE, Fault, Words, read_words, write_words
from palate.errors import BadPicture, BadTable, BadTaste
from palate.images import open_picture
from palate.images.decode import ALLOWED
from palate.types import Example, Taste

LIKED = ("liked", "likes")
DISLIKED = ("disliked", "dislikes")
_NO_PICTURES = ("thumbs.db", "desktop.ini")  # and hidden files: systems leave them everywhere
_SHOWN = 5  # faults spelled out in one error; a report has them all
_WANTED = (
    "A taste is a folder with the pictures a person likes in liked/ and, if there are any, those "
    "they dislike in disliked/."
)


@dataclass(frozen=True, kw_only=True)
class FolderReport:
    """What a folder holds: the usable pictures, and every fault as (file, what is wrong)."""

    liked: int
    disliked: int
    with_prompt: int
    with_comment: int
    pixels: int
    problems: tuple[Fault, ...]


def taste_from_folder(path: Path, *, verify: bool = True) -> Taste:
    """Read a taste. With `verify` every picture is opened once; all faults are named together."""
    liked, disliked, faults = _read(path)
    _refuse(BadTable, path, faults, f"Mend {TABLE} and try again.")
    if verify:
        broken = [fault for e in (*liked, *disliked) for fault in _look(path, e)[1]]
        _refuse(BadPicture, path, broken, ALLOWED)
    if not liked:
        raise BadTaste(f"{path} holds no liked picture. {_WANTED}")
    return Taste(liked=liked, disliked=disliked)


def taste_from_piles(likes: Path, dislikes: Path | None = None) -> Taste:
    """Read a taste from a folder of liked pictures and perhaps one of disliked ones.

    Each may have a metadata.csv of its own. `likes` may also be a taste folder, dislikes and all.
    """
    if dislikes is None and any((likes / name).is_dir() for name in LIKED):
        return taste_from_folder(likes)
    liked = _pile(likes)
    if not liked:
        raise BadTaste(f"{likes} holds no picture. Put pictures there that the person likes.")
    return Taste(liked=liked, disliked=_pile(dislikes) if dislikes else ())


def _pile(path: Path) -> tuple[Example, ...]:
    if not path.is_dir():
        what = "is a file, not a folder" if path.exists() else "does not exist"
        raise BadTaste(f"{path} {what}. Give a folder of pictures.")
    names = [n for n in _files(path, (".",)) if n != TABLE and not (path / n).is_dir()]
    words, faults = read_words(path, set(names))
    _refuse(BadTable, path, faults, f"Mend {TABLE} and try again.")
    pile = tuple(_example(path / name, *words.get(name, (None, None))) for name in names)
    _refuse(BadPicture, path, [f for e in pile for f in _look(path, e)[1]], ALLOWED)
    return pile


def report_folder(path: Path) -> FolderReport:
    """Look at everything, and refuse nothing but what is no taste folder at all."""
    liked, disliked, faults = _read(path)
    looks = {e.image: _look(path, e) for e in (*liked, *disliked)}
    fine = [[e for e in pile if not looks[e.image][1]] for pile in (liked, disliked)]
    faults += [fault for _, broken in looks.values() for fault in broken]
    if not fine[0]:
        faults.append((LIKED[0], "holds no picture that can be used"))
    return FolderReport(
        liked=len(fine[0]),
        disliked=len(fine[1]),
        with_prompt=sum(e.prompt is not None for pile in fine for e in pile),
        with_comment=sum(e.comment is not None for pile in fine for e in pile),
        pixels=sum(pixels for pixels, _ in looks.values()),
        problems=tuple(faults),
    )


def write_taste_folder(
    path: Path,
    liked: Sequence[tuple[bytes, str | None]],
    disliked: Sequence[tuple[bytes, str | None]] = (),
) -> None:
    """Write PNG pictures and their prompts as a new folder; it appears whole or not at all."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise BadTaste(f"{path} is there already. Give a new or an empty folder.")
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # left by a run that was killed
    try:
        _write(part, {LIKED[0]: liked, DISLIKED[0]: disliked})
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(folder: Path, piles: dict[str, Sequence[tuple[bytes, str | None]]]) -> None:
    words: Words = {}
    for pile, pictures in piles.items():
        (folder / pile).mkdir(parents=True)
        for number, (png, prompt) in enumerate(pictures):
            name = f"{pile}/{number:04}.png"
            store.write_bytes(folder / name, png)
            words[name] = (prompt, None)
    store.write_bytes(folder / TABLE, write_words(words))


def _read(path: Path) -> tuple[tuple[Example, ...], tuple[Example, ...], list[Fault]]:
    """Liked, disliked, and the faults of the table; no picture has been opened yet."""
    _check_folder(path)
    piles = [_files(path, names) for names in (LIKED, DISLIKED)]
    words, faults = read_words(path, {name for pile in piles for name in pile})
    liked, disliked = (
        tuple(_example(path / name, *words.get(name, (None, None))) for name in pile)
        for pile in piles
    )
    return liked, disliked, faults


def _check_folder(path: Path) -> None:
    if not path.exists():
        raise BadTaste(f"There is no folder {path}. {_WANTED}")
    if not path.is_dir():
        raise BadTaste(f"{path} is a file, not a folder. {_WANTED}")
    if not any((path / name).is_dir() for name in LIKED + DISLIKED):
        raise BadTaste(f"{path} has no liked/ in it. {_WANTED}")


def _files(path: Path, names: Sequence[str]) -> list[str]:
    """What lies in these sub-folders, as liked/a.png, in an order that no file system decides."""
    found = [file for name in names if (path / name).is_dir() for file in (path / name).iterdir()]
    return sorted(file.relative_to(path).as_posix() for file in found if not _is_hidden(file))


def _is_hidden(file: Path) -> bool:
    return file.name.startswith(".") or file.name.lower() in _NO_PICTURES


def _example(image: Path, prompt: str | None, comment: str | None) -> Example:
    return Example(image=image, prompt=prompt, comment=comment)


def _look(path: Path, example: Example) -> tuple[int, list[Fault]]:
    """How many pixels a picture has, and what is wrong with it, if anything."""
    assert isinstance(example.image, Path)
    try:
        height, width, _ = open_picture(example.image, name="It").shape
    except BadPicture as fault:
        what = str(fault).removeprefix("It ").removesuffix(f". {ALLOWED}")
        return 0, [(example.image.relative_to(path).as_posix(), what)]
    return height * width, []


def _refuse(kind: type[Exception], path: Path, faults: Sequence[Fault], advice: str) -> None:
    if not faults:
        return
    shown = "; ".join(f"{file} {what}" for file, what in faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    line = f"In {path}: {shown}{more}."
    raise kind(f"{line if line.isprintable() else ascii(line)[1:-1]} {advice}")
