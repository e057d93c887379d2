# Everything a person or CI runs. Needs Python 3.10+ and make alone.
PYTHON ?= python3
VENV ?= .venv
OLDEST ?= .venv-oldest
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: chat test check check-oldest soak fix clean

chat: $(STAMP)  ## open the program on the bundled model
	$(BIN)/llama2ncnn-chat

test: $(STAMP)  ## run the tests
	$(BIN)/pytest

check: $(STAMP)  ## everything that CI runs
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m tests.audit
	$(MAKE) test
	$(BIN)/python -m benchmarks.campaign --short

check-oldest: $(OLDEST)/.installed  ## what meets libraries, with the oldest ones that are allowed
	$(OLDEST)/bin/pytest tests/convert/hub tests/generation/test_schema.py tests/model/kernels \
		tests/remote \
		tests/storage/test_snapshots.py tests/text/templates tests/ui/repl/test_keyboard.py \
		tests/ui/test_oneshot.py tests/serve tests/ui/tui/test_keyboard.py tests/ui/tui/test_snapshots.py

soak: $(STAMP)  ## do to it all that can go wrong around it; takes an hour and a half
	$(BIN)/python -m benchmarks.campaign

fix: $(STAMP)  ## format, and mend what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(OLDEST) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(OLDEST)/.installed: $(STAMP)
	$(PYTHON) -m venv $(OLDEST)
	$(BIN)/python -m tests.lowest > $(OLDEST)/constraints.txt
	$(OLDEST)/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(OLDEST)/bin/python -m pip install --quiet --constraint $(OLDEST)/constraints.txt \
		--editable '.[schema,serve]' --group dev
	touch $@

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[schema,serve]' --group dev
	touch $(STAMP)
