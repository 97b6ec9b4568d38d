# Watchpost: what a person types. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV ?= .venv
# The first Python that runs and fits (a version manager may leave commands on the path that do not run).
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON := $(shell for name in python3 python3.13 python3.12 python3.11; do \
  $$name -c '$(FITS)' >/dev/null 2>&1 && echo $$name && break; done)
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
FETCHED_FROM := collector/web/package-lock.json simulator/package-lock.json
# One thread per library: the programs bring their own threads, and a test machine has two cores.
export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test lint format bench bench-plates bench-falling faults docs lock install clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: install ## the main job with simulated cameras; ONCE=1 plays one scenario, prints the score and ends
	@$(BIN)/python -m simulator demo $(if $(ONCE),--once)

test: install ## all tests; real services are used when installed (WATCHPOST_REQUIRE_SERVICES=1 demands them)
	@$(BIN)/python -m pytest $(PYTEST)

lint: install ## ruff, mypy strict, import directions, Dockerfile
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/hadolint Dockerfile

format: install ## put the code into its standard form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install ## measure cost, delay, start and memory; writes docs/ref/bench.md and its plot
	@$(BIN)/python -m simulator bench

bench-plates: install ## measure the plate path on DATA=FOLDER (plates/, falling/clips/); writes docs/ref/plates-bench.md
	@$(BIN)/python -m models.plates_page --data "$(DATA)" $(if $(READER),--reader $(READER)) $(foreach part,$(ONLY),--only $(part))

bench-falling: install ## measure falling objects on DATA=FOLDER (labels.json, clips/), beside decoding and MOG2
	@$(BIN)/python -m edge bench falling --data "$(DATA)" --mog2

faults: install ## break everything at random for half an hour and count what was lost; writes docs/ref/faults.md
	@$(BIN)/python -m simulator faults --seed 62 --rounds 300 --rate 90 --minutes 42 --json docs/ref/faults.json --page docs/ref/faults.md

docs: install ## write the generated references again (schemas, AsyncAPI, OpenAPI)
	@$(BIN)/python -m contract docs/ref/contract
	@$(BIN)/python -m collector openapi > docs/ref/openapi.json
	@$(BIN)/python -m collector roles > docs/ref/roles.md

lock: ## choose all versions anew within pyproject.toml's bounds
	@$(BIN)/pip install -q uv
	@$(BIN)/uv pip compile pyproject.toml --extra demo --extra dev --universal --generate-hashes --no-emit-index-url \
	  --no-annotate --python-version 3.11 --upgrade -q --custom-compile-command "make lock" -o requirements.lock

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml hatch_build.py $(FETCHED_FROM)
	@command -v git >/dev/null || { echo "Watchpost needs git, which is missing: sudo apt install git"; exit 1; }
	@test -n "$(PYTHON)" || { echo "Watchpost needs Python 3.11, 3.12 or 3.13, and none was found (python3 is" \
	  "$$(python3 --version 2>&1 | tail -n 1)): sudo apt install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "Watchpost needs Python's venv module, which is missing: sudo apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || { echo "Making a virtual environment in $(VENV) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing the parts named in requirements.lock (about 1 GB; a minute or two) ..."
	@$(BIN)/pip install --require-hashes --progress-bar on -r requirements.lock \
	  | while IFS= read -r line; do case "$$line" in Collecting*) printf '\r\033[K  %s' "$$line";; \
	      Installing*) printf '\r\033[K  installing ...';; esac; done; exit $${PIPESTATUS[0]}
	@printf '\r\033[K'
	@echo "Installing Watchpost itself and fetching the page's parts and the fonts ..."
	@$(BIN)/pip install -q --no-deps --no-build-isolation -e .
	@touch $@

clean: ## remove the virtual environment, fetched parts and all that was rendered
	@rm -rf $(VENV) var collector/web/static/vendor simulator/fonts
