# SPDX-License-Identifier: Apache-2.0
# What one does with gamut, each as one command; `make help` lists them. CMake and CTest do the work.
.DEFAULT_GOAL := help
.PHONY: help demo setup build program everything test files fuzz sanitize bench install wheel check tidy format docs clean

PREFIX ?= /usr/local
JOBS ?= $(shell scripts/jobs.sh)
SOURCES := find src tests bench cmake examples -name '*.h' -o -name '*.cpp'

help:
	@echo "make demo     set up, build, fine-tune the shipped model by Flow-GRPO and by gamut, compare"
	@echo "make build    set up and build the program: build/gamut"
	@echo "make test     set up, build everything, run every test"
	@echo "make files    compile every file by itself, by clang, which finds includes that only a neighbor has"
	@echo "make install  set up, build and install below PREFIX (default: /usr/local)"
	@echo "make wheel    set up, build and pack the program as a Python wheel: dist/gamut-*.whl"
	@echo "make fuzz     feed the readers hostile files under sanitizers, two minutes"
	@echo "make sanitize  run the tests under address and undefined-behavior sanitizers"
	@echo "make bench    set up, build everything, run the benchmarks"
	@echo "make check    order of the rooms, docs, sizes, format"
	@echo "make tidy     clang-tidy"
	@echo "make format   format the C++ sources"
	@echo "make docs     write docs/config.md anew"
	@echo "make clean    remove build/"

demo:
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory program
	scripts/demo.sh

setup:
	@scripts/setup.sh build

# A LibTorch named in the environment goes before the others.
CONFIGURE = cmake --log-level=ERROR $(if $(CMAKE_PREFIX_PATH),-DCMAKE_PREFIX_PATH="$(subst :,;,$(CMAKE_PREFIX_PATH))")

build: setup
	@$(MAKE) --no-print-directory program

# Once setup.sh has been.
program:
	@$(CONFIGURE) --preset release > /dev/null
	cmake --build build --target gamut --parallel $(JOBS)

everything:
	@scripts/setup.sh test
	@$(CONFIGURE) --preset release -DGAMUT_TESTS=ON -DGAMUT_BENCH=ON > /dev/null
	cmake --build build --parallel $(JOBS)

# Waiting threads sleep, since several tests share the cores: one more than there are, as some wait for others.
test: everything
	OMP_WAIT_POLICY=passive ctest --test-dir build --output-on-failure --parallel $$(($(JOBS) + 1))

# What counts is that each compiles; nothing is written. By clang, a second opinion that takes less time; FILES_CXX=g++ works too.
FILES_CXX ?= clang++-16
files:
	@scripts/setup.sh files
	@$(CONFIGURE) --preset files -DGAMUT_TESTS=ON -DGAMUT_BENCH=ON -DCMAKE_CXX_COMPILER=$(FILES_CXX) > /dev/null
	cmake --build build-files --target gamut_pch
	python3 scripts/compile_files.py build-files --jobs $(JOBS)

# Two minutes of hostile files for the readers, under sanitizers; without LibTorch.
fuzz:
	@scripts/setup.sh build
	scripts/fuzz.sh

bench: everything
	build/bench_gamut
	bench/on_paths.sh build/bench_kernels

install: build
	cmake --install build --prefix "$(PREFIX)"

wheel: build
	@cmake --build build --parallel $(JOBS) --target gamut_python 2> /dev/null || true
	@scripts/setup.sh wheel
	python3 scripts/make_wheel.py --build build --out dist

check:
	@scripts/setup.sh check
	python3 scripts/check_rooms.py
	python3 scripts/check_docs.py
	python3 scripts/size_report.py
	@$(SOURCES) | xargs $(FORMAT) --dry-run --Werror && echo "format: as $(FORMAT) writes it"

# The first version whose output Debian and Ubuntu both have; others break lines elsewhere.
FORMAT := clang-format-14

format:
	@scripts/setup.sh check
	$(SOURCES) | xargs $(FORMAT) -i

# clang-tidy's bugprone and performance groups (.clang-tidy), in batches, since most of a file's time goes into LibTorch's headers.
# OpenMP's header is g++'s, and left out. Single rooms: make tidy TIDY="io eval"
TIDY ?=
tidy:
	@scripts/setup.sh check
	@$(CONFIGURE) --preset release -B build-tidy -DGAMUT_PCH=OFF -DCMAKE_EXPORT_COMPILE_COMMANDS=ON > /dev/null
	find $(addprefix build-tidy/src/gamut/,$(or $(TIDY),/)) -name 'unity_*.cxx' | sort | \
	  xargs -n 1 -P $(JOBS) clang-tidy-14 -p build-tidy --quiet --extra-arg=-Wno-unknown-warning-option \
	    --extra-arg=-fno-openmp

# Tests of the rooms given, or of all, under address and undefined-behavior sanitizers.
SANITIZE ?= all
sanitize:
	@scripts/setup.sh test
	@$(CONFIGURE) --preset sanitize -DGAMUT_TESTS=ON > /dev/null
	scripts/sanitize.sh $(SANITIZE)

docs: build
	python3 scripts/gen_config_docs.py

clean:
	rm -rf build dist
