#!/bin/sh
# All built-in models at their full budgets, where a GPU is at hand, then on from these as
# bench/further.sh does, then what real sizes cost on it. Killed after some minutes it goes on when
# started again; what is whole by then lies in $OUT.
#
#     OUT=out/gpu MINUTES=9 sh bench/gpu.sh
set -eu
OUT=${OUT:-out/gpu} MINUTES=${MINUTES:-600}
export TRAIN="${TRAIN:-out/train}" PALATE="${PALATE:-python3 -m palate}"
export FURTHER="${FURTHER:-out/further}"
workers=$(( $(nproc) > 4 ? $(nproc) - 2 : 0 ))

code=0
timeout --signal=INT "${MINUTES}m" sh -ec '
    $PALATE train all "$1" --out "$TRAIN"
    OUT=$FURTHER sh bench/further.sh "$1"
' all "fit.workers=$workers" || code=$?

mkdir -p "$OUT"
for measured in "$TRAIN"/*/measured.json "$FURTHER"/*/measured.json; do
    [ -e "$measured" ] && [ ! -L "$(dirname "$measured")" ] || continue
    name=$(basename "$(dirname "$measured")")
    rm -rf "${OUT:?}/$name"
    mkdir -p "$OUT/$name"
    cp -r "$(dirname "$measured")/model" "$measured" "$OUT/$name/"
done

costs=$OUT/full_size.jsonl
if [ "$code" = 0 ] && [ ! -e "$costs" ]; then
    ${PYTHON:-python3} -m bench.full_size > "$costs.part" && mv "$costs.part" "$costs"
fi
exit "$code"
