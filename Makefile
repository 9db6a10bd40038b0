# make demo: the embedded study. make test: everything CI runs. Both work on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
MINUTES ?= 30
BIN := $(VENV)/bin

.PHONY: demo test lint fast bench docs validate fuzz clean

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

docs: $(VENV)/.dev
	$(BIN)/mkdocs build --strict

validate: $(VENV)/.dev
	$(BIN)/python -m tests.tools.validation

fuzz: $(VENV)/.dev
	$(BIN)/python -m tests.tools.fuzz --minutes $(MINUTES)

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
