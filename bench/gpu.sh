#!/bin/sh
# All built-in models at their full budgets, where a GPU is at hand, then what real sizes cost on it.
# Killed after some minutes it goes on when started again; what is whole by then lies in $OUT.
#
#     OUT=out/gpu MINUTES=9 sh bench/gpu.sh
set -eu
OUT=${OUT:-out/gpu} MINUTES=${MINUTES:-600} TRAIN=${TRAIN:-out/train}
PALATE=${PALATE:-"python3 -m palate"}
workers=$(( $(nproc) > 4 ? $(nproc) - 2 : 0 ))

code=0
timeout --signal=INT "${MINUTES}m" $PALATE train all "fit.workers=$workers" --out "$TRAIN" || code=$?

mkdir -p "$OUT"
for measured in "$TRAIN"/*/measured.json; do
    [ -e "$measured" ] || continue
    name=$(basename "$(dirname "$measured")")
    rm -rf "${OUT:?}/$name"
    mkdir -p "$OUT/$name"
    cp -r "$TRAIN/$name/model" "$measured" "$OUT/$name/"
done

costs=$OUT/full_size.jsonl
if [ "$code" = 0 ] && [ ! -e "$costs" ]; then
    ${PYTHON:-python3} -m bench.full_size > "$costs.part" && mv "$costs.part" "$costs"
fi
exit "$code"
