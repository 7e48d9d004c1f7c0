# The two commands a newcomer needs are `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps

.PHONY: demo test quick test-loaded check lint types rooms api package lowest interpreters overload docs faults fuzz laws soak bench bench-watch clean help

help:            ## what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/demo   ## fetch and watch the sessions of a simulated server
	@$(BIN)/veeam-async demo

WORKERS ?= auto
SUITE = -m pytest -n $(WORKERS) --dist worksteal

# What is compiled is kept, even where the environment says otherwise: each of the many
# processes that tests start would compile the package anew.
test quick test-loaded lowest interpreters: export PYTHONDONTWRITEBYTECODE :=

test: $(STAMPS)/test   ## run the whole suite on all cores (WORKERS=N; COVERAGE=yes measures)
	@$(BIN)/python $(if $(COVERAGE),.ci/coverage.py) $(SUITE)

quick: $(STAMPS)/test  ## run what starts no process and is not marked as slow
	@$(BIN)/python $(SUITE) -m 'not slow'

test-loaded: export LATE := 2# seconds that each simulator has run when a test sees it
test-loaded: $(STAMPS)/test ## make test, beside two processes that keep two cores busy
	@$(BIN)/python .ci/loaded.py '$(MAKE)' test

check: lint types rooms api   ## lint, types, the import contracts and the public API

lint: $(STAMPS)/lint
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(STAMPS)/lint $(STAMPS)/test
	@$(BIN)/mypy
	@for each in win32 darwin; do \
	  $(BIN)/mypy --platform $$each --cache-dir .mypy_cache/$$each \
	    veeam_async examples || exit 1; done
	@$(BIN)/python .ci/typed.py

rooms: $(STAMPS)/lint
	@$(BIN)/lint-imports
	@$(BIN)/python .ci/rooms.py
	@$(BIN)/python .ci/figures.py --check
	@$(BIN)/python .ci/private.py --most 10

api: $(STAMPS)/test
	@$(BIN)/python .ci/api.py

docs: $(STAMPS)/docs     ## build the pages of docs/ into docs/_build/html
	@$(BIN)/python .ci/docs.py

faults: $(STAMPS)/test   ## every fault with every operation, in a quarter of an hour (SEED=N)
	@$(BIN)/python -m tests.faults --page docs/development/faults.md $(if $(SEED),--seed $(SEED))

overload: $(STAMPS)/demo ## what a fetch does to a server that can serve no more
	@$(BIN)/python -m tests.overload

INPUTS ?= 400000
fuzz: $(STAMPS)/test     ## feed each part INPUTS odd inputs (400000: in some ten minutes)
	@$(BIN)/python -m tests.fuzz --page --inputs $(INPUTS) $(FUZZ)

LAWS ?= 1000
laws: $(STAMPS)/test     ## play LAWS histories of each law of a watch (1000: in some twenty minutes)
	@LAWS=$(LAWS) $(BIN)/python -m pytest tests/watch/test_law.py $(PYTEST)

package: $(STAMPS)/lint  ## sdist and wheel; the wheel in an empty environment, core dependencies only
	@$(BIN)/python .ci/package.py

lowest: $(STAMPS)/venv   ## part of the suite on the lowest versions of the dependencies
	@$(BIN)/python .ci/versions.py lowest

interpreters: $(STAMPS)/venv   ## part of the suite on each other Python that is here
	@$(BIN)/python .ci/versions.py interpreters

SECONDS ?= 600
soak: $(STAMPS)/test     ## everything at once against bad servers, for SECONDS (SEED=N)
	@$(BIN)/python -m tests.soak --page docs/development/soak.md --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(SOAK)

bench: $(STAMPS)/bench   ## time it beside other clients, in some six minutes
	@$(BIN)/python -m benchmarks

bench-watch: $(STAMPS)/test ## what watching thousands of sessions costs, in some five minutes
	@$(BIN)/python -m benchmarks.watch

clean:           ## remove what make made
	rm -rf $(VENV) .venvs dist docs/_build docs/reference/generated .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache

$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON) here; make PYTHON=python3.12 … names another one" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; make PYTHON=python3.12 … names another one" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "Python's venv module is missing: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: $(STAMPS)/venv pyproject.toml veeam_async/version.py
	@$(BIN)/python -m pip install --quiet --editable '.[cli,simulator]'
	@touch $@

$(STAMPS)/test: $(STAMPS)/demo
	@$(BIN)/python -m pip install --quiet --group test
	@touch $@

$(STAMPS)/lint: $(STAMPS)/demo
	@$(BIN)/python -m pip install --quiet --group lint --group package
	@touch $@

$(STAMPS)/docs: $(STAMPS)/demo
	@$(BIN)/python -m pip install --quiet --group docs
	@touch $@

# niquests brings urllib3-future, which would take the place of the urllib3 that requests
# uses; built from its source it does not. Peers that do not install are left out.
$(STAMPS)/bench: $(STAMPS)/demo benchmarks/peers.py
	@URLLIB3_NO_OVERRIDE=1 PIP_NO_BINARY=urllib3-future \
	  $(BIN)/python -m benchmarks.peers
	@touch $@
