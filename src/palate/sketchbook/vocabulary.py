"""What the drawn world is made of: subjects, relations, twelve dimensions of taste, moods.

A prompt names the content (subjects and their relation). Everything else is a matter of taste: one
value in each of twelve dimensions, fifty values in all. A picture's *look* is its twelve values.
"""

from __future__ import annotations

from types import MappingProxyType

SUBJECTS = (
    "house",
    "tree",
    "fish",
    "boat",
    "flower",
    "mountain",
    "cup",
    "car",
    "bird",
    "castle",
    "cat",
    "lighthouse",
)

RELATIONS = ("left of", "right of", "above")

# Dimension -> its values. The words are what captions say, and each belongs to one dimension only.
DIMENSIONS = MappingProxyType(
    {
        "palette": ("warm", "cool", "pastel", "neon", "earthy", "monochrome", "jewel", "sepia"),
        "medium": ("flat", "ink", "watercolor", "pointillist", "hatched", "pixel"),
        "backdrop": ("plain", "gradient", "hills", "stripes"),
        "light": ("noon", "dusk", "night", "spotlight"),
        "framing": ("mid shot", "close-up", "wide shot"),
        "ornament": ("clear air", "rain", "snow", "leaves", "sparkles"),
        "border": ("borderless", "thin frame", "wide mat", "round vignette"),
        "outline": ("no outline", "fine outline", "bold outline"),
        "shape": ("rounded", "angular", "wobbly"),
        "texture": ("smooth", "grain", "paper", "canvas"),
        "contrast": ("even contrast", "low contrast", "high contrast"),
        "tilt": ("level", "leaning left", "leaning right"),
    }
)

SIZES = tuple(len(values) for values in DIMENSIONS.values())  # 8 6 4 4 3 5 4 3 3 4 3 3
VALUES = tuple((d, v) for d, values in DIMENSIONS.items() for v in values)  # all fifty, in order
OFFSETS = tuple(sum(SIZES[:i]) for i in range(len(SIZES)))  # where each dimension starts in VALUES

# The four keyword categories of Instant Preference Alignment, mapped onto the drawn world.
CATEGORIES = MappingProxyType(
    {
        "artistic_style": ("medium", "outline", "shape", "texture"),
        "emotion_atmosphere": ("mood", "light", "ornament"),
        "thematic": ("subject", "backdrop"),
        "visual_elements": ("palette", "contrast", "framing", "border", "tilt"),
    }
)

MOODS = ("calm", "cheerful", "gloomy", "dramatic", "dreamy", "nostalgic")

# Votes for a mood by value; the mood of a look is the one with most votes, ties to the first.
MOOD_VOTES = MappingProxyType(
    {
        "cool": {"calm": 2, "gloomy": 1},
        "warm": {"cheerful": 2},
        "pastel": {"dreamy": 2, "calm": 1},
        "neon": {"cheerful": 1, "dramatic": 2},
        "earthy": {"calm": 2, "nostalgic": 1},
        "monochrome": {"gloomy": 2, "dramatic": 1},
        "jewel": {"dramatic": 2},
        "sepia": {"nostalgic": 4},
        "noon": {"cheerful": 2, "calm": 1},
        "dusk": {"nostalgic": 2, "dreamy": 1},
        "night": {"gloomy": 1, "dreamy": 2},
        "spotlight": {"dramatic": 3},
        "rain": {"gloomy": 3},
        "snow": {"calm": 2},
        "leaves": {"nostalgic": 2},
        "sparkles": {"dreamy": 2, "cheerful": 1},
        "low contrast": {"calm": 1, "dreamy": 1},
        "high contrast": {"dramatic": 2},
    }
)
