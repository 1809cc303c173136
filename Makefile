# Two commands on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench conformance interop catalogue clean

# The stamp says that the virtualenv holds exactly what the lock names.
.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

demo: .venv/.ready
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh tests/stories/demo.sh

test: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses 2

bench: .venv/.ready
	$(BIN)/python bench/acts.py
	$(BIN)/python bench/history.py
	$(BIN)/python bench/cold_start.py
	$(BIN)/python bench/receipt.py
	$(BIN)/python bench/sweep.py
	$(BIN)/python bench/replay.py

conformance: .venv/.ready
	$(BIN)/python tests/conformance_page.py

# What we export, read by pm4py: half a gigabyte that nothing else needs, so in a virtualenv of its own.
interop: .venv/.ready
	$(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock
	.venv-interop/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	.venv-interop/bin/python -m pip install --quiet "pm4py>=2.7.20"
	.venv-interop/bin/python -m pytest --quiet tests/test_exports.py -k pm4py

catalogue: .venv/.ready
	$(BIN)/pybabel --quiet extract --keywords say:1 --no-location --sort-output --output engine/locale/lianban.pot engine cli.py
	$(BIN)/pybabel --quiet update --no-fuzzy-matching --no-wrap --domain lianban --input-file engine/locale/lianban.pot --output-dir engine/locale --locale zh
	rm engine/locale/lianban.pot
	$(BIN)/pybabel --quiet compile --domain lianban --directory engine/locale

clean:
	rm -rf .venv .venv-interop .pytest_cache .mypy_cache .ruff_cache dist
