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
	$(BIN)/lint-imports

screenshots: $(READY)
	$(BIN)/python scripts/screenshots.py $(ONLY)

# Results go to .cache/bench: what the pages and README quote is measured in full.
BENCHMARKS := machine training_speed time_to_accuracy playground app_speed growth
bench: $(READY)
	mkdir -p .cache/bench
	for name in $(BENCHMARKS); do \
		$(BIN)/python -m benchmarks.$$name --short --json .cache/bench/$$name.json || exit 1; \
	done

$(READY): requirements.txt requirements-test.txt requirements-bench.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-test.txt -r requirements-bench.txt
	touch $@
