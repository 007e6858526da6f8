# The one entry point for people and for CI. Everything it makes lies in .venv and .cache, but for the
# compiled llama-cpp-python, which scripts/build-llama keeps in the user's cache for the next checkout.

PYTHON ?= python3
TESTS ?=
ARGS ?=
FILE ?=

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SCRIPTS := install.sh scripts/build-llama .ci/run
HOOKS := shell/toolrec_shell

.DEFAULT_GOAL := help
.PHONY: all bench fmt help install kb lint shell test type

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | sort | while read -r name what; do \
		printf '  make %-8s %s\n' "$$name" "$$what"; done

all: lint type kb test shell ## everything CI runs

# Made anew when pyproject.toml changes; without the stamp, which is written last, it is not complete.
$(READY): pyproject.toml scripts/build-llama
	$(PYTHON) -m venv --clear $(VENV)
	scripts/build-llama $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

fmt: $(READY) ## put the Python files into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY) ## style, and the direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --cache-dir .cache/import-linter

type: $(READY) ## mypy, strict
	$(BIN)/mypy

test: $(READY) ## every test; TESTS='-m "not slow and not shell"' runs the quick ones; names what it skipped
	$(BIN)/pytest -q -rs $(TESTS) $(ARGS)

shell: ## check the shell files' syntax; their tests in real shells are part of make test
	shellcheck $(SCRIPTS)
	@for file in $(HOOKS)/*.bash; do [ ! -e "$$file" ] || { echo "shellcheck $$file"; shellcheck -s bash "$$file"; }; done
	@for file in $(HOOKS)/*.zsh; do [ ! -e "$$file" ] || { echo "zsh -n $$file"; zsh -n "$$file"; }; done
	@for file in $(HOOKS)/*.fish; do [ ! -e "$$file" ] || { echo "fish -n $$file"; fish --no-execute "$$file"; }; done

kb: $(READY) ## judge the knowledge base by its schema and rules, and count it (FILE=… reports on one file)
	$(BIN)/python -m toolrec_kb check $(FILE) $(ARGS)

bench: $(READY) ## measure the numbers the product is held to
	$(BIN)/python tests/bench $(ARGS)

install: ## install for this user (ARGS="--shell zsh")
	./install.sh $(ARGS)
