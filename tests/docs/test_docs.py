"""What the documents say to type is there to be typed."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from palate.cli import app
from palate.recipes.table import RECIPES

DOCUMENTS = [Path("README.md"), Path("CONTRIBUTING.md"), *sorted(Path("docs").glob("*.md"))]
LINES = [
    line.split("   ")[0]
    for document in DOCUMENTS
    for line in document.read_text().splitlines()
    if line.startswith("palate ")
]


def _command(words: list[str]):
    """The command a line names, and the words that are left for it."""
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    return command, words


def test_the_readme_shows_commands():
    assert len(LINES) >= 8


@pytest.mark.parametrize("line", LINES)
def test_a_command_that_is_shown_exists_with_its_options(line):
    command, words = _command(shlex.split(line)[1:])
    assert not hasattr(command, "commands"), f"{line!r} stops at a group of commands"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if re.match(r"--?[a-z]", word)} <= known
    if command.name == "train":
        assert words[0] in (*RECIPES, "all")


def test_every_link_within_the_repository_leads_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if "://" not in target:
                assert (document.parent / target).exists(), f"{document} links to {target}"


def test_every_target_of_make_is_in_its_help():
    text = Path("Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.+)$", text, re.M)
    assert targets
    for target in targets[1].split():
        assert target in ("help", "clean") or f"make {target} " in text


def test_the_changelog_knows_every_command():
    changelog = Path("CHANGELOG.md").read_text()
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f"palate {name}" in changelog or f"| {name}" in changelog, name
