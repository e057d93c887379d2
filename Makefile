# Everything a person or CI runs. Needs Python 3.10+ and make alone.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: chat test check soak fix clean

chat: $(STAMP)  ## open the program on the bundled model
	$(BIN)/llama2ncnn-chat

test: $(STAMP)  ## run the tests
	$(BIN)/pytest

check: $(STAMP)  ## everything that CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test
	$(BIN)/python -m benchmarks.campaign --short

soak: $(STAMP)  ## do to it all that can go wrong around it; takes an hour
	$(BIN)/python -m benchmarks.campaign

fix: $(STAMP)  ## format, and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable . --group dev
	touch $(STAMP)
