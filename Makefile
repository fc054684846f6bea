# Every target installs what it needs by itself; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c '' 2>/dev/null && { command -v $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Nothing of ours, and nothing that we use, calls home.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
export DAGSTER_DISABLE_TELEMETRY := yes
# Found by name: dbt is started from the environment that make installs.
export PATH := $(CURDIR)/$(BIN):$(PATH)

DEMO_HOME := .candor/demo
DEMO_PEOPLE ?= 10000
DEMO_SEED ?= 7

PACKAGES := audiences identifiers identity ingestion measurement orchestration personalization prediction privacy sample settings warehouse

.PHONY: help install demo ui test lint types contracts unit docs bench trials lock sbom clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

install: $(INSTALLED) ## install Candor and its tools from the lock into .venv

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Candor needs Python 3.11, 3.12 or 3.13 and found no python3: install one, or run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); ok or sys.exit("Candor needs Python 3.11, 3.12 or 3.13; $(PYTHON) is " + sys.version.split()[0] + ": run make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || "$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	$(BIN)/python -W ignore -m orchestration.manifest
	@touch $(INSTALLED)

demo: $(INSTALLED) ## make a sample company, run everything on it, erase one person
	$(BIN)/candor demo --people $(DEMO_PEOPLE) --seed $(DEMO_SEED) --home $(DEMO_HOME)

ui: $(INSTALLED) ## open the Dagster UI on the demo's data home
	$(BIN)/candor ui --home $(DEMO_HOME)

test: $(INSTALLED) ## everything that CI runs
	@$(MAKE) --no-print-directory -j 2 lint types contracts
	@$(MAKE) --no-print-directory unit

lint: $(INSTALLED) ## style and spelling
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell $(PACKAGES) dbt_project config docs README.md CONTRIBUTING.md CHANGELOG.md
	$(BIN)/validate-pyproject pyproject.toml

types: $(INSTALLED) ## mypy --strict on our packages
	$(BIN)/mypy

contracts: $(INSTALLED) ## who may import whom
	$(BIN)/lint-imports

unit: $(INSTALLED)
	$(BIN)/python -m pytest -q -n 2 --dist loadscope --no-loadscope-reorder --durations=40 --durations-min=5

docs: $(INSTALLED) ## the reference pages, and the pages of the dbt project in dbt_project/target
	$(BIN)/python -m orchestration.docs
	$(BIN)/dbt --quiet docs generate --static --empty-catalog --project-dir dbt_project --profiles-dir dbt_project --target-path target --log-path dbt_project/target

bench: $(INSTALLED) ## ratios against a named reference in the same run
	$(BIN)/python -m benchmarks

trials: $(INSTALLED) ## long trials: kills at random moments
	$(BIN)/python -m pytest -q tests/trials --trials=full

lock: ## resolve requirements.lock anew (hashes, all supported Pythons)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -o requirements.lock

sbom: $(INSTALLED) ## candor.cdx.json (CycloneDX): all that the lock pins, tools of development too
	$(BIN)/python .ci/sbom.py > candor.cdx.json

clean: ## remove the demo's data home and caches; the environment stays
	rm -rf $(DEMO_HOME) .mypy_cache .ruff_cache .pytest_cache dbt_project/target
