# make demo: see it work. make test: see that it is right. make soak: see more of that.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PRODUCT_PYTHON ?= $(RUN)
# pytest-xdist: a worker for each core.
PYTEST_ARGS ?= -n 2
HISTORIES ?= 5000

.PHONY: demo test soak check clean

demo: $(VENV)/ready
	@$(RUN) -m simulator.demo

test: $(VENV)/ready
	@$(RUN) -m pytest $(PYTEST_ARGS) --product-python=$(PRODUCT_PYTHON)

# HISTORIES=5000 takes some ten minutes; then a storm of two.
soak: $(VENV)/ready
	@PYTHONPATH=. $(RUN) tests/histories.py --histories $(HISTORIES)
	@PYTHONPATH=. $(RUN) tests/storms.py --seconds 120

check: $(VENV)/ready
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

# The tools and the servers need 3.11; the function itself runs from 3.9.
$(VENV)/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.13 ...")'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:
	rm -rf $(VENV) .venv-* build .mypy_cache .pytest_cache .ruff_cache .hypothesis
