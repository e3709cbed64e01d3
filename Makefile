# Everything one does with a checkout. Needs Python ≥ 3.11, git and make; the rest is set up here.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARGS ?=

BIN := .venv/bin
# Stamps say which lock the environment was made from; a newer lock makes it again.
RUN := .venv/.run
DEV := .venv/.dev
FUZZ := .venv/.fuzz
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --quiet --no-deps --require-hashes

# Source packages whose own tests are made of messages: tests/mail/test_corpora.py reads them where they lie.
SOURCES := $(BIN)/python -m pip --disable-pip-version-check --no-input download --quiet --no-deps --no-binary :all: --require-hashes

.PHONY: help run test check bench fuzz format style types docs screenshots lock clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || grep '##' Makefile

run: $(RUN) ## set up and run the demonstration; ARGS=--once ends by itself
	@$(BIN)/python cli.py demo $(ARGS)

test: $(DEV) ## set up everything, test servers and browser included, and run the whole suite
	@.ci/packages test
	@$(BIN)/python -m pytest -n 2 $(ARGS)

check: style types docs test ## format, lint, types, docs, then the whole suite: what .ci/run calls

bench: $(DEV) ## the benchmark, with the peers that are installed; prints ratios measured in one run
	@$(BIN)/python bench/run.py $(ARGS)

fuzz: $(FUZZ) ## coverage-guided fuzzing of the mail room; ARGS="mime 3600": target (mime, page, head) and seconds
	@nice -n 19 $(BIN)/python -m tests.fuzz.run $(ARGS)

format: $(DEV) ## put the code into its one form
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

style: $(DEV) ## format and lint
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

types: $(DEV) ## strict types
	@$(BIN)/mypy --no-error-summary

docs: $(DEV) ## what the documents say is there
	@$(BIN)/python -m pytest -q -p no:randomly tests/test_docs.py tests/test_architecture.py

screenshots: $(DEV) ## make the pictures of every page and state anew (docs/pages)
	@$(BIN)/python -m tests.web.screenshots

lock: $(DEV) ## write the locks anew from pyproject.toml; UPGRADE=--upgrade takes newer versions
	@$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) -o requirements/run.lock pyproject.toml
	@$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) -o requirements/dev.lock pyproject.toml --group dev -c requirements/run.lock
	@$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) -o requirements/fuzz.lock --group fuzz
	@$(BIN)/uv pip compile --quiet $(UPGRADE) $(LOCK) --no-deps -o requirements/corpus.lock --group corpus

LOCK := --generate-hashes --no-header --no-annotate --no-emit-index-url --universal --python-version 3.11

clean: ## forget everything that was made here, except var/, which may hold people's choices
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; name it with: make PYTHON=/path/to/python3" >&2; exit 1; }
	@PYTHON=$(PYTHON) .ci/packages venv
	@$(PYTHON) -m venv .venv

$(RUN): requirements/run.lock | $(BIN)/python
	@echo "Setting up .venv (once)" >&2
	@$(PIP) -r requirements/run.lock
	@touch $@

$(DEV): requirements/dev.lock requirements/corpus.lock $(RUN)
	@echo "Setting up the tools for tests (once)" >&2
	@$(PIP) -r requirements/dev.lock
	@$(SOURCES) -r requirements/corpus.lock -d .venv/corpus
	@touch $@

$(FUZZ): requirements/fuzz.lock $(DEV)
	@echo "Setting up the fuzzer (once)" >&2
	@$(PIP) -r requirements/fuzz.lock
	@touch $@
