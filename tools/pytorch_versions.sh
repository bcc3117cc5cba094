#!/bin/sh
# Runs the tests of the Python package under releases of PyTorch from PyPI, after test.sh has built the
# libraries. usage: tools/pytorch_versions.sh VERSION...   for example 2.8.0 2.9.1
# Every release has an environment of its own under build/, about 6 GB, that is removed when its tests are
# done. A line for each says how they ended; the exit status is 0 if none failed.
set -eu
cd "$(dirname "$0")/.."

[ $# -gt 0 ] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
export PYTHONPATH=$PWD/python
export LIGHTHOUSE_LIBRARY_DIR=${LIGHTHOUSE_LIBRARY_DIR:-$PWD/build/release/lib}
failed=0
for version; do
  environment=build/pytorch-$version
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check \
    "torch==$version" numpy ml_dtypes pytest transformers
  log=build/pytorch-$version.log
  "$environment/bin/python" -m pytest -q test/python > "$log" 2>&1 || failed=1
  echo "PyTorch $version: $(tail -n 1 "$log")"
  rm -rf "$environment"
done
exit $failed
