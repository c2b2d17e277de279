# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= digits-svm
OPTIONS ?=

# One numerical thread a process: two test processes that fight for two cores take ten times as long.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.PHONY: venv demo test test-long test-compose test-faults check openapi bench-http bench-columns bench-environments bench-evaluations bench-campaigns bench-latency bench-service bench-regret clean

venv: $(VENV)/.installed

# torch first and alone: a resolver that meets it unpinned fetches gigabytes of CUDA packages.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet 'torch==2.13.0+cpu' \
	  || $(BIN)/python -m pip install --quiet 'torch==2.13.0' --index-url https://download.pytorch.org/whl/cpu \
	  || $(BIN)/python -m pip install --quiet 'torch==2.13.0'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: venv
	$(BIN)/headway demo --study $(STUDY) $(OPTIONS)

# What a hand runs between edits: under half a minute.
check: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 -m "not slow and not long and not browser"

test: venv
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2 --cov --cov-report=term:skip-covered --cov-fail-under=95

# Whole demos, long checks of the experiments, large imports.
test-long: venv
	$(BIN)/pytest -n 2 -m long

# The compose file on a real engine: minutes, most of them for the images. Skipped where none can run.
test-compose: venv
	$(BIN)/pytest -m compose tests/deployment

# Three servers, 64 clients, and kill -9 all the time; TRIALS=5000 is the whole of it.
TRIALS ?= 300
test-faults: venv
	HEADWAY_FAULT_TRIALS=$(TRIALS) $(BIN)/pytest -m faults tests/faults

bench-http: venv
	$(BIN)/python -m benchmarks.http_latency

bench-columns: venv
	$(BIN)/python -m benchmarks.columns $(OPTIONS)

bench-evaluations: venv
	$(BIN)/python -m benchmarks.evaluations --write $(OPTIONS)

# Every workload beside random search: an hour and more on two cores, kept campaign by campaign.
bench-campaigns: venv
	$(BIN)/python -m benchmarks.campaigns $(OPTIONS)

# Each peer in an environment of its own; torch first there too.
PEERS := benchmarks/.venvs/optuna/.installed benchmarks/.venvs/botorch/.installed benchmarks/.venvs/ax/.installed

benchmarks/.venvs/%/.installed: benchmarks/requirements/%.txt
	$(PYTHON) -m venv benchmarks/.venvs/$*
	benchmarks/.venvs/$*/bin/python -m pip install --quiet 'torch==2.13.0+cpu' \
	  || benchmarks/.venvs/$*/bin/python -m pip install --quiet 'torch==2.13.0' \
	    --index-url https://download.pytorch.org/whl/cpu \
	  || benchmarks/.venvs/$*/bin/python -m pip install --quiet 'torch==2.13.0'
	benchmarks/.venvs/$*/bin/python -m pip install --quiet --requirement $<
	touch $@

bench-environments: venv $(PEERS)

bench-latency: bench-environments
	$(BIN)/python -m benchmarks.latency $(OPTIONS)

# The server under load beside Optuna on one PostgreSQL: a quarter of an hour on two idle cores.
bench-service: venv benchmarks/.venvs/optuna/.installed
	$(BIN)/python -m benchmarks.service $(OPTIONS)

# Hours on two cores, resumable; OPTIONS='--report' only writes the report on the runs that there are.
bench-regret: bench-environments
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python -m benchmarks.regret --jobs 2 $(OPTIONS)

clean:
	rm -rf $(VENV) .headway benchmarks/.venvs

# Writes docs/openapi.json; a test holds the application against it.
openapi: venv
	$(BIN)/python -c "import json; from headway_server.main import create_app; \
	  print(json.dumps(create_app().openapi(), indent=1, sort_keys=True))" > docs/openapi.json
