# make demo: set everything up, run the whole comparison on simulated scenes, write report/index.html
# make test: set everything up, run all tests, one process per CPU
# make lint: check style and types.   make check: make lint, then the fast tests
# make faults: inject faults (kills, full disks, damaged files, hostile inputs) for some minutes
# make clean: delete everything these commands created, also trained models in runs/; your data stays
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
# one process per CPU, a file at a time; tests/conftest.py orders the files; ends if a process dies
PYTEST := $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --max-worker-restart 0

.PHONY: demo test lint check faults clean

demo: $(STAMP)
	$(BIN)/python -m fusebench --preset demo

test: $(STAMP)
	$(PYTEST)

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint
	$(PYTEST) -m "not slow"

# seconds per test; e.g. make faults FAULT_SECONDS=1200 FAULT_SEED=7
FAULT_SECONDS ?= 120
FAULT_SEED ?= 0
faults: $(STAMP)
	$(BIN)/python -m pytest -n 0 -s tests/faults --fault-seconds $(FAULT_SECONDS) --fault-seed $(FAULT_SEED)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

clean:
	rm -rf $(VENV) data/scenes runs report .report.lock build *.egg-info .pytest_cache .mypy_cache .ruff_cache
