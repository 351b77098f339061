# The two commands of the README are `make smoke` and `make test`; each does all its set-up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One thread a process: results do not depend on it, and two threads that share a busy core are slower than one.
export OMP_NUM_THREADS := 1
export HF_HUB_OFFLINE ?= 1

.PHONY: smoke report test lint gate benchmark clean

smoke: $(VENV)/installed
	$(BIN)/antibench run --suite smoke

# The suite `smoke` as a page; it says where the page is.
report: $(VENV)/installed
	$(BIN)/antibench run --suite smoke --out results/runs/smoke
	$(BIN)/antibench report results/runs/smoke

# A file's tests stay together, since they share what is slow to make.
test: $(VENV)/installed lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m antibench.testing.types

# The protections that come along against results/baselines/ci.json (docs/ci.md).
gate: $(VENV)/installed
	$(BIN)/python -m pytest --antibench ci --junitxml results/gate.xml -rsP

# What things cost, as ratios within one run; not part of `make test`.
benchmark: $(VENV)/installed
	$(BIN)/python -m pytest benchmarks

$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "antibench needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[test,offline]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
