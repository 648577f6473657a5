# Two commands do everything on a fresh Debian machine:
#   make run     set up, build the guest image, run all shipped scenarios, write reports/
#   make test    set up, then linters, unit tests and virtual machine tests

.DELETE_ON_ERROR:
.PHONY: help setup run test test-unit lint bench clean

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
HARNESS := $(VENV)/bin/harness
PYTEST := $(VENV)/bin/python -m pytest
REPORTS ?= reports
ARGS ?=

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

setup: $(STAMP)

$(STAMP): pyproject.toml .ci/install-packages
	.ci/install-packages
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[embedded,dev]'
	touch $@

run: setup
	$(HARNESS) run --report-dir $(REPORTS) $(ARGS)

test: setup
	$(PYTEST) -n auto -m 'not vm' $(ARGS)
	$(HARNESS) setup
	$(PYTEST) -n 2 --dist loadscope -m vm $(ARGS)

test-unit: setup
	$(PYTEST) -n auto -m 'not vm' $(ARGS)

lint: setup
	$(PYTEST) -n auto tests/test_lint.py $(ARGS)

bench: setup
	$(HARNESS) bench $(ARGS)

clean:
	rm -rf $(VENV) $(REPORTS)
