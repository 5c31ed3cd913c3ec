#!/bin/sh
# A `docker` for scripts that start containers. Its state is in files below $FAKE: containers/<id>/ and volumes/<name>/.
# The data of a volume is its folder `data`. What must never happen is written to $FAKE/violations. With $FAKE_KILL=n the
# script whose process group is $FAKE_GROUP is killed after call n; with $FAKE_KILL=n- in the middle of it.
cd "$FAKE" || exit 125
read -r calls <calls
calls=$((calls + 1))
echo "$calls" >calls
printf '%s\036' "$*" >>log

cut_off() { kill -9 "-$FAKE_GROUP"; exit 137; }
if [ "$FAKE_KILL" = "$calls-" ] && [ "$1" != run ]; then cut_off; fi

get() { value=; if [ -f "containers/$1/$2" ]; then read -r value <"containers/$1/$2"; fi; }
put() { echo "$3" >"containers/$1/$2"; }
last() { for word in "$@"; do :; done; }
violation() { echo "call $calls: $1" >>violations; }
now() { read -r clock <clock; clock=$((clock + 1)); echo "$clock" >clock; now=2026-01-01T00:00:00.$clock; }
# Whether a container other than $2 runs with volume $1.
in_use() {
  for path in containers/*; do
    id=${path#*/}
    get "$id" status
    if [ "$value" = running ] && [ "$id" != "$2" ]; then
      get "$id" volume
      if [ "$value" = "$1" ]; then return 0; fi
    fi
  done
  return 1
}

start() {
  get "$1" status
  if [ "$value" = running ]; then return 0; fi
  get "$1" behaviour; behaviour=$value
  get "$1" format; format=$value
  get "$1" volume; volume=$value
  if [ -n "$volume" ] && in_use "$volume" "$1"; then violation "$1 was started while another one runs on $volume"; fi
  now
  put "$1" started "$now"
  put "$1" restarts 0
  if [ "$behaviour" = refused ]; then echo "cannot start $1" >&2; return 1; fi
  if [ -n "$volume" ]; then
    data=
    if [ -f "volumes/$volume/data/format" ]; then read -r data <"volumes/$volume/data/format"; fi
    # An older one cannot read what a newer one has made of the data.
    if [ "${data:-0}" -gt "$format" ]; then behaviour=exits; else echo "$format" >"volumes/$volume/data/format"; fi
  fi
  case $behaviour in
    exits) put "$1" status exited; put "$1" code 3; put "$1" finished "$now";;
    loops) put "$1" status restarting; put "$1" code 3; put "$1" restarts 2;;
    *) put "$1" status running;;
  esac
}

stop() {
  get "$1" status
  case $value in running|restarting) now; put "$1" status exited; put "$1" finished "$now"; put "$1" code 0;; esac
}

# Whether container $1 answers: `healthy` or `works` as $2.
answers() {
  get "$1" status
  if [ "$value" != running ]; then return 1; fi
  get "$1" behaviour
  case $2/$value in */works|healthy/idle|works/slow) return 0;; healthy/slow) [ $((calls % 3)) = 0 ];; *) return 1;; esac
}

inspect() {
  last "$@"
  id=$word
  if [ ! -d "containers/$id" ]; then echo "no such container: $id" >&2; return 1; fi
  get "$id" status; status=$value
  case $2 in
    '{{.State.Status}} {{.RestartCount}}') get "$id" restarts; echo "$status ${value:-0}";;
    '{{.State.ExitCode}}') get "$id" code; echo "${value:-0}";;
    '{{.Image}}') get "$id" image; echo "sha256:$value";;
    *'{{.State.FinishedAt}}'*)
      get "$id" finished; finished=${value:-0001-01-01T00:00:00Z}
      get "$id" started; started=${value:-0001-01-01T00:00:00Z}
      if [ "$status" = running ]; then finished=9; fi
      echo "$finished $started $id";;
    '') ;;
    *'.Mounts'*) get "$id" volume; echo "$value";;
    *) echo "inspect: unknown format $2" >&2; return 1;;
  esac
}

volume() {
  action=$1
  shift
  last "$@"
  case $action in
    create)
      mkdir -p "volumes/$word/data"
      for option in "$@"; do case $option in hardened.*) echo "$option" >>"volumes/$word/labels";; esac; done;;
    inspect)
      if [ ! -d "volumes/$word" ]; then echo "no such volume: $word" >&2; return 1; fi
      case $2 in '{{index .Labels "'*) label=${2#*\"}; sed -n "s/^${label%%\"*}=//p" "volumes/$word/labels";; esac;;
    rm)
      missing=0
      for name in "$@"; do if [ -d "volumes/$name" ]; then rm -r "volumes/$name"; else missing=1; fi; done
      return $missing;;
  esac
}

# A copy: `run … --volume from:/from:ro --volume to:/to … copy <folder> <folder>`. Anything else asks a page of the container
# whose network it joins.
run() {
  from= to= asked=
  while [ $# -gt 0 ]; do
    case $1 in
      *:/from:ro) from=${1%:/from:ro};;
      *:/to) to=${1%:/to};;
      container:*) asked=${1#container:};;
      copy) shift; break;;
    esac
    shift
  done
  if [ -n "$asked" ]; then answers "$asked" works; return; fi
  for used in "$from" "$to"; do
    if in_use "$used" none; then violation "$used was copied while a container runs on it"; fi
  done
  if [ -f copies-fail ]; then return 1; fi
  from=volumes/$from/data$1 to=volumes/$to/data$2
  rm -rf "$to"
  mkdir -p "$to"
  # In the middle of a copy nothing is there yet.
  if [ "$FAKE_KILL" = "$calls-" ]; then cut_off; fi
  cp -a "$from/." "$to/"
}

code=0
case $1 in
  update) last "$@"; put "$word" pids "$3";;
  start) start "$2" || code=$?;;
  stop) last "$@"; stop "$word";;
  exec)
    shift
    if [ "$1" = -i ]; then shift; fi
    case $2 in check) answers "$1" healthy;; ask) answers "$1" works;; setup) put "$1" set-up yes;; *) false;; esac || code=1;;
  logs) last "$@"; echo "the last words of $word";;
  inspect) shift; inspect "$@" || code=$?;;
  volume) shift; volume "$@" || code=$?;;
  run) run "$@" || code=$?;;
  ps)
    wanted=${*##*label=hardened.name=}
    wanted=${wanted%% *}
    for path in containers/*; do get "${path#*/}" name; if [ "$value" = "$wanted" ]; then echo "${path#*/}"; fi; done;;
  *) echo "fake docker knows no $1" >&2; code=125;;
esac
if [ "$FAKE_KILL" = "$calls" ]; then cut_off; fi
exit $code
