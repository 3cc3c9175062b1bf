# Works with GNU make 3.81 and a POSIX sh, in a path with blanks (every path here is relative), as root and as anyone.
# Programs of the environment are called as modules: a script's first line cannot name an interpreter behind a blank.
SHELL = /bin/sh
PY = .venv/bin/python
PYTHONUTF8 = 1
export PYTHONUTF8

.PHONY: help demo test check unit integration pages bench soak install install-dev wheels lock audit errors authorisation clean

help:
	@echo 'make demo      build a small synthetic province and open the portal on http://localhost:8000'
	@echo 'make test      everything that must hold: static checks, unit, property, integration, pages'
	@echo 'make check     static checks only: lint, format, types, import rules'
	@echo 'make bench     figures, each beside its limit or peer measured in the same run'
	@echo 'make soak      KILLS (500) kills, HISTORIES (1000) random histories, JUDGED (20000) dossiers judged twice,'
	@echo '               properties on EXAMPLES (50) times as many examples as they name, FUZZ_CASES (1000000) envelopes'
	@echo 'make wheels    download every dependency into ./wheels; afterwards nothing needs the network'
	@echo 'make install   runtime only; make install-dev adds what the tests need'
	@echo 'make audit     known vulnerabilities of the locked dependencies (needs the network)'

demo: install
	@$(PY) -m bienho demo

test: install-dev
	@$(PY) tools/run_tests.py all

check: install-dev
	@$(PY) tools/run_tests.py static

unit: install-dev
	@$(PY) tools/run_tests.py unit

integration: install-dev
	@$(PY) tools/run_tests.py integration

pages: install-dev
	@$(PY) tools/run_tests.py pages

bench: install-dev
	@$(PY) -m bench $(BENCH)

soak: install-dev
	@$(PY) -m bench.soak --kills "$${KILLS:-500}" --histories "$${HISTORIES:-1000}"
	@BIENHO_EXAMPLES="$${EXAMPLES:-50}" $(PY) -m pytest -q -m 'not shared' tests/property
	@$(PY) -m bench.agree --dossiers "$${JUDGED:-20000}"
	@$(PY) -m bench.fuzz --cases "$${FUZZ_CASES:-1000000}"

install:
	@sh tools/install.sh runtime

install-dev:
	@sh tools/install.sh dev

wheels:
	@sh tools/install.sh wheels

# The two locks name the same versions: the small one is what `make demo` installs.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command 'make lock' --extra dev pyproject.toml tools/build-backend.in -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	  --custom-compile-command 'make lock' -c requirements-dev.lock pyproject.toml tools/build-backend.in -o requirements.lock

audit: install-dev
	@$(PY) tools/audit.py

errors: install-dev
	@$(PY) tools/error_codes.py docs/errors.md

authorisation: install-dev
	@$(PY) tools/authorisation.py docs/authorisation.md

clean:
	rm -rf .venv .mypy_cache .ruff_cache .import_linter_cache .pytest_cache .hypothesis
