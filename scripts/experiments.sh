#!/usr/bin/env bash
# Starts the searches (and single runs) that a figure of the paper needs, one after the other. What is finished is not run again.
#
#   scripts/experiments.sh FIGURE... [OPTIONS] [-- OPTIONS OF softhebb search, or run]
#
#   FIGURE         fig1, fig2, fig3 or fig3-cifar10, ..., table1, mnist, b1, ..., or the name of one search (CIFAR10_SoftHebb4)
#   --list         the figures, their searches and commands
#   --only TEXT    of these searches only those whose name contains TEXT (a regular expression)
#   --scale S      a share of the training images of each phase, above 0 and at most 1; the searches go to FOLDER-scaleS
#                  (collect.py FIGURE_NAME=FOLDER-scaleS collects one under the name that the figure reads)
#   --seeds 0,1    these seeds in place of the four that the paper has (a single run takes the first)
#   --validation   hold out 20 % of the training images and test on them
#   --dry-run      print the commands and do nothing
#   --search-dir D the searches' folder (default results/search)
#
# The searches of a figure are in scripts/figures/experiments.csv. `make figures` draws what was run and collected.
set -euo pipefail
cd "$(dirname "$0")/.."
TABLE=scripts/figures/experiments.csv

fail() { printf 'error: %s\n' "$1" >&2; exit 2; }
usage() { sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; }

figures=() only='' scale=1 seeds='' validation=0 dry=0 root=results/search extra=()
while [ $# -gt 0 ]; do
  case $1 in
    --list) column -s, -t <"$TABLE" 2>/dev/null || cat "$TABLE"; exit 0 ;;
    --only | --scale | --seeds | --search-dir)
      [ $# -gt 1 ] || fail "$1 needs a value"
      case $1 in --only) only=$2 ;; --scale) scale=$2 ;; --seeds) seeds=$2 ;; --search-dir) root=$2 ;; esac
      shift ;;
    --validation) validation=1 ;;
    --dry-run) dry=1 ;;
    -h | --help) usage; exit 0 ;;
    --) shift; extra=("$@"); break ;;
    -*) fail "unknown option $1 (options of softhebb search stand after --; --help lists those of this script)" ;;
    *) figures+=("$1") ;;
  esac
  shift
done
[ ${#figures[@]} -gt 0 ] || fail "which figure? --list names them"
awk -v s="$scale" 'BEGIN { exit !(s ~ /^[0-9]*\.?[0-9]+$/ && s > 0 && s <= 1) }' || fail "--scale $scale: a number above 0 and at most 1 is expected"

program=${SOFTHEBB:-target/release/softhebb}
if [ ! -x "$program" ]; then
  program=$(command -v softhebb) || fail "there is no target/release/softhebb; make build makes it (or set SOFTHEBB to the program)"
fi

# How many images a configuration trains on, of which --scale takes a share.
images() {
  case $1 in
    CIFAR*) echo 50000 ;; FashionMini*) echo 5000 ;; MNIST*) echo 60000 ;; STL10_unlabel*) echo 100000 ;; STL10*) echo 5000 ;;
    ImageNette*) echo 9469 ;; ImageNet*) echo 1281167 ;; *) fail "--scale does not know how many images $1 has" ;;
  esac
}

# share KIND ARGUMENTS: the option that takes the share of the data set that --dataset-KIND names, or that of the other kind.
share() {
  local kind=$1 set="" word previous=""
  for word in $2; do
    [ "$previous" = "--dataset-$kind" ] && set=$word
    previous=$word
  done
  [ -n "$set" ] || return 0
  awk -v n="$(images "$set")" -v s="$scale" -v k="$kind" 'BEGIN { printf "--set dataset_%s.training_sample=%d ", k, int(n * s + 0.5) }'
}

declare -A done_already=()
found=0
for figure in "${figures[@]}"; do
  known=0
  while IFS=, read -r of name kind arguments; do
    # b3 is b3a and b3b, fig3 all of fig3-cifar10, fig3-cifar100, ...
    [ "$of" = "$figure" ] || [ "$name" = "$figure" ] || [[ $of == "$figure"-* || $of == "$figure"[ab] ]] || continue
    known=1
    [[ -z $only || $name =~ $only ]] || continue
    [ -z "${done_already[$name]:-}" ] || continue
    done_already[$name]=1 found=1
    folder=$name
    command=("$program" "$kind")
    read -ra words <<<"$arguments"
    command+=("${words[@]}")
    if [ "$scale" != 1 ]; then
      folder=$name-scale$scale
      read -ra words <<<"$(share unsup "$arguments")$(share sup "$arguments")"
      command+=("${words[@]}")
    fi
    if [ "$kind" = run ]; then   # a single run, of the first seed
      [ -z "$seeds" ] || command+=(--seed "${seeds%%,*}")
      [ $validation = 0 ] || command+=(--validation)
      command+=(--model-name "$folder" --results-dir "$(dirname "$root")/runs" "${extra[@]}")
      # A run that was begun goes on, and one that is finished is left as it is.
      seed=${seeds%%,*}
      for place in "$(dirname "$root")/runs/$folder"/*-seed"${seed:-0}" "$(dirname "$root")/runs/$folder"/*-seed"${seed:-0}"-*; do
        [ -e "$place/config.json" ] || continue
        case $validation$place in
          1*-validation) ;;
          1* | *-validation) continue ;;
        esac
        command=("$program" run --resume all --run-dir "$place")
      done
    else
      [ -z "$seeds" ] || command+=(--seeds "$seeds")
      [ $validation = 0 ] || command+=(--validation-unsup --validation-sup)
      command+=(--folder-name "$folder" --search-dir "$root" --save-model "${extra[@]}")
      # A search that was begun goes on with what it was begun with.
      [ ! -e "$root/$folder/search.json" ] || command=("$program" search --resume "$root/$folder")
    fi
    printf '%s\n' "${command[*]}"
    [ $dry = 1 ] || "${command[@]}"
  done < <(tail -n +2 "$TABLE")
  [ $known = 1 ] || fail "there is no figure or search $figure; --list names them"
done
[ $found = 1 ] || fail "--only $only: none of these searches has such a name"
