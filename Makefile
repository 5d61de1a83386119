# Two commands do everything from a fresh clone: `make demo` and `make test`.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/.ready
OUT ?= out

.PHONY: help setup demo test quick check fix bench claims clean

help:
	@echo "make demo    set up, then draw the sample world into $(OUT)/demo"
	@echo "make test    set up, then run every test"
	@echo "make quick   the tests that take seconds"
	@echo "make check   format, lint, types, floors"
	@echo "make fix     format and mend what the linter can"
	@echo "make bench   measure; one JSON line per figure"
	@echo "make claims  what the papers say, put to the test in small: minutes, for every night"
	@echo "make setup   the set-up alone"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Palate needs Python 3.11 or newer; $(PYTHON) is older. Try: make PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $(READY)

setup: $(READY)

demo: setup
	$(BIN)/python examples/demo.py --out $(OUT)/demo

test: setup
	$(BIN)/pytest

quick: setup
	$(BIN)/pytest -m "not slow"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/pyright

fix: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/python -m bench

claims: setup
	$(BIN)/palate claims --budget small --out $(OUT)/claims/small

clean:
	rm -rf .venv $(OUT) .pytest_cache .ruff_cache .hypothesis
