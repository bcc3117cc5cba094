#!/bin/sh
# Builds and runs all tests. usage: ./test.sh [PRESET]   (release, the default, or asan)
# Tests of the Python package need PyTorch: see tools/setup/python.sh for how to leave it out.
# The last line is "N passed, N failed"; the exit status is 0 if none failed.
set -eu
cd "$(dirname "$0")"
. tools/setup/packages.sh
. tools/setup/python.sh

preset=${1:-release}
install_packages
configure_and_build "$preset" lighthouse-tests
# A sanitizer would have to be in Python before everything else.
python=
[ "$preset" != release ] || setup_python build/python
exec python3 test/run.py "build/$preset/test" ${python:+"$python"}
