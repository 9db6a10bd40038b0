# make demo: the embedded study. make test: everything CI runs. Both work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: demo test lint fast bench validate fuzz clean

demo: $(VENV)/.demo
	$(BIN)/augexp demo

test: lint
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fast: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

bench: $(VENV)/.dev
	$(BIN)/python -m tests.tools.bench

validate: $(VENV)/.dev
	$(BIN)/python -m tests.tools.validation

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.tools.fuzz --cases 20000 --typed 300
	$(BIN)/python -m tests.tools.fuzz.folders
	$(BIN)/python -m tests.tools.fuzz.caches
	$(BIN)/python -m tests.tools.fuzz.images
	$(BIN)/python -m tests.tools.moments 100

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[train]'
	@touch $@

$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.demo

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
