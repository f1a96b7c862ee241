# Every target works on a fresh machine that has only python3 (3.11 or newer) and make: each makes the .venv it needs.
#   make demo            the main job end to end, no key and no server needed; SERVE=1 leaves the console running
#   make setup           .venv with the pinned run-time dependencies, so that .venv/bin/groundcrew runs
#   make test            the whole test suite; ARGS="-k name" passes on to pytest, JOBS=4 sets the processes
#   make check           ruff and mypy
#   make bench           the benchmarks, each of which is also one command of its own
#   make up              gateway, control plane and console; ARGS="--port 8500" passes on
#   make lock            pins the dependencies anew; UPGRADE=1 takes newer releases
#   make clean           removes what these targets made; never the data in .groundcrew

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup develop demo test check bench up lock clean

PYTHON ?= python3
# One more than cores: many tests wait, for servers to start and for time to pass.
JOBS ?= 3
# Free memory from which on tests write into it: 4 GiB, of which they need one.
TESTS_KB_MIN := 4194304
VENV := .venv
RUN := $(VENV)/bin/python
STAMPS := $(VENV)/stamps

# A stamp's name holds the checksum of what it was made from, so a second run installs nothing and asks nobody.
# The checkout's own path counts for the editable install: scripts and the link to src hold it.
sum = $(shell cat $(1) | cksum | tr ' ' '-')
BASE := $(STAMPS)/base-$(call sum,requirements/base.txt)
DEVELOP := $(STAMPS)/develop-$(call sum,requirements/dev.txt)
PROJECT := $(STAMPS)/project-$(shell { cat pyproject.toml; pwd; } | cksum | tr ' ' '-')

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PIP_ROOT_USER_ACTION := ignore
# What is compiled once must be kept: a command that compiles the product anew takes twice as long to start.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

# Progress bars for a person; few lines for a log.
quiet = $$(test -t 1 || echo --quiet)

help:
	@sed -n 's/^#   //p' Makefile

setup: $(BASE) $(PROJECT)

develop: $(DEVELOP) $(PROJECT)

$(STAMPS)/venv:
	@command -v $(PYTHON) >/dev/null 2>&1 || { \
	  echo "groundcrew needs Python 3.11 or newer, and there is no $(PYTHON) on this machine" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "groundcrew needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1 | cut -d' ' -f2)." \
	    "Name another one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(RUN) -m pip --version >/dev/null 2>&1 || { \
	  echo "Creating $(VENV) with $$($(PYTHON) -V)"; $(PYTHON) -m venv --clear $(VENV); }
	@mkdir -p $(STAMPS)
	@touch $@

$(BASE): $(STAMPS)/venv
	@echo "Installing $$(grep -c == requirements/base.txt) pinned packages into $(VENV)"
	@$(RUN) -m pip install $(quiet) --no-compile --require-hashes -r requirements/base.txt
	@rm -f $(STAMPS)/base-* && touch $@

# The development lock holds the run-time one, so a fresh `make test` installs once. Everything is compiled here, silently:
# what a test imports first must not warn of another project's syntax. (A demo compiles what it uses, which is less.)
$(DEVELOP): $(STAMPS)/venv
	@echo "Installing $$(grep -c == requirements/dev.txt) pinned packages into $(VENV)"
	@$(RUN) -m pip install $(quiet) --no-compile --require-hashes -r requirements/dev.txt
	@$(RUN) -W ignore -m compileall -qq -j 0 $(VENV)/lib >/dev/null 2>&1 || true
	@rm -f $(STAMPS)/develop-* $(STAMPS)/base-* && touch $@ $(BASE)

$(PROJECT): $(STAMPS)/venv | $(if $(filter-out setup demo up,$(MAKECMDGOALS)),$(DEVELOP),$(BASE))
	@$(RUN) -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
	@rm -f $(STAMPS)/project-* && touch $@

demo: setup
	@$(VENV)/bin/groundcrew demo $(if $(SERVE),--serve) $(ARGS)

up: setup
	@$(VENV)/bin/groundcrew up $(ARGS)

# In memory where there is room: nothing that tests write must outlive the machine, and databases wait for their disk at every commit.
test: develop
	@folder=$$([ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'NR == 2 {print $$4}')" -ge $(TESTS_KB_MIN) ] \
	  && mktemp -d /dev/shm/groundcrew-tests-XXXXXX || true); \
	if [ -n "$$folder" ]; then chmod 711 "$$folder"; trap 'rm -rf "$$folder"' EXIT INT TERM; TMPDIR=$$folder; export TMPDIR; fi; \
	$(RUN) -m pytest -n $(JOBS) --dist loadfile $(ARGS)

check: develop
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

bench: develop
	@for script in bench/*/run.py; do echo "== $$script"; $(RUN) "$$script" || exit 1; done

# The development lock first: what the tests ran with is what users get, and the test extras may hold a version back.
lock:
	@$(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install $(quiet) pip-tools
	@for target in dev base; do \
	  extras=$$(test $$target = base && echo "--constraint requirements/dev.txt --extra batch --extra tune" || echo "--extra dev --extra postgres"); \
	  CUSTOM_COMPILE_COMMAND="make lock" build/lock/bin/pip-compile --quiet $$extras $(if $(UPGRADE),--upgrade) \
	    --build-deps-for editable --generate-hashes --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
	    --strip-extras --allow-unsafe --no-annotate --output-file requirements/$$target.txt pyproject.toml || exit 1; \
	done

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis src/groundcrew.egg-info
	find src tests bench training -name __pycache__ -type d -prune -exec rm -rf {} +
