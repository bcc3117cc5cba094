#!/bin/sh
# Builds lhc and runs the Lighthouse forward pass on 65536 positions: times of each stage, error
# against the fp64 oracle, and dense attention on the same machine. usage: ./demo.sh [N]
set -eu
cd "$(dirname "$0")"
. tools/setup/packages.sh

install_packages
configure_and_build release lhc lighthouse-opt
echo "[demo] Lighthouse Attention, forward, N = ${1:-65536}, L = 3, p = 4, k = 1536, 2 heads of 64, float32"
shape="random:f32[1,${1:-65536},2,64]"
exec build/release/bin/lhc bench kernels/lighthouse.lh --pipeline lighthouse \
  --set L=3 --set P=4 --set K=1536 --arg "q=$shape" --arg "k=$shape" --arg "v=$shape" --check --dense
