"""What is measured, in the order it is told, and which end is the good one."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number of each way, or the mean of one a picture."""

    title: str
    says: str
    up: bool = True  # more is better
    percent: bool = False
    places: int = 2  # shown behind the point, where it is no percentage
    paired: bool = True  # has a number for each picture, so that two ways go picture by picture


METRICS = MappingProxyType({
    "taste": Metric(
        title="taste", percent=True,
        says="the share of all looks that the person likes less than what the judge sees",
    ),
    "content": Metric(
        title="content", percent=True, says="the picture shows what the prompt names",
    ),
    "wins": Metric(
        title="fits better than plain", percent=True, paired=False,
        says="the picture pleases its person more than plain's of the same prompt and seed; "
        "equal ones count half",
    ),
    "mood": Metric(
        title="mood", percent=True,
        says="the picture has the mood that most liked pictures of its person have",
    ),
    "style": Metric(
        title="style loss", up=False, places=3,
        says="how far textures are from the liked pictures' (Gram matrices of the judge's layers)",
    ),
    "clip-i": Metric(
        title="CLIP-I", places=1, says="how like the liked pictures it is, to the CLIP",
    ),
    "clip-t": Metric(
        title="CLIP-T", places=1,
        says="how well it goes with the original prompt, to the CLIP",
    ),
    "prefdisc": Metric(
        title="PREFDISC", percent=True,
        says="how surely the reader, told what the person liked and disliked, calls it liked",
    ),
    "prefdisc-own": Metric(
        title="PREFDISC, own", percent=True,
        says="how much more surely than when it was told of another person: what pleases everybody "
        "is 0",
    ),
    "csd": Metric(
        title="CSD", places=1, says="how like the liked pictures its style is, to CSD",
    ),
    "dino": Metric(
        title="DINO-I", places=1, says="how like the liked pictures it is, to DINOv2",
    ),
    "lpips": Metric(
        title="LPIPS", up=False, places=3,
        says="how far it is from the same prompt drawn as its person likes it",
    ),
    "vgg-style": Metric(
        title="VGG style loss", up=False, places=1,
        says="how far its textures are from that picture's (Gram matrices of VGG-16's layers)",
    ),
    "viper": Metric(
        title="ViPer score", percent=True,
        says="how surely ViPer's reader, told what the person liked and disliked, likes it",
    ),
    "viper-rate": Metric(
        title="ViPer rate", percent=True, paired=False,
        says="that score is above plain's of the same prompt and seed; equal ones count half",
    ),
    "pickscore": Metric(
        title="PickScore", says="how well it answers its prompt, to people who chose pictures",
    ),
    "hpsv2": Metric(title="HPSv2", places=4, says="the same, by the choices of HPDv2"),
    "hpsv2.1": Metric(title="HPSv2.1", places=4, says="the same, by more of them"),
    "imagereward": Metric(title="ImageReward", says="the same, by experts' rankings"),
    "top-1": Metric(
        title="whose: top 1", percent=True,
        says="the person it was made for is the nearest of all, by their liked pictures",
    ),
    "top-16": Metric(
        title="whose: top 16", percent=True, says="… is among the sixteen nearest",
    ),
    "fid": Metric(
        title="FID", up=False, paired=False,
        says="Fréchet distance to liked pictures that nobody was shown, by Inception",
    ),
    "kid-inception": Metric(
        title="KID (Inception)", up=False, paired=False, places=4,
        says="MMD² to the same, cubic kernel, by Inception",
    ),
    "fd": Metric(
        title="FD", up=False, paired=False,
        says="Fréchet distance to liked pictures that nobody was shown",
    ),
    "cmmd": Metric(
        title="CMMD", up=False, paired=False, says="1000 MMD² to the same, Gaussian kernel",
    ),
    "kid": Metric(
        title="KID", up=False, paired=False, places=4, says="MMD² to the same, cubic kernel",
    ),
    "diversity": Metric(
        title="diversity", paired=False, places=3,
        says="how unlike one person's pictures are, to the CLIP",
    ),
    "copying": Metric(
        title="copies", up=False, percent=True, paired=False,
        says="nearer to a shown picture than shown pictures are to each other",
    ),
    "seconds": Metric(
        title="seconds a picture", up=False, paired=False,
        says="time to make one, eight riding together",
    ),
    "reading": Metric(
        title="seconds a person", up=False, paired=False, says="time to read a person, once",
    ),
})  # fmt: skip
FIRST = ("taste", "content")  # named beforehand: what the question is about; the rest is to look at
GROUPS = MappingProxyType({
    "Does it fit, and is it what was asked for": ("taste", "wins", "content", "mood"),
    "How like the liked pictures, and like the prompt": (
        "style", "clip-i", "clip-t", "prefdisc", "prefdisc-own",
    ),
    "Whose it is, and how free": ("top-1", "top-16", "diversity", "copying"),
    "In the eyes of others": (
        "csd", "dino", "lpips", "vgg-style", "viper", "viper-rate", "pickscore", "hpsv2", "hpsv2.1",
        "imagereward",
    ),
    "All pictures together, and the time they take": (
        "fid", "kid-inception", "fd", "cmmd", "kid", "seconds", "reading",
    ),
})  # fmt: skip
