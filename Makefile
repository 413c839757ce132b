# Each command sets itself up: the virtual environment is made and filled when a list of requirements is newer than it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: app test lint screenshots bench

app: $(READY)
	$(BIN)/python -m streamlit run app/main.py

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

screenshots: $(READY)
	$(BIN)/python scripts/screenshots.py $(ONLY)

bench: $(READY)
	$(BIN)/python -m benchmarks.machine --short
	$(BIN)/python -m benchmarks.training_speed --short
	$(BIN)/python -m benchmarks.time_to_accuracy --short
	$(BIN)/python -m benchmarks.app_speed --short
	$(BIN)/python -m benchmarks.growth --short

$(READY): requirements.txt requirements-bench.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-bench.txt
	touch $@
