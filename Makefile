# Each command sets itself up: the virtual environment is made and filled when the lock is newer than it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS := -n logical --maxprocesses 8 --dist worksteal

.PHONY: app test check walk axe mutants soak soak-ray lint docs screenshots bench lock

app: $(READY)
	$(BIN)/python -m streamlit run app/main.py

# What is compiled is kept: tests start dozens of processes, and some machines are told not to.
test: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(WORKERS) -m "not walk"

# While one works: lint, and the tests that neither train, nor open pages, nor start processes.
check: lint
	$(BIN)/python -m pytest $(WORKERS) -m "not slow and not walk"

# Changes the core modules in copies of the tree, and tells which changes no test notices: docs/log.md has the last result.
mutants: $(READY) .cache/mutants/.ready
	.cache/mutants/bin/python -m tests.mutants --python $(BIN)/python

# What the tests do a few times, done often: how it went is in benchmarks/results. Long.
soak: $(READY)
	$(BIN)/python -m tests.training.runs.killing --kills 100 --json benchmarks/results/kills.json
	$(BIN)/python -m tests.hostile.checkpoints --json benchmarks/results/hostile_checkpoints.json
	$(BIN)/python -m tests.hostile.addresses --json benchmarks/results/hostile_addresses.json
	$(BIN)/python -m tests.hostile.inputs --json benchmarks/results/hostile_inputs.json
	$(BIN)/python -m tests.hostile.tables --json benchmarks/results/hostile_tables.json

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

# The library's pages, docs/library and a reference made of the docstrings, into .cache/docs/site. A warning is an error.
docs: .cache/docs/.ready
	.cache/docs/bin/mkdocs build --strict

# In a browser: every stop of every lesson, by one key and as a projector shows it, and most journeys through the app.
walk: $(READY)
	$(BIN)/python -m pytest -m walk

# Every screen as a phone shows it, and through axe-core in both schemes: `make walk` has a sample. A quarter of an hour.
axe: $(READY)
	$(BIN)/python -m tests.accessibility

screenshots: $(READY)
	$(BIN)/python scripts/screenshots.py $(ONLY)

# Results go to .cache/bench: what the pages and README quote is measured in full.
BENCHMARKS := machine training_speed time_to_accuracy playground app_speed growth
bench: $(READY)
	mkdir -p .cache/bench
	for name in $(BENCHMARKS); do \
		$(BIN)/python -m benchmarks.$$name --short --json .cache/bench/$$name.json || exit 1; \
	done

# Thirty runs, and all that can go wrong, on a Ray cluster of two nodes on this machine (docs/cluster.md): a quarter of an hour.
soak-ray: .cache/ray/.ready
	.cache/ray/bin/python -m benchmarks.ray_cluster

# requirements.lock has every version that the three lists lead to. One in it moves only where it has to; UPGRADE=1 moves all.
LISTS := requirements.txt requirements-test.txt requirements-bench.txt
UV := .cache/lock/bin/uv
lock:
	test -x $(UV) || { $(PYTHON) -m venv .cache/lock && .cache/lock/bin/python -m pip install --quiet uv==0.13.9; }
	$(UV) pip compile --quiet --universal --python-version 3.11 --annotation-style line --custom-compile-command \
		"make lock  (without CUDA libraries: pip adds those that its torch asks for, and a CPU build asks for none)" \
		$(if $(UPGRADE),--upgrade) --output-file requirements.lock $(LISTS)
	grep -vE '^(cuda-|nvidia-|triton=)' requirements.lock > .cache/lock/requirements.lock
	cp .cache/lock/requirements.lock requirements.lock

.cache/mutants/.ready: requirements-mutants.txt
	$(PYTHON) -m venv .cache/mutants
	.cache/mutants/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-mutants.txt
	touch $@

.cache/docs/.ready: requirements-docs.txt
	$(PYTHON) -m venv .cache/docs
	.cache/docs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	touch $@

.cache/ray/.ready: requirements.lock requirements-ray.txt
	$(PYTHON) -m venv .cache/ray
	.cache/ray/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.lock -r requirements-ray.txt
	touch $@

# An environment that is broken, or of a Python that is too old, is made anew; a wrong Python is told before anything is.
FITS := import sys; sys.exit(sys.version_info < (3, 11))
$(READY): requirements.lock
	@$(BIN)/python -c "$(FITS)" 2>/dev/null || { \
		$(PYTHON) -c "$(FITS)" 2>/dev/null || { \
			echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }; \
		echo "$(PYTHON) -m venv $(VENV)"; rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	touch $@
