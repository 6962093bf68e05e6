# Two commands are the whole set-up: `make demo` and `make check`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := models,gemma,genomics,slides,dicomweb,dev

.PHONY: demo check lint types imports spelling test bench clean

demo: $(VENV)/ready
	$(BIN)/wardround demo

check: lint types imports spelling test

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
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadgroup -m "not bench"

bench: $(VENV)/ready
	$(BIN)/pytest -q -s -m bench tests/bench

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
	rm -rf $(VENV) build dist *.egg-info demo-output .mypy_cache .ruff_cache .pytest_cache .hypothesis
