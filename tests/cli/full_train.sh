#!/usr/bin/env bash
# Training through the program: killed, stopped and continued runs end with the bits of an uninterrupted one; a seed
# has the same bits alone and among others; what is written is what eval reads; the known outcomes of 1-D convection
# (Krishnapriyan et al. 2021: learnt at beta = 1, not at beta = 50).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
failed=0
fail() { echo "$*"; failed=1; }
# value KEY: of the JSON object on standard input; the first one of that name
value() { grep -o "\"$1\":[^,}]*" | sed -n 1p | cut -d: -f2- | tr -d '"'; }
# below A B
below() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a + 0 < b + 0) }'; }

# Two classes on a noisy spiral, from a linear congruential generator.
awk 'BEGIN { s = 7; for (i = 0; i < 600; i++) { s = (s * 16807) % 2147483647; r = s / 2147483647; c = i % 2;
  a = 6 * r + 3.14159265 * c; s = (s * 16807) % 2147483647; print r * cos(a) + 0.02 * s / 2147483647 "," r * sin(a) "," c } }' >spiral.csv

pinn=(train --problem convection --beta 50 --seed 3 --epochs 900 --checkpoint-every 20 --quiet --json)
net=(train --network mlp --data csv:spiral.csv --epochs 400 --batch 16 --nesterov --rate 0.05 --schedule cosine --warm-up 3
  --weight-decay 1e-4 --trajectory-every 100 --quiet --json)

# ---------------------------------------------------------------- kill -9
# killed NAME ARGUMENTS...: starts, kills once a piece is there, again and again, then lets it finish.
killed() {
  local name=$1 kills=0
  shift
  while [ $kills -lt 3 ]; do
    "$LOSSLENS" "$@" --out "$name.safetensors" >killed.json &
    local process=$! before
    before=$(ls "$name.safetensors.pieces" 2>/dev/null | tail -1 || true)
    for _ in $(seq 400); do
      kill -0 $process 2>/dev/null || break
      [ "$(ls "$name.safetensors.pieces" 2>/dev/null | grep -c piece$ || true)" -ge 1 ] &&
        [ "$(ls "$name.safetensors.pieces" | tail -1)" != "$before" ] && break
      sleep 0.01
    done
    kill -9 $process 2>/dev/null || break
    wait $process 2>/dev/null || true
    kills=$((kills + 1))
    [ ! -e "$name.safetensors" ] || break
  done
  [ $kills -ge 1 ] || fail "$name: it ended before it could be killed"
  [ -e "$name.safetensors" ] && [ ! -e "$name.safetensors.pieces" ] && return # the last one got to the end
  "$LOSSLENS" "$@" --resume --out "$name.safetensors" >"$name.json" || fail "$name: it was not continued"
}
"$LOSSLENS" "${pinn[@]}" --out pinn_whole.safetensors >pinn_whole.json
killed pinn_killed "${pinn[@]}"
cmp pinn_whole.safetensors pinn_killed.safetensors || fail "a killed L-BFGS run ended with other bits"
"$LOSSLENS" "${net[@]}" --out net_whole.safetensors >net_whole.json
killed net_killed "${net[@]}"
cmp net_whole.safetensors net_killed.safetensors || fail "a killed SGD run ended with other bits"
[ ! -e net_killed.safetensors.pieces ] || fail "pieces are left behind after the end"

# ---------------------------------------------------------------- --max-time
stops=0
until "$LOSSLENS" "${net[@]}" --max-time 0.05 --out net_timed.safetensors >timed.json 2>timed.err; do
  grep -q 'the same command continues from there' timed.err || { cat timed.err; fail "a stop that does not say how to go on"; break; }
  stops=$((stops + 1))
  [ $stops -lt 2000 ] || { fail "no progress within the time limit"; break; }
done
[ $stops -ge 2 ] || fail "the time limit stopped it $stops times; wanted at least 2"
cmp net_whole.safetensors net_timed.safetensors || fail "a run stopped by time ended with other bits"
[ "$(ls net_whole.safetensors.trajectory)" = "$(printf 'epoch_%05d.safetensors\n' 0 100 200 300 400)" ] || fail "the trajectory has other entries"
for entry in net_whole.safetensors.trajectory/*; do
  cmp "$entry" "net_timed.safetensors.trajectory/${entry##*/}" || fail "another trajectory"
done

# ---------------------------------------------------------------- other work is not mixed in
"$LOSSLENS" "${net[@]}" --max-time 0.01 --out mixed.safetensors >/dev/null 2>&1 || true
"$LOSSLENS" "${net[@]}" --rate 0.01 --out mixed.safetensors >/dev/null 2>mixed.err && fail "pieces of other work were taken"
grep -q 'it holds pieces of other work' mixed.err || { cat mixed.err; fail "other words"; }
"$LOSSLENS" "${net[@]}" --resume --out nothing.safetensors >/dev/null 2>none.err && fail "--resume began anew"
grep -q 'there is nothing to continue' none.err || { cat none.err; fail "other words"; }

# ---------------------------------------------------------------- what is written is what was trained
"$LOSSLENS" eval --problem convection --beta 50 --checkpoint pinn_whole.safetensors --json >eval.json
[ "$(value loss <eval.json)" = "$(value loss <pinn_whole.json)" ] || fail "eval sees another loss than train"
"$LOSSLENS" "${pinn[@]}" --threads 1 --out pinn_one.safetensors >/dev/null
cmp pinn_whole.safetensors pinn_one.safetensors || fail "other bits on one thread"
below "$(value training_loss <net_whole.json)" 0.2 || fail "the spiral was not learnt"

# A state on the way is a checkpoint too, with the optimiser's state beside the weights.
"$LOSSLENS" train --network mlp --data csv:spiral.csv --epochs 3 --batch 16 --optimiser adam --quiet --pieces states --out adam.safetensors >/dev/null
for file in states/epoch_3.piece adam.safetensors; do
  "$LOSSLENS" eval --network mlp --data csv:spiral.csv --checkpoint $file --json >"${file##*/}.json"
done
cmp epoch_3.piece.json adam.safetensors.json || fail "the last state is not what was written"
grep -q 'optimiser.vectors *float32 \[2, ' <<<"$("$LOSSLENS" inspect states/epoch_2.piece)" || fail "two moments of Adam are missing"

# A loss that is not finite is told, and the weights before it are kept.
"$LOSSLENS" train --network mlp --data csv:spiral.csv --epochs 20 --batch 16 --rate 1e6 --quiet --json --out wild.safetensors >wild.json
[ "$(value reason <wild.json)" = diverged ] || { cat wild.json; fail "divergence was not told"; }

# ---------------------------------------------------------------- convection, alone and together
"$LOSSLENS" train --problem convection --beta 1 --seeds 0..4 --quiet --json --out one.safetensors >one.json
grep -o '"relative_l2":[^,}]*' one.json | cut -d: -f2 >errors.txt
[ "$(wc -l <errors.txt)" = 5 ] || fail "not five errors"
while read -r e; do below "$e" 0.03 || fail "beta = 1: relative error $e; wanted below 0.03"; done <errors.txt
for seed in 0 3; do
  "$LOSSLENS" train --problem convection --beta 1 --seed $seed --quiet --out alone_$seed.safetensors >/dev/null
  cmp alone_$seed.safetensors one_$seed.safetensors || fail "seed $seed has other bits alone than among others"
done
error=$(value relative_l2 <pinn_whole.json)
below 0.5 "$error" || fail "beta = 50: relative error $error; wanted above 0.5"
exit $failed
