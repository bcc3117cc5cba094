#!/usr/bin/env bash
# Runs every kernel under NVIDIA's compute-sanitizer: memcheck, racecheck, initcheck, synccheck.
#
#   cmake --build --preset release --target lhc kernel-tests
#   tools/gpu/sanitize.sh [--quick] [--jobs=N] [TOOL...]
#
# For each tool: small forward and backward passes of the bundled pipelines, forward passes of
# stages.lh and the example kernels in all dtypes, ragged and with grouped heads, then the kernels of
# kernel-tests (not with --quick), N processes at a time. One line per tool; exit status 1 if a tool
# reports anything, 2 if it cannot run. BUILD names the build folder (default: build/release), LOGS
# where the logs of failed runs stay (default: a folder for temporary files).
#
# Two tools do not see all of what the kernels for sm_90a do:
# - initcheck does not see what the copy engine writes. Its runs have rows aligned to 8 bytes, for
#   which every kernel copies by threads.
# - racecheck takes an arrival at an mbarrier for that of the thread that speaks for its warp, not for
#   what the others did before they met it. The backward kernel with roles and a test, in which
#   threads fill buffers for another role, are left out.
set -u -o pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-$root/build/release}
logs=${LOGS:-$(mktemp -d)}
quick=no jobs=1
tools=()
for argument in "$@"; do
  case $argument in
    --quick) quick=yes ;;
    --jobs=[1-9]|--jobs=[1-9][0-9]) jobs=${argument#*=} ;;
    memcheck|racecheck|initcheck|synccheck) tools+=("$argument") ;;
    *) sed -n '2,20s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
[ ${#tools[@]} -gt 0 ] || tools=(memcheck racecheck initcheck synccheck)

sanitizer=$(command -v compute-sanitizer || true)
[ -n "$sanitizer" ] || sanitizer=/usr/local/cuda/bin/compute-sanitizer
if [ ! -x "$sanitizer" ]; then
  echo "sanitize.sh: no compute-sanitizer in PATH or /usr/local/cuda/bin" >&2
  exit 2
fi
lhc=$build/bin/lhc
if [ ! -x "$lhc" ]; then
  echo "sanitize.sh: no $lhc; build the target lhc" >&2
  exit 2
fi
if ! "$lhc" doctor | grep -q '^cuda:0:'; then
  echo "sanitize.sh: lhc sees no GPU" >&2
  exit 2
fi
mkdir -p "$logs"

# The runs: a name and the arguments of lhc, or of kernel-tests.
names=() commands=()
add() { names+=("$1"); shift; commands+=("$(printf '%q ' "$@")"); }

run() { # NAME PIPELINE DTYPE N H G D OPTIONS...
  local name=$1 pipeline=$2 dtype=$3 n=$4 h=$5 g=$6 d=$7
  shift 7
  add "$name" "$lhc" run "$root/kernels/lighthouse.lh" --pipeline "$pipeline" --target=cuda \
    --arg "q=random:$dtype[1,$n,$h,$d]" --arg "k=random:$dtype[1,$n,$g,$d]" \
    --arg "v=random:$dtype[1,$n,$g,$d]" "$@"
}
for dtype in f32 f16 bf16; do
  run "lighthouse $dtype" lighthouse $dtype 2048 2 2 64 --set K=128
  run "lighthouse $dtype, ragged and grouped" lighthouse $dtype 1999 4 2 128 --set K=128
  run "lighthouse $dtype, L=4 P=2" lighthouse $dtype 1024 2 1 64 --set L=4 --set P=2 --set K=128
  run "selection $dtype" lighthouse_selection $dtype 2048 2 2 64 --set K=256
  for order in "" --deterministic; do
    run "both passes $dtype $order" lighthouse $dtype 1999 4 2 128 --set K=128 --grad $order \
      --arg "do=random:$dtype[1,1999,4,128]"
  done
  for interleaved in false true; do
    run "rope $dtype, interleaved $interleaved" lighthouse_rope $dtype 1999 4 2 128 --set K=128 --grad \
      --set INTERLEAVED=$interleaved --arg "cos=random:f32[1999,64]" --arg "sin=random:f32[1999,64]" \
      --arg "do=random:$dtype[1,1999,4,128]"
  done
  add "own scores $dtype" "$lhc" run "$root/tools/gpu/stages.lh" --pipeline own_scores --target=cuda \
    --arg "q=random:$dtype[1,2048,2,64]" --arg "k=random:$dtype[1,2048,2,64]" \
    --arg "v=random:$dtype[1,2048,2,64]" --arg "s=random:f32[1,2,640]"
done

# Both passes of dense attention, ragged and grouped. On sm_90a head dims 64 and 128 take the kernels
# with roles, others a pipelined loop in the forward pass.
dense() { # DTYPE D OPTIONS...
  local dtype=$1 d=$2
  shift 2
  add "dense $dtype D=$d $*" "$lhc" run "$root/kernels/dense.lh" --pipeline dense --target=cuda --grad \
    --arg "q=random:$dtype[1,4,333,$d]" --arg "k=random:$dtype[1,2,333,$d]" \
    --arg "v=random:$dtype[1,2,333,$d]" --arg "do=random:$dtype[1,4,333,$d]" "$@"
}
for dtype in f16 bf16; do
  for causal in true false; do
    for d in 64 128; do
      dense $dtype $d --set CAUSAL=$causal
      dense $dtype $d --set CAUSAL=$causal --deterministic
    done
    for d in 80 256; do dense $dtype $d --set CAUSAL=$causal; done
  done
done

example() { # PIPELINE INPUT...
  local pipeline=$1 input arguments=()
  shift
  for input in "$@"; do arguments+=(--arg "$input"); done
  add "example $pipeline $*" "$lhc" run "$root/kernels/examples/$pipeline.lh" --pipeline "$pipeline" \
    --target=cuda "${arguments[@]}"
}
for dtype in f32 f16 bf16; do
  example vector_add x=random:$dtype[5000] y=random:$dtype[5000]
  example prefix_sum x=random:$dtype[5000]
  # Sizes that tiles divide and copies may be bulk copies of, and others.
  example matmul a=random:$dtype[256,192] b=random:$dtype[192,384]
  example matmul a=random:$dtype[200,99] b=random:$dtype[99,131]
  for n in 512 999; do
    example softmax x=random:$dtype[37,$n]
    example layer_norm x=random:$dtype[37,$n] weight=random:$dtype[$n] bias=random:$dtype[$n]
    example rms_norm x=random:$dtype[37,$n] weight=random:$dtype[$n]
  done
done
numRuns=${#names[@]}
if [ $quick = no ]; then
  if [ ! -x "$build/bin/kernel-tests" ]; then
    echo "sanitize.sh: no $build/bin/kernel-tests; build it, or say --quick" >&2
    exit 2
  fi
  parts=12
  for ((i = 0; i < parts; ++i)); do
    add "kernel-tests, part $i" env GTEST_TOTAL_SHARDS=$parts GTEST_SHARD_INDEX=$i \
      "$build/bin/kernel-tests" --gtest_brief=1
  done
fi

# One process of each program; a report makes its exit status 99.
check() { # TOOL NUMBER
  local tool=$1 i=$2 log=$logs/$1-$2.log command=${commands[$2]} options code errors hazards
  options=(--tool "$tool" --error-exitcode 99 --target-processes all --require-cuda-init no)
  case $tool in
    racecheck) options+=(--kernel-name-exclude kns=attend_backward_warp_specialised)
               [ "$i" -lt "$numRuns" ] || command+=" --gtest_filter=-RolesTest.RingThatThreadsFill" ;;
    initcheck) [ "$i" -ge "$numRuns" ] || command+=" --alignment=8" ;;
  esac
  eval "\"$sanitizer\" ${options[*]} $command" > "$log" 2>&1
  code=$?
  errors=$(sed -n 's/^=* *ERROR SUMMARY: \([0-9]*\) error.*/\1/p' "$log" | tail -n 1)
  hazards=$(sed -n 's/^=* *RACECHECK SUMMARY: \([0-9]*\) hazard.*/\1/p' "$log" | tail -n 1)
  if [ $code -eq 0 ] && [ "${errors:-${hazards:-none}}" = 0 ]; then
    rm -f "$log"
    return
  fi
  echo "$tool: ${names[$i]}: exit status $code, ${errors:-${hazards:-no}} reports; see $log" >&2
}

status=0
for tool in "${tools[@]}"; do
  start=$SECONDS
  rm -f "$logs/$tool"-*.log
  for i in "${!names[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    check "$tool" "$i" &
  done
  wait
  failed=$(find "$logs" -name "$tool-*.log" | wc -l)
  if [ "$failed" -eq 0 ]; then
    echo "$tool: ${#names[@]} runs without a report, $((SECONDS - start)) s"
  else
    echo "$tool: $failed of ${#names[@]} runs FAILED, $((SECONDS - start)) s"
    status=1
  fi
done
exit $status
