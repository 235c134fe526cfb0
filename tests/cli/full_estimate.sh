#!/usr/bin/env bash
# The memory that --dry-run predicts against what the run's process then held at its peak, as the kernel counts it: within
# a factor of two, for an ensemble of PINNs and for networks on images with their Hessians.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0

# check STUDY: runs STUDY.yaml
check() {
  local predicted pid peak=0 now
  "$LOSSLENS" run "$1.yaml" --dry-run --json >plan.json
  predicted=$(tr ',{' '\n\n' <plan.json | awk -F: '/"memory_bytes"/ { printf "%d", $2 / 1024; exit }')
  "$LOSSLENS" run "$1.yaml" >run.txt 2>&1 &
  pid=$!
  while now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    peak=$now
    sleep 0.05
  done
  wait "$pid" || { cat run.txt; echo "$1: the run failed"; exit 1; }
  echo "$1: predicted $predicted KiB, peak $peak KiB"
  if [ "$predicted" -gt $((2 * peak)) ] || [ "$peak" -gt $((2 * predicted)) ]; then failed=1; fi
}

cat >pinn.yaml <<'YAML'
study: pinn
effort: quick
groups:
  - name: convection
    problem: convection
    beta: 1
    train: {seeds: 0..5, epochs: 60}
analyses:
  landscape: {grid: 11x11}
  hessian: {top: 2, trace: false, density: false}
YAML
cat >images.yaml <<'YAML'
study: images
effort: quick
groups:
  - name: unet
    network: unet
    options: {depth: 3, width: 8}
    data: 'shapes:300,32'
    train: {seeds: 0..1, epochs: 1}
analyses:
  landscape: {grid: 5x5, samples: 100}
  hessian: {top: 2, samples: 100, trace: false, density: false}
YAML
check pinn
check images
exit $failed
