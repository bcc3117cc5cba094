#!/bin/sh
# Builds and runs all tests. usage: ./test.sh [PRESET]   (release, the default, or asan)
# The last line is "N passed, N failed"; the exit status is 0 if none failed.
set -eu
cd "$(dirname "$0")"
. tools/setup/packages.sh

preset=${1:-release}
install_packages
configure_and_build "$preset" lighthouse-tests
exec python3 test/run.py "build/$preset/test"
