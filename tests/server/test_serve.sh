#!/usr/bin/env bash
# losslens serve as a user starts it: the address is the last line, Ctrl-C and SIGTERM end it with status 0, a port that is
# taken and files that are none are said in one line.
set -euo pipefail
program=$LOSSLENS
work=$(mktemp -d)
pid=
finish() { [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
fail() { echo "FAIL: $*" >&2; exit 1; }

printf '1,2,3\n4,0,6\n7,8,9\n' >"$work/field.csv"
printf 'nothing\x00\x01' >"$work/nothing.bin"

start() { # arguments; sets pid and url
  : >"$work/out" # the shell goes on before the program's own redirection has emptied it
  "$program" serve "$@" >"$work/out" 2>"$work/err" &
  pid=$!
  for _ in $(seq 600); do
    url=$(tail -n 1 "$work/out")
    [ -z "$url" ] || return 0
    kill -0 "$pid" 2>/dev/null || fail "it ended: $(cat "$work/err")"
    sleep 0.1
  done
  fail "no address"
}

for signal in INT TERM; do
  start "$work/field.csv" --port 0
  grep -Eq '^http://127\.0\.0\.1:[0-9]+/\?token=[0-9a-f]{64}$' <<<"$url" || fail "the address is '$url'"
  kill -"$signal" "$pid"
  code=0
  wait "$pid" || code=$?
  pid=
  [ "$code" -eq 0 ] || fail "SIG$signal: status $code"
done

start "$work/field.csv" --port 0
port=$(sed -E 's/.*:([0-9]+)\/.*/\1/' <<<"$url")
first=$url
if "$program" serve "$work/field.csv" --port "$port" >"$work/out2" 2>"$work/err2"; then fail "a taken port was had"; fi
grep -q "losslens serve: .*port $port cannot be had" "$work/err2" || fail "taken port: $(cat "$work/err2")"
[ ! -s "$work/out2" ] || fail "something was printed"
kill -INT "$pid"
wait "$pid"
start "$work/field.csv" --port 0
[ "$url" != "$first" ] || fail "the token is the same each time"
kill -INT "$pid"
wait "$pid"
pid=

expect() { # status, words, arguments
  local wanted=$1 words=$2 code=0
  shift 2
  "$program" serve "$@" >"$work/out2" 2>"$work/err2" || code=$?
  [ "$code" -eq "$wanted" ] || fail "$*: status $code"
  grep -q -- "$words" "$work/err2" || fail "$*: $(cat "$work/err2")"
  [ "$(wc -l <"$work/err2")" -le 2 ] || fail "$*: more than two lines"
}
expect 1 "missing.db" "$work/missing.db" --port 0
expect 1 "nothing.bin" "$work/nothing.bin" --port 0
expect 1 "no numeric address" "$work/field.csv" --host example.org --port 0
expect 2 "port" "$work/field.csv" --port 99999
expect 2 "no-token" "$work/field.csv" --no-token
expect 2 "serve" # nothing to serve
echo "serve starts, refuses and ends as it should"
