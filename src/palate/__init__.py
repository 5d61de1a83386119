"""Palate learns a person's taste from a few pictures and steers open image models by it.

Names below are imported when asked for, so that `import palate` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    steering: Any  # imports nothing: its module stands above all others
    from palate.errors import PalateError as PalateError
    from palate.types import Example as Example
    from palate.types import Picture as Picture
    from palate.types import Profile as Profile
    from palate.types import Request as Request
    from palate.types import Taste as Taste

_HOME = {
    "Example": "palate.types",
    "PalateError": "palate.errors",
    "Picture": "palate.types",
    "Profile": "palate.types",
    "Request": "palate.types",
    "Taste": "palate.types",
    "steering": "palate.pipelines",
}

__version__ = "0.1.0"
__all__ = [
    "Example",
    "PalateError",
    "Picture",
    "Profile",
    "Request",
    "Taste",
    "__version__",
    "steering",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"palate has no {name!r}. It has: {', '.join(__all__)}.")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
