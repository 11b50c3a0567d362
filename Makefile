# make demo: see it work. make test: see that it is right. make soak: see more of that.
# make build: the zip. make deploy: the stack. make invoke, make logs: what it does there.
# make recycle: replaces the service's tasks. make recycle COMMAND=status: how far it is.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PRODUCT_PYTHON ?= $(RUN)
# pytest-xdist: two workers for each of two cores, as tests wait about as long as they compute.
PYTEST_ARGS ?= -n 4
HISTORIES ?= 5000
# What runs in Lambda; build.sh says why 3.13. Tests and figures take what is here if that is not.
ifneq ($(filter test test-stack bench,$(MAKECMDGOALS)),)
ifeq ($(origin PYTHON_VERSION),undefined)
PYTHON_VERSION := $(shell packaging/python.sh 3.13 >/dev/null 2>&1 && echo 3.13 || \
  $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif
endif
export PYTHON_VERSION ?= 3.13
# pytest compiles each test module, 3 s for each worker, unless it finds what it compiled before.
unexport PYTHONDONTWRITEBYTECODE
LAMBDA := .venv-lambda-$(PYTHON_VERSION)
PEERS := prometheus-ecs-discoverer ecs-service-discovery
export STACK ?= ecs-task-discovery
export EVENT ?= {}
export COMMAND OPTIONS

.PHONY: demo test test-redis test-stack soak check bench build lock deploy invoke recycle logs clean

demo: $(VENV)/ready
	@$(RUN) -m simulator.demo

test: $(VENV)/ready $(LAMBDA)/ready
	@$(RUN) -m pytest $(PYTEST_ARGS) -m 'not stack and not soak' --product-python=$(PRODUCT_PYTHON)

# The template on a local AWS, which waits a minute for the schedule, and the zip at length.
test-stack: $(VENV)/ready $(LAMBDA)/ready .venv-stack/ready .venv-aws/ready
	@$(RUN) -m pytest $(PYTEST_ARGS) -m stack

# The function and the laws on other servers than the Valkey of `make test`; three minutes.
test-redis: $(VENV)/ready .venv-redis/ready
	@servers=$$(packaging/redis-servers.sh .venv-redis) && for server in $$servers; do \
	  "$$server" --version && REDIS_SERVER=$$server $(RUN) -m pytest $(PYTEST_ARGS) \
	    --function-only -m 'not stack' && REDIS_SERVER=$$server PYTHONPATH=. $(RUN) \
	    tests/histories.py --histories 300 || exit 1; done

# HISTORIES=5000 takes about ten minutes; then a storm of two.
soak: $(VENV)/ready
	@$(RUN) -m pytest -m soak
	@$(RUN) -m pytest $(PYTEST_ARGS) -m hypothesis --hypothesis-profile=search --timeout=900
	@PYTHONPATH=. $(RUN) tests/histories.py --histories $(HISTORIES)
	@PYTHONPATH=. $(RUN) tests/recycle_histories.py --histories $(HISTORIES)
	@PYTHONPATH=. $(RUN) tests/storms.py --seconds 120
	@PYTHONPATH=. $(RUN) tests/histories.py --histories 300 --memory 256
	@PYTHONPATH=. $(RUN) tests/storms.py --seconds 60 --memory 256
	@PYTHONPATH=. $(RUN) tests/rolling.py

check: $(VENV)/ready
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

# Figures: about fifteen minutes on a machine that does nothing else. BENCH=cold: that section alone.
bench: .venv-bench/ready $(LAMBDA)/ready $(PEERS:%=.venv-peer-%/ready)
	@.venv-bench/bin/python -m benchmarks $(BENCH)

build:
	@./build.sh

lock: .venv-lock/ready
	@.venv-lock/bin/uv --quiet pip compile --universal --python-version 3.9 --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links requirements.txt -o requirements.lock
	@{ echo "# Made by make lock; each Python from 3.9 to 3.14 takes the lines whose markers fit."; \
	  echo "# cksum of requirements.txt: $$(cksum <requirements.txt)"; \
	  grep -v '^# [Mc]' requirements.lock; } >requirements.lock.new
	@mv requirements.lock.new requirements.lock

deploy: build
	@packaging/deploy.sh

invoke:
	@mkdir -p build && printf %s "$$EVENT" >build/event.json
	@aws lambda invoke --function-name $(STACK) --payload fileb://build/event.json \
	  --query FunctionError --output text build/answer.json >build/failed
	@cat build/answer.json; echo; grep -q None build/failed

# OPTIONS="batch_size=10% wait_time=60", or COMMAND=status, pause, resume or cancel.
recycle:
	@event=$$(packaging/recycle.sh) && $(MAKE) --no-print-directory invoke EVENT="$$event"

logs:
	@aws logs tail /aws/lambda/$(STACK) --follow --format short

# The tools and the servers need 3.11; the function itself runs from 3.9.
$(VENV)/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
	  "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.13 ...")'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(RUN) -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Tools that pin what others pin otherwise have environments of their own.
.venv-stack/ready .venv-aws/ready .venv-lock/ready .venv-redis/ready: .venv-%/ready: packaging/requirements-%.txt
	@echo "setting up .venv-$* (once)"
	@$(PYTHON) -m venv --clear .venv-$*
	@.venv-$*/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

.venv-bench/ready: benchmarks/requirements.txt requirements.txt
$(PEERS:%=.venv-peer-%/ready): .venv-%/ready: benchmarks/requirements-%.txt
.venv-bench/ready $(PEERS:%=.venv-peer-%/ready):
	@echo "setting up $(@D) (once)"
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

$(LAMBDA)/ready: packaging/emulator.sh packaging/requirements-lambda.txt \
    packaging/requirements-emulator.txt requirements.lock
	@packaging/emulator.sh $(PYTHON_VERSION) $(LAMBDA)

clean:
	rm -rf $(VENV) .venv-* build .mypy_cache .pytest_cache .ruff_cache .hypothesis
