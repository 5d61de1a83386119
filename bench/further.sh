#!/bin/sh
# Goes on from what `palate train all` made, as the built-in weights did: base models read by a
# proof in what they paint, then what steers them on these. Killed, it goes on when started again.
#
#     TRAIN=out/train OUT=out/further sh bench/further.sh [settings of all trainings]
#
# BASE and METHODS are settings of the ones and of the others.
set -eu
TRAIN=${TRAIN:-out/train} OUT=${OUT:-out/further} PALATE=${PALATE:-"python3 -m palate"}
BASE=${BASE:-"fit.steps=6000"} METHODS=${METHODS:-"fit.steps=2000"}
ON="sketchbook-sdxl sketchbook-flux sketchbook-prefgen sketchbook-ip-adapter sketchbook-premier"

mkdir -p "$OUT"
for made in "$TRAIN"/sketchbook-*; do # what they go with, and does not change, is looked for here
    name=$(basename "$made")
    case " $ON " in *" $name "*) continue ;; esac
    [ -e "$OUT/$name" ] || ln -s "$(realpath "$made")" "$OUT/$name"
done

# Pictures from noise: some steps without gradients, a last one with them, in parts of a batch.
paints="unaided.hops=3 unaided.ends=[0.05,0.7] fit.warmup=15"
base="$paints beside.painted=0.2 beside.alike=0.6 beside.look=0.05 beside.standing=0.1
    unaided.weight=0.5 unaided.drawn=0.12 fit.optimizer=muon fit.lr=5e-4 fit.batch=48 fit.ema=0.99"
steer="$paints painted=0.1 unaided.weight=0.8 unaided.drawn=0.05 unaided.rows=16 unaided.hinted=0.3"
premier="$paints painted=0.2 unaided.weight=2 unaided.arranged=0.9 unaided.drawn=0.03
    unaided.rows=16 unaided.hinted=0.1 taught=3 meetings.share=0.75"

further() { # NAME SETTINGS…
    name=$1
    shift
    $PALATE train "$name" "begin=$TRAIN/$name/model" "$@" --out "$OUT"
}

# shellcheck disable=SC2086  # settings are words
{
    further sketchbook-sdxl $base shift=0.25 unaided.rows=16 $BASE "$@"
    further sketchbook-flux $base shift=0.3 unaided.rows=20 $BASE "$@"
    further sketchbook-prefgen $steer $METHODS "$@"
    further sketchbook-ip-adapter $steer $METHODS "$@"
    further sketchbook-premier $premier $METHODS "$@"
}
