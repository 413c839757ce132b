# Each command sets itself up: the virtual environment is made and filled when requirements.txt is newer than it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: app test lint screenshots

app: $(READY)
	$(BIN)/python -m streamlit run app/main.py

test: $(READY)
	$(BIN)/python -m pytest

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

screenshots: $(READY)
	$(BIN)/python scripts/screenshots.py $(ONLY)

$(READY): requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@
