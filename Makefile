# make demo   a rehearsal on this machine: simulated pools, a local Slack workspace, the real bot
# make test   everything this machine can check; says what it could not
# make bench  how fast it is and what it costs (docs/performance.md)
#
# PYTHON=…  another interpreter      ARGS='--scenario tight'  options for xsbot demo
# TESTS='-k spec'  options for pytest      JOBS=N  tests run in so many processes (2)

JOBS   ?= 2
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$name" && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint words mutants chaos bench bench-rolling interop pictures lock clean

help:
	@sed -n '/^$$/q;s/^# \{0,1\}//p' Makefile

setup: $(STAMP)

# Written last, so that an interrupted installation is taken up again and a finished one costs nothing.
$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { \
		echo "xsbot needs Python 3.11 or newer, and there is none on the PATH."; \
		echo "Debian, Ubuntu: apt install python3 python3-venv   (or: make $(MAKECMDGOALS) PYTHON=/path/to/python3)"; \
		exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) cannot create virtual environments: the package python3-venv is missing."; \
		echo "Debian, Ubuntu: apt install python3-venv   (for $(PYTHON) perhaps: apt install $(notdir $(PYTHON))-venv)"; \
		exit 1; }
	@test -x $(BIN)/python -a -x $(BIN)/pip || { echo "Creating $(VENV) with $(PYTHON) …"; "$(PYTHON)" -m venv --clear $(VENV); }
	@echo "Installing the locked requirements (the first time takes a minute or two) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup
	@$(BIN)/xsbot demo $(ARGS)

test: lint
	$(BIN)/pytest -n $(JOBS) --dist loadfile $(TESTS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# How fast the engine is and what it costs: ARGS="takeover ack click idle rollouts look decide --json", all of them by default.
bench: setup
	$(BIN)/python -m tests.bench $(ARGS)

# Rolling updates of random pools by xsbot and by its peers (ARGS="--help"); docs/performance.md has the results.
bench-rolling: setup
	@$(BIN)/python -m tests.bench.rolling $(ARGS)

# Breaks the code in named ways and shows that the test of each invariant notices.
mutants: setup
	$(BIN)/python -m tests.mutants $(ARGS)

# Kills, freezes and disturbs the bot on many pools, then checks what it promises; see docs/reliability.md.
chaos: setup
	@$(BIN)/python -m tests.chaos $(ARGS)

# Brings the catalogues of other languages up to date with the sources and names what is not translated (docs/languages.md).
words: setup
	@$(BIN)/python -m tests.words

# Fetches the npm client that tests/interop sets on the simulated pools; without it those tests are left out.
interop:
	@command -v npm >/dev/null || { echo "npm is missing. Debian, Ubuntu: apt install npm"; exit 1; }
	@npm ci --prefix tests/interop --ignore-scripts --no-audit --no-fund --loglevel=error

# Takes the pictures of docs/tour.md and docs/stories.md anew, from rehearsals in a real browser (ARGS: names of stories).
pictures: setup
	$(BIN)/python -m tests.browser.pictures $(ARGS)

# After a change of dependencies in pyproject.toml; UPGRADE=--upgrade takes the newest of everything.
lock: setup
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header \
		--python-version 3.11 --extra dev $(UPGRADE) -o requirements.lock pyproject.toml

clean:
	rm -rf tests/interop/node_modules $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
