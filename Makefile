# Every target makes the environment when it is missing or pyproject.toml changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed


.PHONY: help demo test test-cluster test-browser test-versions bench check fmt docs clean
.DEFAULT_GOAL := help

help: ## Show this list.
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

demo: $(STAMP) ## Measure a small sweep on this machine and print its report.
	$(BIN)/ray-bench run demo --results demo-results

# Tests that start ranks or look at a clock have the machine for themselves; the others share it.
WITH_RANKS = $(wildcard $(addprefix tests/,attach benchmarks launch measure sweep train workloads))

test: $(STAMP) ## Run the tests that need neither a cluster nor a GPU.
	$(BIN)/pytest $(WITH_RANKS)
	$(BIN)/pytest -n 2 $(WITH_RANKS:%=--ignore=%)

test-cluster: $(STAMP) ## Run the tests that start a Ray cluster on this machine.
	$(BIN)/pytest -m "cluster and not slow"

test-browser: $(STAMP) ## Run the tests that look at the report in headless Chromium.
	$(BIN)/pytest -m browser

test-versions: $(STAMP) ## Try every bound of Ray, torch and Python in an environment of its own: 20 GB, an hour.
	$(BIN)/python -m tests.versions.run

# Interleaved turns of about a second each. Quiet machine, no other jobs: about 20 minutes on 2 cores.
BENCH_OUT ?= bench-results
BENCH = $(BIN)/python -m benchmarks
BENCH_DATA = $(if $(DATA),--data-dir $(DATA))

bench: $(STAMP) ## Measure what ray_bench costs and gains on this CPU; DATA=DIR takes real data, CURVES=FILE published curves.
	$(BENCH).store --save $(BENCH_OUT)
	$(BENCH).sweeps --rounds 5 --save $(BENCH_OUT)
	$(BENCH).report --rounds 3 --save $(BENCH_OUT)
	$(BENCH).startup --repeats 2 --save $(BENCH_OUT)
	$(BENCH).instruments --rounds 10 --phase-steps 12 --save $(BENCH_OUT) $(BENCH_DATA)
	$(BENCH).parity --rounds 10 --save $(BENCH_OUT) $(BENCH_DATA)
	$(BENCH).attach --save $(BENCH_OUT)
	$(BENCH).agreement --save $(BENCH_OUT)
	$(BENCH).naive --rounds 3 --save $(BENCH_OUT) $(BENCH_DATA)
	$(if $(CURVES),$(BENCH).extrapolation --format md $(CURVES) > $(BENCH_OUT)/extrapolation.md)

check: $(STAMP) ## Check format, lint, types and generated pages.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m ray_bench.cli.docs --check

fmt: $(STAMP) ## Format and fix what can be fixed.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) ## Write docs/cli.md and docs/report.schema.json.
	$(BIN)/python -m ray_bench.cli.docs

clean: ## Remove caches and builds; the environment and results stay.
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find ray_bench tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "error: $(PYTHON) is not there; name another: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: Python 3.11 or newer is needed, $(PYTHON) is" \
	    "$$($(PYTHON) -V 2>&1); name another: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Compiled at once: a run starts many processes, and importing torch and Ray from source takes each of
# them twice as long. (uv leaves it out where PYTHONDONTWRITEBYTECODE is set.)
$(STAMP): pyproject.toml | $(BIN)/python
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; then \
	  env -u PYTHONDONTWRITEBYTECODE $(BIN)/uv pip install --quiet --compile-bytecode \
	    --python $(BIN)/python --group dev -e .; \
	else \
	  echo "uv is not to be had; installing with pip, which takes longer" >&2; \
	  $(BIN)/python -m pip install --quiet --upgrade pip && \
	  $(BIN)/python -m pip install --quiet --group dev -e .; \
	fi
	@touch $@
