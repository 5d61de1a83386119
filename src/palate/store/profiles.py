"""Profiles as files: what one method understood of one person, readable without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from palate.errors import BadFile
from palate.store.tensors import check_kind, content_fingerprint, load, save
from palate.types import Mark, Profile, Word

KIND, VERSION = "profile", 1


def save_profile(path: Path, profile: Profile) -> str:
    """Write a profile (`*.palate.safetensors`); its fingerprint comes back."""
    return save(path, profile.tensors, kind=KIND, config=_config(profile), version=VERSION)


def load_profile(path: Path) -> Profile:
    """The profile as it was saved, bit for bit."""
    found, tensors = load(path, kind=KIND, newest=VERSION)
    return _profile(path, found.config, tensors)


def read_profile_header(path: Path) -> Profile:
    """The profile without its tensors; needs no torch."""
    return _profile(path, check_kind(path, KIND, VERSION).config, {})


def profile_fingerprint(profile: Profile) -> str:
    """Which profile it is, whenever it was made."""
    return content_fingerprint(KIND, _config(profile), profile.tensors)


def _config(profile: Profile) -> dict[str, Any]:
    return {
        "method": vars(profile.method),
        "backbone": vars(profile.backbone),
        "reader": profile.reader and vars(profile.reader),
        "words": [_told(word) for word in profile.words],
        "liked": profile.liked,
        "disliked": profile.disliked,
        "made_at": profile.made_at,
    }


def _profile(path: Path, config: Mapping[str, Any], tensors: dict[str, Any]) -> Profile:
    try:
        return Profile(
            method=_mark(config["method"]),
            backbone=_mark(config["backbone"]),
            reader=None if config["reader"] is None else _mark(config["reader"]),
            tensors=tensors,
            words=tuple(_word(word) for word in config["words"]),
            liked=_is(config["liked"], int),
            disliked=_is(config["disliked"], int),
            made_at=_is(config["made_at"], str),
        )
    except (KeyError, TypeError) as error:
        raise BadFile(
            f"{path} is damaged: what it says about the profile cannot be read ({error}). Get it "
            "again, or make it anew."
        ) from None


def _mark(value: Any) -> Mark:
    return Mark(name=_is(value["name"], str), fingerprint=_is(value["fingerprint"], str))


def _told(word: Word) -> dict[str, Any]:
    """Without evidence where there is none: such profiles keep the fingerprint they had."""
    return {name: value for name, value in vars(word).items() if name != "evidence" or value}


def _word(value: Any) -> Word:
    return Word(
        text=_is(value["text"], str),
        weight=_is(value["weight"], float, int),
        category=_is(value["category"], str),
        evidence=_is(value.get("evidence", ""), str),
    )


def _is(value: Any, *types: type) -> Any:
    if type(value) not in types:
        raise TypeError(f"{value!a} is no {types[0].__name__}")
    return value
