# Everything from a fresh clone: `make demo` and `make test` install what they need first.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.adaptoscope-installed
BIN := $(VENV)/bin
DEMO_ARGS ?=
DEMO_OUT ?= $(if $(findstring --quick,$(DEMO_ARGS)),runs/demo_quick,runs/demo)
TEST_ARGS ?=

ifneq ($(wildcard ../shared/data),)
export ADAPTOSCOPE_DATA ?= $(abspath ../shared/data)
endif

.PHONY: help setup demo test lint format docs clean

help:
	@echo "make demo    install, then run the main job on simulated images ($(DEMO_OUT)/report.html)"
	@echo "make test    install, then run the quick tests"
	@echo "make lint    ruff, formatting, types"
	@echo "make docs    the documentation, as a folder of pages (site/)"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 13); \
	  sys.exit(0 if ok else "Python 3.11 to 3.13 is needed; found " + sys.version.split()[0] + ". Remedy: make PYTHON=python3.12 ...")'
	@rm -f $(STAMP)
	@start=$$(date +%s); \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --quiet -e '.[train,formats,web,test,dev,docs]' && \
	  printf 'Installed in %s s; %s on disk.\n' $$(( $$(date +%s) - start )) "$$(du -sh $(VENV) | cut -f1)" > $(STAMP).part && \
	  mv $(STAMP).part $(STAMP)

demo: setup
	@cat $(STAMP)
	@start=$$(date +%s); \
	  $(BIN)/adaptoscope demo --out $(DEMO_OUT) $(DEMO_ARGS) && \
	  printf 'Demo ran in %s s; see %s/report.html\n' $$(( $$(date +%s) - start )) '$(DEMO_OUT)'

test: setup
	@cat $(STAMP)
	$(BIN)/python -m pytest -n auto $(TEST_ARGS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir site

clean:
	rm -rf site dist .mypy_cache .ruff_cache .pytest_cache
