# Everything a person types here. `make` alone lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help setup peers demo test package check check-form check-lint check-types check-imports check-tests bench faults docs translations lock clean

export PYTHON
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
LOCK := uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
        --no-emit-index-url --no-header --no-annotate pyproject.toml

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## */\1\t/' | expand -t 14

setup:  ## make .venv/bin/tolmach (Python >= 3.11; quick when nothing changed)
	@scripts/setup.sh

peers:  ## install DCMTK, Orthanc and what the fault tests need, where this user may
	@scripts/install_peers.sh

demo: setup  ## the main job on spoiled files, before and after; ONCE=1 ends by itself
	@$(BIN)/tolmach demo $(if $(filter-out 0,$(ONCE)),--once)

test: setup peers  ## everything, slow parts and real peers included (under 20 minutes)
	@$(PYTEST) -n 3 --dist loadfile tests </dev/null

check: setup  ## every gate and the fast tests (under a minute)
	@$(MAKE) --keep-going check-form check-lint check-types check-imports check-tests
check-form:
	@$(BIN)/ruff format --check .
check-lint:
	@$(BIN)/ruff check --quiet .
check-types:
	@$(BIN)/mypy
check-imports:
	@$(BIN)/lint-imports --no-logo
check-tests:
	@$(PYTEST) -q -n 2 -m "not slow" tests/architecture tests/unit </dev/null

package: setup  ## build the program that needs no Python into dist/, and try it out (about three minutes)
	@$(BIN)/python -m scripts.package
	@$(PYTEST) -q tests/packaging/built.py </dev/null

bench: setup  ## measure against the peers, ratios in one run (BENCH="text delivery" chooses)
	@$(BIN)/python -m benchmarks $(BENCH)

faults: setup peers  ## kills, power cuts, full disks, bad peers: the long form (root, about two hours)
	@$(BIN)/python -m tests.faults $(or $(FAULTS),--kills 1000 --cuts 200 --crashpoints all --modes 200 --queued 10000 --out docs/reliability-results.md)

docs: setup  ## write the generated pages anew
	@$(BIN)/python scripts/generate_docs.py

translations: setup  ## bring the catalogues in step with the code, and compile them
	@$(BIN)/python scripts/translations.py update
	@$(BIN)/python scripts/translations.py compile

lock:  ## choose the newest allowed versions and write requirements/*.txt (needs uv)
	@$(LOCK) --output-file requirements/runtime.txt
	@$(LOCK) --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
	@$(LOCK) $(foreach extra,desktop postgres s3 pixels service build,--extra $(extra)) \
		--constraint requirements/dev.txt --output-file requirements/package.txt

clean:  ## remove everything that was made here
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist tolmach-demo
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
