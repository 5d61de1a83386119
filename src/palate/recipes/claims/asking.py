"""Claims put to the test one after another; every answer is a file, so a run stopped goes on."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from palate import store
from palate.errors import BadFile, Mismatch, MissingPart
from palate.recipes.card import processor
from palate.recipes.claims.claim import Budget, Claim, Findings, Found, Verdict, verdict
from palate.recipes.claims.lab import Lab

KIND, VERSION = "palate claim", 1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was asked, what was found, and what it took."""

    claim: str
    budget: Budget
    question: Mapping[str, Any]  # the experiment's settings and the weights it worked with
    verdict: Verdict
    found: tuple[Found, ...] = ()
    notes: tuple[str, ...] = ()  # for what cannot be tested, why
    seconds: float = 0.0  # by the clock
    busy: float = 0.0  # of all processors together, which other work does not lengthen
    made_at: str = ""  # ISO 8601, UTC
    commit: str | None = None
    machine: str = ""

    def save(self, folder: Path) -> None:
        """As folder/CLAIM.json."""
        facts = {**vars(self), "kind": KIND, "version": VERSION}
        facts["found"] = [one.facts() for one in self.found]
        store.write_json(file_of(folder, self.claim), facts)

    @classmethod
    def load(cls, file: Path) -> Answer:
        """As it was saved."""
        try:
            facts = json.loads(file.read_text())
            if facts.pop("kind") != KIND or facts.pop("version") != VERSION:
                raise ValueError("it is of another kind or version")
            found = tuple(Found.of(one) for one in facts.pop("found"))
            return cls(**{**facts, "found": found, "notes": tuple(facts["notes"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadFile(
                f"{file} is no answer to a claim ({error}). Move it away, and ask again."
            ) from None


def answered(
    claims: Sequence[Claim], budget: Budget, lab: Lab, out: Path
) -> Generator[Answer, None, None]:
    """One after another; each is kept as soon as it is known."""
    for claim in claims:
        asked = question(claim, budget, lab)
        answer = kept(out, claim, asked) or _answered(claim, budget, asked, lab)
        answer.save(out)
        yield answer


Asks = Callable[[Sequence[Claim], Budget, Lab, Path], Generator[Answer, None, None]]


def file_of(folder: Path, claim: str) -> Path:
    """Where a claim's answer lies."""
    return folder / f"{claim}.json"


def question(claim: Claim, budget: Budget, lab: Lab) -> dict[str, Any]:
    """All that an answer depends on, as JSON gives it back."""
    experiment = claim.experiment(budget)
    settings: Any = asdict(experiment)  # type: ignore[call-overload]  # they are dataclasses
    asked = {"experiment": type(experiment).__name__, "settings": settings}
    return json.loads(json.dumps(asked | {"weights": lab.marks(experiment.needs)}))


def ask(
    claims: Sequence[Claim],
    budget: Budget,
    lab: Lab,
    out: Path,
    on_answer: Callable[[int, Answer], None] = lambda number, answer: None,
    by: Asks = answered,
) -> list[Answer]:
    """Answers to all, from the folder where the same was asked before."""
    check_folder(out, budget)
    found: dict[str, Answer] = {}
    with store.Lock(out), closing(by(claims, budget, lab, out)) as answers:
        for number, answer in enumerate(answers, 1):
            found[answer.claim] = answer
            on_answer(number, answer)
    return [found[claim.name] for claim in claims]


def answers_in(folder: Path) -> list[Answer]:
    """All there are, by name."""
    return [Answer.load(file) for file in sorted(folder.glob("*.json"))]


def check_folder(folder: Path, budget: Budget) -> None:
    """Refuse a folder with answers of another budget: a page of both would compare them."""
    for answer in answers_in(folder):
        if answer.budget != budget:
            raise Mismatch(
                f"{folder} holds answers of the {answer.budget} budget, and the {budget} one is "
                "asked for. Give another folder with --out."
            )


def kept(folder: Path, claim: Claim, asked: Mapping[str, Any]) -> Answer | None:
    """The answer to exactly this question, if there is one."""
    file = file_of(folder, claim.name)
    if not file.is_file():
        return None
    answer = Answer.load(file)
    return answer if answer.question == asked and answer.verdict != "not testable here" else None


def _answered(claim: Claim, budget: Budget, asked: Mapping[str, Any], lab: Lab) -> Answer:
    experiment = claim.experiment(budget)
    began, worked = time.perf_counter(), time.process_time()
    missing = lab.missing(experiment.needs)
    told: Findings | str = lacking(missing) if missing else ""
    if not missing:
        try:
            told = experiment.run(lab)
        except MissingPart as error:
            told = str(error)
    about: dict[str, Any] = {
        "claim": claim.name,
        "budget": budget,
        "question": asked,
        "seconds": round(time.perf_counter() - began, 1),
        "busy": round(time.process_time() - worked, 1),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": processor(),
    }
    if isinstance(told, str):
        return Answer(**about, verdict="not testable here", notes=(told,))
    return Answer(**about, verdict=verdict(told.found), found=told.found, notes=told.notes)


def lacking(names: Sequence[str]) -> str:
    """What a claim that cannot be tested needs."""
    said = " and ".join(names)
    return (
        f"Not testable here: needs {said}. Train with `palate train {names[0]}`, or give a folder: "
        f"--weights {names[0]}=FOLDER."
    )


def commit() -> str | None:
    """The commit this code is at, with a + if it was changed since; None outside a repository."""
    here = Path(__file__).parents[2]
    commands = (["git", "rev-parse", "--short", "HEAD"], ["git", "status", "--porcelain", "."])
    try:
        runs = [subprocess.run(c, capture_output=True, text=True, cwd=here) for c in commands]
    except OSError:
        return None
    if any(run.returncode for run in runs):
        return None
    return runs[0].stdout.strip() + ("+" if runs[1].stdout.strip() else "")
