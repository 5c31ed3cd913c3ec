#!/bin/sh
# A `docker` for scripts that start containers. Its state is in files below $FAKE: containers/<id>/, volumes/<name>/,
# locks/<name>/ and helpers/<id>/. The data of a volume is its folder `data`; that of a PostgreSQL is `rows` in it. What must
# never happen is written to $FAKE/violations. With $FAKE_KILL=n the script whose process group is $FAKE_GROUP is killed after
# the n-th call that changes something (how often a loop asks differs from run to run); with $FAKE_KILL=n- in the middle of it,
# and a helper that it had started goes on. With $FAKE_FAIL=n call n fails.
cd "$FAKE" || exit 125
# The next number of a counter. A file for each number, because a script may call docker twice at once, in a pipeline.
count() {
  read -r number <"$1/next"
  set -C
  until true 2>/dev/null >"$1/$number"; do number=$((number + 1)); done
  set +C
  echo "$number" >"$1/next"
}
count calls; calls=$number
printf '%s\036' "$*" >>log

change=no
case $* in
  inspect*|'container inspect'*|ps*|logs*|'volume inspect'*|'volume ls'*|'exec '*' check'*|'exec '*' ask'*|'exec '*' pg_isready'*) ;;
  *) count changes; change=$number;;
esac
cut_off() { kill -9 "-$FAKE_GROUP"; exit 137; }
if [ "$FAKE_KILL" = "$change-" ] && [ "$1" != run ]; then cut_off; fi
if [ "${FAKE_FAIL:-}" = "$calls" ]; then echo 'the fake docker fails here' >&2; exit 1; fi

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
  for helper in helpers/*; do
    if [ -n "$volume" ] && grep -qsx "$volume" "$helper/volumes"; then violation "$1 was started while ${helper#*/} still copies $volume"; fi
  done
  if [ -n "$volume" ] && in_use "$volume" "$1"; then violation "$1 was started while another one runs on $volume"; fi
  now
  put "$1" started "$now"
  put "$1" restarts 0
  if [ "$behaviour" = refused ]; then echo "cannot start $1" >&2; return 1; fi
  if [ -n "$volume" ]; then
    mkdir -p "volumes/$volume/data"
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
  format=$2
  case $1 in --format) shift 2;; *) format=;; esac
  for id in "$@"; do inspect_one "$format" "$id" || return 1; done
}
inspect_one() {
  id=$2
  if [ ! -d "containers/$id" ]; then echo "no such container: $id" >&2; return 1; fi
  get "$id" status; status=$value
  case $1 in
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
    *) echo "inspect: unknown format $1" >&2; return 1;;
  esac
}

# Locks are containers that never start: only their name, id and label count.
create() {
  while [ $# -gt 1 ]; do
    case $1 in
      --name) lock=$2;;
      hardened.holder=*) holder=${1#*=};;
    esac
    shift
  done
  mkdir "locks/$lock" 2>/dev/null || { echo "Conflict. The container name \"/$lock\" is already in use" >&2; return 1; }
  now
  printf 'f%011x' "$clock" >"locks/$lock/id"
  echo "$holder" >"locks/$lock/holder"
  cat "locks/$lock/id"
  echo
}
lock_inspect() {
  last "$@"
  if [ ! -d "locks/$word" ]; then echo "no such container: $word" >&2; return 1; fi
  echo "$(cat "locks/$word/id") $(cat "locks/$word/holder")"
}
remove() {
  # Without -v, the volumes that an image declares stay behind, without a name.
  case " $* " in *' -v '*) ;; *) echo "fake docker removes no container without -v" >&2; return 1;; esac
  last "$@"
  if [ -d "helpers/$word" ]; then rm -r "helpers/$word"; return; fi
  for lock in locks/*; do
    if [ "$(cat "$lock/id" 2>/dev/null)" = "$word" ]; then rm -r "$lock"; return; fi
  done
  echo "no such container: $word" >&2
  return 1
}

# Of the filters one counts.
list() {
  all=no
  case $* in *-aq*) all=yes;; esac
  case $* in
    *label=hardened.role=helper*)
      for path in helpers/*; do
        wanted=${*##*label=hardened.for=}
        if [ "$(cat "$path/for" 2>/dev/null)" = "$wanted" ]; then echo "${path#*/}"; fi
      done
      return;;
  esac
  id=${*##*id=}
  wanted=${*##*label=hardened.name=}
  wanted=${wanted%% *}
  for path in containers/*; do
    get "${path#*/}" name; name=$value
    get "${path#*/}" status
    if [ $all = no ] && [ "$value" != running ]; then continue; fi
    case $* in
      *--filter\ id=*) if [ "${path#*/}" = "$id" ]; then echo "$id"; fi;;
      *) if [ "$name" = "$wanted" ]; then echo "${path#*/}"; fi;;
    esac
  done
}

# PostgreSQL in container $1 with one database of one table, whose rows are in its volume.
postgres() {
  get "$1" status
  if [ "$value" != running ]; then return 1; fi
  get "$1" volume
  rows=volumes/$value/data/rows
  shift
  case $* in
    psql*'SELECT datname'*) echo app;;
    psql*'DROP DATABASE'*) rm -f "$rows";;
    'psql -X -q -U postgres') cat >/dev/null;;
    psql*'-d app') cat >/dev/null; echo "count|app|t|$(cat "$rows")";;
    psql*) cat >/dev/null;;
    pg_dumpall*) echo 'CREATE ROLE app;';;
    pg_dump*) cat "$rows";;
    pg_restore*) cat >"$rows";;
    *) return 1;;
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
    ls)
      case $* in
        *name=*) for path in volumes/*; do case $path in *"${*##*name=}"*) echo "${path#*/}";; esac; done;;
        *) grep -lx hardened.role=before volumes/*/labels 2>/dev/null | sed 's/^volumes.//; s/.labels$//' || :;;
      esac;;
    inspect)
      if [ ! -d "volumes/$word" ]; then echo "no such volume: $word" >&2; return 1; fi
      labels=
      for part in $2; do
        case $part in \"hardened.*) part=${part#\"}; labels="$labels $(sed -n "s/^${part%%\"*}=//p" "volumes/$word/labels")";; esac
      done
      echo "${labels# }";;
    rm)
      missing=0
      for name in "$@"; do if [ -d "volumes/$name" ]; then rm -r "volumes/$name"; else missing=1; fi; done
      return $missing;;
  esac
}

# A copy: `run … --volume from:/from:ro --volume to:/to … copy <folder> <folder>`, a look for the data of a PostgreSQL, or the
# removal of all of it. Anything else asks a page of the container whose network it joins.
run() {
  words=$*
  from= to= asked= for=
  while [ $# -gt 0 ]; do
    case $1 in
      hardened.for=*) for=${1#*=};;
      *:/from:ro) from=${1%:/from:ro};;
      *:/to) to=${1%:/to};;
      container:*) asked=${1#container:};;
      copy) shift; break;;
    esac
    shift
  done
  if [ -n "$asked" ]; then answers "$asked" works; return; fi
  case $words in
    *PG_VERSION*) if [ -f "volumes/$from/data/rows" ]; then echo 1; else echo 0; fi; return;;
    *'rm -rf /to/'*) rm -f "volumes/$to/data/"*; return;;
  esac
  for used in "$from" "$to"; do
    if in_use "$used" none; then violation "$used was copied while a container runs on it"; fi
  done
  if [ -f copies-fail ]; then return 1; fi
  mkdir "helpers/h$calls"
  echo "$for" >"helpers/h$calls/for"
  printf '%s\n' "$from" "$to" >"helpers/h$calls/volumes"
  from=volumes/$from/data$1 to=volumes/$to/data$2
  rm -rf "$to"
  mkdir -p "$to"
  # In the middle of a copy nothing is there yet.
  if [ "$FAKE_KILL" = "$change-" ]; then cut_off; fi
  cp -a "$from/." "$to/"
  rm -r "helpers/h$calls"
}

code=0
case $1 in
  update) last "$@"; put "$word" pids "$3";;
  start) start "$2" || code=$?;;
  stop) last "$@"; stop "$word";;
  exec)
    shift
    while :; do case $1 in -i) shift;; -e) shift 2;; *) break;; esac; done
    case $2 in
      check|pg_isready|wget) answers "$1" healthy || code=1;;
      ask|node) answers "$1" works || code=1;;
      setup) put "$1" set-up yes;;
      cat) answers "$1" healthy || code=1;;
      psql|pg_*) postgres "$@" || code=1;;
      *) code=1;;
    esac;;
  logs) last "$@"; echo "the last words of $word";;
  inspect) shift; inspect "$@" || code=$?;;
  volume) shift; volume "$@" || code=$?;;
  run) run "$@" || code=$?;;
  ps) list "$@";;
  create) create "$@" || code=$?;;
  container) lock_inspect "$@" || code=$?;;
  rm) remove "$@" || code=$?;;
  *) echo "fake docker knows no $1" >&2; code=125;;
esac
if [ "$FAKE_KILL" = "$change" ]; then cut_off; fi
exit $code
