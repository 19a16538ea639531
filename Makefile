# Perennial. `make` without arguments lists the targets.

PYTHON ?= python3
# Allows for wheels of some hundred megabytes over a slow connection.
export UV_HTTP_TIMEOUT ?= 300

BIN := .venv/bin
BENCHES := parse overhead ingest_speed ingest_memory
INSTALLED := .venv/installed
# Every process of Airflow and of the tests would compile these anew where PYTHONDONTWRITEBYTECODE is set.
BYTECODE := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q include plugins dags demo tests
COMPILE := $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help demo stop env up down demo-compose chaos test distributed lint types bench requirements clean
# A recipe that fails half-way leaves no stamp behind.
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s%s\n", $$1, $$2 }'
	@echo
	@echo "Variables: PYTHON (python3), AIRFLOW_PORT (8080), MLFLOW_PORT (5000), ONCE=1 (demo stops what it started)"

demo: $(INSTALLED) ## watch and retrain on a year of real flights in a real Airflow; ONCE=1 stops it at the end
	@$(BYTECODE)
	@$(BIN)/python -m demo play $(if $(filter-out 0,$(ONCE)),--once)

env: ## write .env, with random secrets, for the production stack
	@$(PYTHON) docker/make_env.py

up: ## build the production stack and bring it up; docs/deploy.md
	@# The commit is a tag of every model that the image trains.
	CODE_VERSION=$$(git describe --always --dirty --abbrev=12 --exclude='*' 2>/dev/null) docker compose up --build --detach

down: ## stop the production stack; its data stay
	docker compose down

demo-compose: ## run the demo on the running production stack
	docker compose --profile demo run --build --rm demo

chaos: $(INSTALLED) ## kill, stop and fill up parts of the production stack, and check its state; ONLY=name: some of the faults
	@$(BIN)/python -m chaos $(ONLY)

stop: ## stop what make demo left running
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m demo stop; fi

test: $(INSTALLED) ## run the tests, in one process more than there are cores, up to four
	@$(BYTECODE)
	@# One more, since many tests wait for a server. The longest ones come first in the order of names.
	@$(BIN)/python -m pytest --numprocesses "$$($(BIN)/python -c 'import os; print(min(os.cpu_count() + 1, 4))')" --no-loadscope-reorder

distributed: $(INSTALLED) ## run only the tests that need a cluster of Celery workers; needs PostgreSQL and Redis
	@$(BIN)/python -m pytest tests/distributed

lint: $(INSTALLED) ## style, layers and model specs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/perennial lint

types: $(INSTALLED) ## static types of the library and the demo
	$(BIN)/mypy
	$(BIN)/mypy -p demo -p chaos

bench: $(INSTALLED) ## measure: each prints its ratio and the limit
	@for name in $(BENCHES); do echo "== $$name"; $(BIN)/python -m bench.$$name || exit 1; done

requirements: $(INSTALLED) ## compile the pinned requirements from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements.txt
	$(COMPILE) --extra boosting --extra catboost --extra demo --extra dev --extra explain --extra features --extra onnx --extra publish -c requirements.txt pyproject.toml -o requirements-dev.txt
	printf 'uv\nhatchling\n' | $(COMPILE) -c requirements-dev.txt - -o requirements-build.txt

clean: stop ## remove what make made; your data, store and models under .perennial stay
	rm -rf .venv .perennial/demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find include plugins dags demo chaos bench tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements-build.txt requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || { \
		echo "Perennial needs Python 3.11 to 3.13. $(PYTHON) is $$($(PYTHON) --version 2>&1)." \
			"Name another: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@echo "Installing into .venv (a few minutes the first time) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.txt
	@# Compiled here once: every Airflow task would pay for it where PYTHONDONTWRITEBYTECODE is set.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
