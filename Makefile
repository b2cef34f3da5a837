# Two commands matter: `make run` and `make test`. Each makes what it needs, once.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN_READY := $(VENV)/.ready-run
TEST_READY := $(VENV)/.ready-test
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help run test lint types check system-deps clean

help: ## what there is to type
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: $(RUN_READY) ## train `combined` on the main task and show its scores
	$(BIN)/python -m benchmark.run --method combined --results runs/results

test: $(TEST_READY) system-deps lint types ## lint, types, tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

lint: $(TEST_READY) ## style, by ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_READY) ## types, by mypy
	$(BIN)/mypy

system-deps: ## the FluidSynth library and Chromium, by apt or brew, if they are not there yet
	@$(PYTHON) -c 'import ctypes.util, sys; sys.exit(not ctypes.util.find_library("fluidsynth"))' || { \
		root=$$( [ "$$(id -u)" = 0 ] || echo 'sudo -n' ); \
		if command -v apt-get >/dev/null; then \
			{ $$root apt-get -qq update && $$root apt-get -qq install -y --no-install-recommends libfluidsynth3; } >/dev/null 2>&1; \
		elif command -v brew >/dev/null; then brew install --quiet fluid-synth; \
		else false; fi; } || \
		{ echo "FluidSynth is missing and could not be installed: install libfluidsynth3 (Debian, Ubuntu)," \
			"fluidsynth-libs (Fedora) or fluid-synth (Homebrew), then run make test again" >&2; exit 1; }
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
		root=$$( [ "$$(id -u)" = 0 ] || echo 'sudo -n' ); \
		if command -v apt-get >/dev/null; then \
			{ $$root apt-get -qq update && $$root apt-get -qq install -y --no-install-recommends chromium; } >/dev/null 2>&1; \
		elif command -v brew >/dev/null; then brew install --quiet --cask chromium; \
		else false; fi; } || \
		{ echo "Chromium, which the tests open the report with, is missing and could not be installed: install chromium" \
			"(Debian, Fedora, Homebrew), then run make test again" >&2; exit 1; }

clean: ## remove the environment
	rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "dTones needs Python 3.11 or newer, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "could not make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }

$(RUN_READY): pyproject.toml | $(BIN)/python
	@echo "installing dTones and what it needs into $(VENV) (torch is large: several minutes on a slow line)"
	$(PIP) install --editable .
	@touch $@

$(TEST_READY): pyproject.toml | $(BIN)/python
	@echo "installing dTones with its test tools into $(VENV)"
	$(PIP) install --editable '.[test]'
	@touch $@ $(RUN_READY)
