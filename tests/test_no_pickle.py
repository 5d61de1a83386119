"""No code path of ours unpickles: a pickle runs whatever its author wrote."""

import ast
from pathlib import Path

import pytest

import palate

ROOT = Path(palate.__file__).parent
FORBIDDEN = {"torch": {"load"}, "pickle": {"load", "loads", "Unpickler"}, "joblib": {"load"}}
FORBIDDEN |= {"dill": {"load", "loads"}, "cloudpickle": {"load", "loads"}, "marshal": {"loads"}}


def unpickling(tree: ast.AST) -> list[str]:
    """Every use of a loader that can run code, as `line: what`."""
    modules = {}  # local name -> module
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {name.asname or name.name: name.name for name in node.names}
    return [use for node in ast.walk(tree) for use in _uses(node, modules)]


def _uses(node: ast.AST, modules: dict[str, str]) -> list[str]:
    found = []
    if isinstance(node, ast.ImportFrom):
        taken = {name.name for name in node.names} & FORBIDDEN.get(node.module or "", set())
        found = [f"{node.module}.{name}" for name in taken]
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        module = modules.get(node.value.id, node.value.id)
        found = [f"{module}.{node.attr}"] * (node.attr in FORBIDDEN.get(module, ()))
    elif isinstance(node, ast.keyword):
        # weights_only belongs to torch.load, whatever name that was given
        allowed = node.arg == "allow_pickle" and not _says(node, False)
        found = [str(node.arg)] * (allowed or node.arg == "weights_only")
    return [f"{getattr(node, 'lineno', 0)}: {use}" for use in found]


def _says(node: ast.keyword, value: object) -> bool:
    return isinstance(node.value, ast.Constant) and node.value.value is value


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda f: str(f.relative_to(ROOT)))
def test_nothing_is_unpickled(file):
    assert not unpickling(ast.parse(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.load(path)",
        "import torch as t\nloader = t.load",
        "from torch import load",
        "import pickle\npickle.loads(b'')",
        "from pickle import Unpickler as U",
        "import joblib\njoblib.load(p)",
        "np.load(p, allow_pickle=True)",
        "np.load(p, allow_pickle=flag)",
    ],
)
def test_the_search_finds(code):
    assert unpickling(ast.parse(code))


@pytest.mark.parametrize("code", ["import json\njson.loads(s)", "np.load(p, allow_pickle=False)"])
def test_the_search_leaves_the_rest_alone(code):
    assert not unpickling(ast.parse(code))
