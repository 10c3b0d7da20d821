# The commands of this checkout. Each sets up what it needs in .venv; none needs root.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint soak fuzz bench bench-layers bench-peers bench-scale docs clean

$(BIN)/dhcpcallout: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(BIN)/pytest: $(BIN)/dhcpcallout
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

# Set up everything, then lease addresses over loopback from a server with a callout.
run: $(BIN)/dhcpcallout
	$(BIN)/python examples/quickstart.py

# The whole suite. REQUIRE_SYSTEM=1 turns the skips for lack of root or a foreign program into failures.
test: $(BIN)/pytest
	$(BIN)/python -m pytest

lint: $(BIN)/pytest
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Fuzz the codec with atheris, which has an environment of its own: RUNS executions for each of the two targets.
RUNS ?= 200000
FUZZ := .fuzz/venv/bin/python

.fuzz/venv/ready: pyproject.toml
	test -x $(FUZZ) || $(PYTHON) -m venv .fuzz/venv
	$(FUZZ) -m pip install --quiet --disable-pip-version-check atheris --editable '.[testing]'
	touch $@

fuzz: .fuzz/venv/ready
	$(FUZZ) tests/fuzz/fuzz_wire.py message -runs=$(RUNS) -max_len=700 -artifact_prefix=.fuzz/message- .fuzz/corpus/message
	$(FUZZ) tests/fuzz/fuzz_wire.py value -runs=$(RUNS) -max_len=300 -artifact_prefix=.fuzz/value- .fuzz/corpus/value

# Drive a server through random histories for minutes: EXAMPLES histories of it. Then kill a real one under load KILLS
# times, and have its lease store fail, or be killed, at every single system call.
EXAMPLES ?= 5000
KILLS ?= 300
soak: $(BIN)/pytest
	HYPOTHESIS_PROFILE=soak EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest --timeout=0 tests/property/test_server_machine.py
	KILLS=$(KILLS) EVERY=1 $(BIN)/python -m pytest tests/system/test_crashes.py tests/stores/test_faults.py

# Whether a packet costs more than it did: the layers alone, in seconds. To record what it costs now: ARGS=--record
bench: $(BIN)/dhcpcallout
	$(BIN)/python -m benchmarks.bench_regression $(ARGS)

# How fast the layers are: the codec beside other libraries, which get an environment of their own in build/, the engine
# with few and many leases, and what callouts' hooks cost.
bench-layers: $(BIN)/dhcpcallout
	$(BIN)/python benchmarks/bench_wire.py
	$(BIN)/python benchmarks/bench_engine.py
	$(BIN)/python benchmarks/bench_hooks.py

# How fast beside Kea, dnsmasq, ISC dhcpd, coredhcp and pydhcp: as root, with what benchmarks/peers/README.md names.
bench-peers: $(BIN)/dhcpcallout
	$(BIN)/python -m benchmarks.peers $(ARGS)

# How long a start with a million leases takes, and how much memory, beside Kea: as root, too.
bench-scale: $(BIN)/dhcpcallout
	$(BIN)/python -m benchmarks.bench_scale $(ARGS)

# What is generated of the documentation, from what it documents.
docs: $(BIN)/dhcpcallout
	$(BIN)/python -m dhcpcallout.config.reference > docs/configuration.md
	$(BIN)/python -m dhcpcallout.wire.reference > docs/options.md

clean:
	rm -rf $(VENV) build dist
