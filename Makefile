# The commands of this project. Everything they make is under build/.
SHELL := /bin/sh
PYTHON := build/venv/bin/python
CMAKE := $(shell command -v cmake 2>/dev/null || echo cmake)
GENERATOR := $(shell command -v ninja >/dev/null 2>&1 && echo Ninja || echo "Unix Makefiles")
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
SOURCES = $(wildcard base/*.[ch] parser/*.[ch] rewrite/*.[ch] emit/*.[ch] cli/*.[ch] tests/unit/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch])

.PHONY: build debug fuzz test demo sweep mutations bench golden-update format lint system venv clean

# -- what the machine must have -----------------------------------------------------------------------------------------
system:
	@sh scripts/setup.sh system

venv: system
	@sh scripts/setup.sh venv

# -- building -----------------------------------------------------------------------------------------------------------
# $(call compile,PRESET): configure once, then build. CMake looks for new files by itself.
define compile
	@[ -f build/$(1)/CMakeCache.txt ] || $(CMAKE) --preset $(1) -G "$(GENERATOR)"
	@$(CMAKE) --build --preset $(1) --parallel $(JOBS)
endef

build: system
	$(call compile,release)

debug: system
	$(call compile,debug)

fuzz: system
	$(call compile,fuzz)
	@mkdir -p build/corpus
	build/fuzz/tests/fuzz_parse -max_total_time=$(or $(SECONDS),60) -max_len=4096 -timeout=10 build/corpus tests/data

# -- testing ------------------------------------------------------------------------------------------------------------
test: venv build debug
	ctest --preset debug --parallel $(JOBS)
	$(PYTHON) -m pytest -q tests

demo: venv build
	$(PYTHON) scripts/demo.py

sweep: venv build
	$(PYTHON) scripts/sweep.py

mutations: venv build
	$(PYTHON) scripts/mutate.py

bench: venv build
	$(PYTHON) scripts/bench.py

golden-update: venv build
	$(PYTHON) scripts/golden.py --update

# -- keeping the house clean ----------------------------------------------------------------------------------------------
format: venv
	clang-format -i $(SOURCES)
	$(PYTHON) -m ruff format -q .

lint: venv
	clang-format --dry-run -Werror $(SOURCES)
	$(PYTHON) -m ruff format -q --check .
	$(PYTHON) -m ruff check -q .

clean:
	rm -rf build/release build/debug build/fuzz
