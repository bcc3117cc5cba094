# Sourced by demo.sh and test.sh: makes sure that what the build needs is installed.

packages="ca-certificates ccache cmake g++ libfmt-dev libgmock-dev libgtest-dev libmlir-22-dev
libopenblas-dev libzstd-dev llvm-22-dev llvm-22-tools mlir-22-tools ninja-build nlohmann-json3-dev
python3 python3-dev python3-venv zlib1g-dev"

# The packages of the list that are not installed.
missing_packages() {
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' ||
      printf '%s ' "$package"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "[setup] This is not a Debian system; the build needs what these Debian packages hold:" $packages
    return 0
  fi
  missing=$(missing_packages)
  if [ -z "$missing" ]; then
    echo "[setup] All packages are installed."
    return 0
  fi
  if [ "$(id -u)" = 0 ]; then
    root=
  elif command -v sudo >/dev/null && sudo -v; then
    root=sudo
  else
    echo "[setup] These packages are missing, and installing them needs root or sudo." >&2
    echo "[setup] As root, run: apt-get install --no-install-recommends $missing" >&2
    return 1
  fi
  echo "[setup] Installing: $missing"
  log=$(mktemp)
  if { $root apt-get update &&
       $root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
     } >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  still=$(missing_packages)
  echo "[setup] Installing failed. Still missing: $still" >&2
  echo "[setup] LLVM 22 is part of Debian 12's security archive (bookworm-security); check that" \
       "/etc/apt lists it. The whole log: $log" >&2
  return 1
}

# configure_and_build PRESET TARGET...: builds targets of a preset of CMakePresets.json.
configure_and_build() {
  preset=$1
  shift
  echo "[build] Configuring build/$preset"
  cmake --preset "$preset" >/dev/null
  echo "[build] Building: $*  (a first build takes some minutes)"
  cmake --build --preset "$preset" --target "$@"
}
