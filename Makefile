# Every target works from a fresh clone: the virtual environment is made on first use and renewed when the lock changes.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
READY := $(VENV)/.ready
VIRTUAL := tests/conformance tests/fuzz tests/scenario
CERTIFIED := bsec-240k-dc bsec-22k-ac xcharge-c6 ecu-l7002s

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format types imports bench bench-guard certify mutants fuzz kill-series power-cut-series damage-series faults-on-wires soak day docs lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(READY)

demo: $(READY) ## one whole charging session, simulated, as a readable timeline
	$(BIN)/chargerd demo

test: $(READY) ## the tests (real processes included), in two lanes side by side
	@printf '%s\n' '$(VIRTUAL)' 'tests $(VIRTUAL:%=--ignore=%)' | xargs -P 2 -I{} sh -c '$(BIN)/python -m pytest --durations=15 {}'

check: lint types imports test ## what CI runs

lint: $(READY) ## ruff: format and rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

format: $(READY) ## let ruff format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: $(READY) ## mypy --strict
	$(BIN)/mypy

imports: $(READY) ## import-linter: layers and purity
	$(BIN)/lint-imports

bench: $(READY) ## speed and size beside two yardsticks, as a table against the aims (20 minutes)
	$(BIN)/python -m tests.bench

bench-guard: $(READY) ## how soon contactors open when daemon, guard or disk fail: RUNS=200 make bench-guard (2 hours)
	$(BIN)/python -m tests.guard --runs $${RUNS:-200} $(EVENTS)

certify: $(READY) ## the conformance cases on every certified preset, in real time, side by side; reports in build/certify
	@rm -rf build/certify && mkdir -p build/certify
	@status=0; printf '%s\n' $(CERTIFIED) | xargs -P 4 -I{} sh -c '$(BIN)/chargerbench certify --config etc/stations/{}.yaml \
	  --against tests/data/certificates/{}.yaml --report build/certify/{} > build/certify/{}.txt 2> build/certify/{}.log' || status=1; \
	for preset in $(CERTIFIED); do printf '\n%s\n\n' $$preset; test -s build/certify/$$preset.txt && cat build/certify/$$preset.txt || cat build/certify/$$preset.log; done; exit $$status

mutants: $(READY) ## deliberate faults in a copy of the daemon: which conformance case catches which
	$(BIN)/python -m tests.mutants

fuzz: $(READY) ## a hostile central system against a station that charges: FRAMES=100000 SEED=7 make fuzz
	$(BIN)/python -m tests.fuzz --frames $${FRAMES:-100000} $${SEED:+--seed $$SEED}

kill-series: $(READY) ## the SIGKILL test, longer: KILLS=500 make kill-series
	KILLS=$${KILLS:-500} $(BIN)/python -m pytest tests/system/test_kill.py -x -s

power-cut-series: $(READY) ## SIGKILL at every commit of a session without the central system, on every preset (5 minutes)
	EVERY_COMMIT=1 $(BIN)/python -m pytest tests/system/test_killed_at_commit.py -x -s

damage-series: $(READY) ## a journal cut off at, and spoilt in, every byte (20 minutes)
	EVERY_BYTE=1 $(BIN)/python -m pytest tests/unit/journal/test_journal_damage.py -x --timeout 20000

faults-on-wires: $(READY) ## silent, late and garbled devices in real time, on wires to processes of their own (a minute)
	REAL_WIRES=1 $(BIN)/python -m pytest tests/wire/test_faults.py -x

soak: $(READY) ## every kind of device on real wires, failing at random, while vehicles charge: DURATION=600 SEED=7 make soak
	$(BIN)/python -m tests.soak --seconds $${DURATION:-600} $${SEED:+--seed $$SEED}

day: $(READY) ## twelve hours at the BSEC-240K with forty vehicles: energies, limits, use of the supply: DAY_HOURS=12 SEED=5 make day
	DAY_HOURS=$${DAY_HOURS:-12} $(BIN)/python -m pytest tests/scenario/test_day.py -x

docs: $(READY) ## draw the generated parts of docs/ from the code
	$(BIN)/python -m tests.support.generated_docs

lock: ## renew requirements/*.txt from pyproject.toml (needs the network)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	for extra in run dev; do \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --upgrade \
	    --extra bench --extra gpiod $$( [ $$extra = dev ] && echo --extra dev ) pyproject.toml -o requirements/$$extra.txt; \
	done

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
