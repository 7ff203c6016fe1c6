# Two commands do everything on a machine with Python 3.11 or newer and make: `make run` and `make test`.
# Everything is installed into .venv, nothing needs root. PYTHON=python3.13 chooses another interpreter.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?= echo

# Many tests wait for processes and terminals: so many at once as keep every core busy.
PER_CORE := 2
WORKERS ?= $(shell echo $$(($(PER_CORE) * $$(nproc))))
# What is compiled is kept, whatever the environment says: else each of the hundreds of processes compiles it again.
PYTEST = env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal

.PHONY: run test real long chance busy silence diagnosis check lint types contracts format conformance soak peek bench screenshots translation docs clean help

run: $(VENV)/.installed            ## set up, then inspect a live echo server (ARGS="http --port 0" for another)
	@$(BIN)/streamscope run $(ARGS)

test: PER_CORE := 3
test: $(VENV)/.installed-dev       ## set up, then run every test that needs nothing but Python and what pip brings
	$(PYTEST) -m 'not real' $(TESTS)

real: $(VENV)/.installed-dev       ## the same product against libuv, nginx, redis, wrk and curl (.ci/outside installs them)
	$(PYTEST) -m real $(TESTS)

long: conformance chance soak silence peek ## minutes of what `test` and `real` do for seconds: before an issue is called resolved

# A busy process ends by itself when the shell of this recipe has ended, whatever ended that.
busy: $(VENV)/.installed-dev       ## the tests of `make test`, beside one busy process per core
	@for core in $$(seq $$(nproc)); do (while kill -0 $$$$ 2>/dev/null; do :; done) & done; $(MAKE) test

check: lint types contracts        ## formatting, linting, types and import contracts

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.installed-dev
	$(BIN)/mypy

contracts: $(VENV)/.installed-dev
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev     ## put every file into the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

conformance: $(VENV)/.installed-dev ## hold the engine against the real libuv with 2,000 programs, new ones every time
	OUTSIDE_REQUIRED=1 CONFORMANCE_PROFILE=conformance $(PYTEST) tests/conformance

chance: $(VENV)/.installed-dev     ## every example of the tests by hypothesis, of which `test` takes a third
	EVERY_EXAMPLE=1 $(PYTEST) $$(grep -rlE 'from chance|EVERY_EXAMPLE' tests --include='test_*.py')

soak: $(VENV)/.installed-dev       ## serve under churn and hostile inspectors for SOAK_S seconds (900), and compare everything
	$(BIN)/python tests/soak --seconds $(or $(SOAK_S),900)

silence: $(VENV)/.installed-dev    ## minutes of healthy loads, in which no alarm may be raised (SILENCE_S=60)
	SILENCE_S=$(or $(SILENCE_S),60) $(PYTEST) -k 'well or limited or healthy' tests/real

peek: $(VENV)/.installed-dev       ## look for PEEK_S seconds (600) at a Node server under flood and churn
	PEEK_S=$(or $(PEEK_S),600) $(BIN)/python -m pytest -k flood tests/real/test_real_peek.py

diagnosis: $(VENV)/.installed-dev  ## play every scenario of `run stall`, and write the table of docs/diagnosis.md
	$(BIN)/python -m pytest tests/real/test_real_diagnosis.py -k 'alone' --write-diagnosis

bench: $(VENV)/.installed-dev      ## figures of docs/performance.md (BENCH="echo --quick" for one of them)
	@echo "streamscope: installing what the benchmarks compare with (uvloop, trio, viztracer, py-spy) into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	$(BIN)/python -m benchmarks $(BENCH)

translation: $(VENV)/.installed-dev ## bring the Chinese catalogue up with the code
	$(BIN)/python -m translation

screenshots: $(VENV)/.installed-dev ## draw screenshots/ anew
	$(BIN)/python -m screenshots

docs: $(VENV)/.installed-dev        ## write anew the documents that are made from the code: docs/events.md, docs/filter.md, docs/lints.md, docs/keys.md, docs/asyncio.md
	$(BIN)/python -m streamscope.trace.catalogue > docs/events.md
	$(BIN)/python -m streamscope.trace.filter > docs/filter.md
	$(BIN)/python -m streamscope.diagnosis > docs/lints.md
	$(BIN)/python -m streamscope.ui.actions > docs/keys.md
	$(BIN)/python -m streamscope.observe > docs/asyncio.md

clean:                             ## remove what was installed and cached
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

help:                              ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "streamscope needs Python 3.11 or newer as $(PYTHON); choose one with: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "streamscope: making a virtual environment in $(VENV), with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	  echo "$(PYTHON) cannot make a virtual environment: install its venv package (Debian: apt-get install python3-venv), then run make again" >&2; exit 1; }

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	@echo "streamscope: installing what the screen needs (textual, msgspec and a few more) into $(VENV); takes half a minute …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	@echo "streamscope: installing that and what its tests need (pytest, mypy, ruff and more) into $(VENV); takes a minute …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
