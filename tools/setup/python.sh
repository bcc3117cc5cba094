# Sourced by test.sh: a virtual environment for the tests of the Python package.

# setup_python FOLDER: PyTorch and what the tests use from PyPI, unless it is there. Sets `python` to
# its interpreter, unless it is left out.
setup_python() {
  if [ -n "${LIGHTHOUSE_WITHOUT_PYTORCH:-}" ]; then
    echo "[setup] LIGHTHOUSE_WITHOUT_PYTORCH is set: the tests of the Python package are skipped."
    return 0
  fi
  if ! [ -e "$1/complete" ]; then
    echo "[setup] Installing PyTorch from PyPI to $1: about 3 GB. LIGHTHOUSE_WITHOUT_PYTORCH=1 leaves" \
         "it out and skips the tests of the Python package."
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check \
      torch numpy ml_dtypes pytest transformers
    touch "$1/complete"
  fi
  python=$1/bin/python
}
