# SPDX-License-Identifier: Apache-2.0
# What one does with gamut, each as one command; `make help` lists them. CMake and CTest do the work.
.DEFAULT_GOAL := help
.PHONY: help demo setup configure build test files fuzz bench check format docs clean

JOBS ?= $(shell scripts/jobs.sh)
SOURCES := find src tests bench cmake -name '*.h' -o -name '*.cpp'

help:
	@echo "make demo     set up, build, fine-tune the shipped model by Flow-GRPO and by gamut, compare"
	@echo "make build    set up and build the program: build/gamut"
	@echo "make test     set up, build everything, run every test"
	@echo "make files    compile every file by itself, which finds includes that only a neighbor has"
	@echo "make fuzz     feed the readers hostile files under sanitizers, two minutes"
	@echo "make bench    set up, build everything, run the benchmarks"
	@echo "make check    order of the rooms, docs, sizes, format"
	@echo "make format   format the C++ sources"
	@echo "make docs     write docs/config.md anew"
	@echo "make clean    remove build/"

demo: build
	scripts/demo.sh

setup:
	@scripts/setup.sh

# A LibTorch named in the environment goes before the wheel in .venv.
PREFIX_PATH = $(if $(CMAKE_PREFIX_PATH),-DCMAKE_PREFIX_PATH="$(subst :,;,$(CMAKE_PREFIX_PATH))")
configure: setup
	@cmake --preset release --log-level=ERROR $(PREFIX_PATH) > /dev/null

build: configure
	cmake --build build --target gamut --parallel $(JOBS)

# Waiting threads sleep, since several tests share the cores.
test: configure
	cmake --build build --parallel $(JOBS)
	OMP_WAIT_POLICY=passive ctest --test-dir build --output-on-failure --parallel $(JOBS)

# Unoptimized: what counts is that it compiles without a warning.
files: setup
	@cmake --preset files --log-level=ERROR $(PREFIX_PATH) > /dev/null
	cmake --build build-files --parallel $(JOBS)

# Two minutes of hostile files for the readers, under sanitizers; without LibTorch.
fuzz: setup
	scripts/fuzz.sh

bench: configure
	cmake --build build --parallel $(JOBS)
	build/bench_gamut
	bench/on_paths.sh build/bench_kernels

check:
	python3 scripts/check_rooms.py
	python3 scripts/check_docs.py
	python3 scripts/size_report.py
	@if command -v clang-format > /dev/null; then \
	  echo "$$($(SOURCES) | xargs clang-format --dry-run 2>&1 | grep -o '^[^:]*:' | sort -u | wc -l)" \
	       "of $$($(SOURCES) | wc -l) files would be changed by make format"; \
	else echo "clang-format was not found; the format was not checked (apt-get install clang-format)"; fi

format:
	$(SOURCES) | xargs clang-format -i

docs: build
	python3 scripts/gen_config_docs.py

clean:
	rm -rf build
