# make demo   sets up, builds, and runs the best end-to-end example
# make test   sets up, builds, and runs the quick and the full tests, then the quick ones with sanitizers
# make bundle one relocatable archive that runs on any x86-64 Linux
# make test-quick | test-asan | test-tsan | test-long | bench | format | clean
.PHONY: all setup build demo test test-quick test-asan test-tsan test-long bench bundle format clean

BUILD := build/release
JOBS ?= $(shell nproc)

all: build

setup:
	@tools/setup

build: setup
	@cmake --preset release -DLOSSLENS_WERROR=$(if $(CI),ON,OFF) >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
	@rm -f build-configure.log
	@cmake --build $(BUILD) -j $(JOBS)

demo: build
	@examples/demo.sh $(BUILD)

test: build
	@tools/run_tests

test-quick: build
	@ctest --test-dir $(BUILD) -L quick --output-on-failure -j $(JOBS)

test-asan test-tsan: test-%: setup
	@cmake --preset $* >/dev/null && cmake --build build/$* -j $(JOBS)
	@ctest --test-dir build/$* -L quick --output-on-failure -j $(JOBS)

test-long: test
	@tools/fuzz_all

bench: build
	@bench/run

bundle: build
	@tools/bundle $(BUILD)

format:
	@tools/check_format --write

clean:
	@rm -rf build
