# Starts one container, and puts the old one back where that fails. Read by start.ts, which writes the settings and the
# functions in capitals (HEALTH, AFTER, QUESTION, SNAPSHOT, RESTORE, FORGET, MOVES, MOVE, UNFINISHED, RESUME) in front of it.
# POSIX shell, run by dash and BusyBox; needs docker.

log() { printf '%s\n' "$*" >&2; }

# The last lines of container $1, without control characters: they come from the service.
tail_of() { docker logs --tail 20 "$1" 2>&1 | tr -d '\000-\010\013-\037\177' | sed 's/^/  | /' >&2 || :; }

# Docker's answer to "$@". It is asked again where it gives none, because nothing may be decided from an error.
ask() {
  answer=$(docker "$@") || { sleep 1; answer=$(docker "$@"); } || return 1
  printf '%s\n' "$answer"
}
# Nobody knows what is there, so nothing more may be done; what has been done is in the markers, for the next run.
unanswered() { log "${alias:-docker}: Docker on the host does not answer; deploy again once it does"; exit 1; }

exists() { listed=$(ask ps -aq --no-trunc --filter "id=$1") || unanswered; [ -n "$listed" ]; }
# The filter is a regular expression that finds parts of names.
has_volume() { listed=$(ask volume ls -q --filter "name=$1") || unanswered; printf '%s\n' "$listed" | grep -qxF -e "$1"; }

# One script at a time works on what is called $1, whichever user of the host runs it: a script goes on where its connection
# breaks, and the next deployment may come before it has ended. The lock is a container that never starts: Docker makes only
# one of a name, and removing it by its id never takes the lock of whoever came next. Code 1: somebody has it for longer than a
# start may take. Code 2: there is no lock, because Docker cannot make one.
held=
worked_on=
take_lock() {
  waited=0
  failed=0
  until said=$(docker create --pull never --name "$1-lock" --label hardened.role=lock --label "hardened.holder=$$ $(machine)" --network none "${tool_image:-}" - 2>&1); do
    holder=$(docker container inspect --format '{{.Id}} {{index .Config.Labels "hardened.holder"}}' "$1-lock" 2>/dev/null) || holder=
    lock=${holder%% *}
    holder=${holder#* }
    if [ -z "$lock" ]; then
      failed=$((failed + 1))
      if [ $failed -ge 5 ]; then log "$1: cannot be locked: $said"; return 2; fi
    elif has_ended "$holder" && { end_helpers "$1"; ! group_lives "$holder" || [ $waited -ge 120 ]; }; then
      if docker rm "$lock" >/dev/null 2>&1; then continue; fi
    elif [ $waited -ge "${lock_seconds:-1800}" ]; then
      log "$1: an earlier script, process ${holder%% *} of the host, still works on it; wait for its end or end it; if it is gone, run on the host: docker rm $1-lock"
      return 1
    elif [ $waited = 0 ]; then log "$1: waiting until an earlier script on this host has ended"
    fi
    waited=$((waited + 1))
    sleep 1
  done
  held="$held ${said##*[!0-9a-f]}"
  worked_on=$1
  end_helpers "$1"
}
drop_lock() { for lock in $held; do docker rm "$lock" >/dev/null 2>&1 || :; done; held=; }
# Where a process id is one: the boot of the host, and the namespace.
machine() { echo "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || :) $(readlink /proc/self/ns/pid 2>/dev/null || :)"; }
# Whether the script of holder `<process> <boot> <namespace>` has ended; unknown means no.
has_ended() {
  here=$(machine)
  there=${1#* }
  if [ "$there" = "$here" ]; then ! lives "${1%% *}"
  else [ -n "${there%% *}" ] && [ -n "${here%% *}" ] && [ "${there%% *}" != "${here%% *}" ]
  fi
}
# A killed shell leaves the command that it waited for, in its process group.
group_lives() { [ "${1#* }" = "$(machine)" ] && lives "-${1%% *}"; }
# Not by /proc alone, which may hide what other users run. Nobody may have taken notice of its end (Z).
lives() {
  case $(cat "/proc/$1/stat" 2>/dev/null || :) in *') Z '*) return 1;; esac
  case $(LC_ALL=C kill -0 "$1" 2>&1) in *[Nn]o\ such\ process*) return 1;; esac
}

# `running 0`: status and restarts since the last start.
state_of() { ask inspect --format '{{.State.Status}} {{.RestartCount}}' "$1" 2>/dev/null || echo 'missing 0'; }
# A trial that was killed may have left it paused.
is_running() { case $(state_of "$1") in running*|restarting*|paused*) ;; *) return 1;; esac; }

# Whether container $1 is ready within $2 seconds; why not is in $why. Not Docker's own verdict, whose first check comes
# after a whole interval. Gives up as soon as the container has ended or was restarted twice.
ready() {
  why="is not ready after $2 seconds"
  deadline=$(($(date +%s) + $2))
  calm_since=$(date +%s)
  while :; do
    state=$(state_of "$1")
    case $state in
      'running 0'|'running 1')
        case $has_health in
          yes) if HEALTH "$1" >/dev/null 2>&1; then return 0; fi;;
          *) if [ $(($(date +%s) - calm_since)) -ge 5 ]; then return 0; fi;;
        esac;;
      'restarting 0'|'restarting 1') calm_since=$(date +%s);;
      running*|restarting*) why="keeps exiting, with code $(docker inspect --format '{{.State.ExitCode}}' "$1")"; return 1;;
      *) why="is ${state% *}, with code $(docker inspect --format '{{.State.ExitCode}}' "$1" 2>/dev/null || :)"; return 1;;
    esac
    if [ "$(date +%s)" -ge "$deadline" ]; then return 1; fi
    sleep 0.4
  done
}

# Ready, set up and able to do its work. A service may be ready before it is, so the question is asked again as long as it
# may take to start.
works() {
  asked_until=$(($(date +%s) + seconds))
  ready "$1" "$seconds" || return 1
  AFTER "$1" || { why='could not be set up after its start'; return 1; }
  tries=0
  until QUESTION "$1"; do
    tries=$((tries + 1))
    if [ $tries -ge 10 ] && [ "$(date +%s)" -ge $asked_until ]; then why='runs, but does not answer correctly'; return 1; fi
    case $(state_of "$1") in 'running 0'|'running 1') ;; *) ready "$1" 0 || return 1;; esac
    sleep 1
  done
}

# The running container of name $1; empty where there is none.
running_of() {
  listed=$(ask ps -q --no-trunc --filter "label=hardened.name=$1" --filter label=hardened.role=container) || return 1
  printf '%s\n' "$listed" | head -n 1
}

# A short-lived container of this program's own: without network, and as little else as its work takes. It says what it works
# for, because it goes on where the script is killed.
helper() { docker run --rm --label hardened.role=helper --label "hardened.for=$worked_on" --network none --cap-drop ALL --security-opt no-new-privileges --read-only --memory 256m --memory-swap 256m --pids-limit 50 "$@"; }

end_helpers() {
  for left in $(docker ps -aq --filter label=hardened.role=helper --filter "label=hardened.for=$1"); do docker rm -f "$left" >/dev/null 2>&1 || :; done
}

# Name of the volume that container $1 has at path $2.
volume_at() { ask inspect --format "{{range .Mounts}}{{if eq .Destination \"$2\"}}{{.Name}}{{end}}{{end}}" "$1"; }

# Makes folder $4 of volume $3 the same as folder $2 of volume $1, owners and modes included. A set-group-ID bit needs FSETID,
# file capabilities SETFCAP and GNU cp; that of BusyBox keeps no extended attributes.
copy_volume() {
  helper --user 0:0 --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER --cap-add FSETID --cap-add SETFCAP --volume "$1:/from:ro" --volume "$3:/to" --entrypoint /bin/sh "$tool_image" -c '
    set -e
    from=/from$1 to=/to$2
    mkdir -p "$to"
    rm -rf "$to"/..?* "$to"/.[!.]* "$to"/*
    cp -a "$from/." "$to/"
    chown "$(stat -c %u:%g "$from")" "$to"
    chmod "$(stat -c %a "$from")" "$to"' copy "$2" "$4"
}

# All containers of this name but the new one, the one that ran last first. Fails where Docker does not say all of it: who
# overlooks the old one would start a second one on its data.
others() {
  all=$(list_all) || { sleep 1; all=$(list_all); } || return 1
  printf '%s\n' "$all" | grep -v -e ' 0001-' -e " $new\$" | sort -r | sed 's/.* //'
}
list_all() {
  ids=$(docker ps -aq --no-trunc --filter "label=hardened.name=$name" --filter label=hardened.role=container) || return 1
  if [ -z "$ids" ]; then return 0; fi
  docker inspect --format '{{if .State.Running}}9{{else}}{{.State.FinishedAt}}{{end}} {{.State.StartedAt}} {{.Id}}' $ids
}

# What a replacement keeps for a return, as volumes: `-before` from its beginning on, with copies of data volumes, `-copied` once
# everything is copied, `-switched` from its success on. Labels say whose they are.
keep() { kept=$1; shift; ask volume create --label hardened.role=before --label "hardened.name=$name" "$@" "$kept" >/dev/null; }
mark() { keep "$name-$1"; }
marked() { has_volume "$name-$1"; }
label_of() { ask volume inspect --format "{{index .Labels \"hardened.$2\"}}" "$1"; }
read_marker() {
  marker_old= marker_new= marker_at=
  if ! marked before; then return 0; fi
  said=$(ask volume inspect --format '{{index .Labels "hardened.old"}} {{index .Labels "hardened.new"}} {{index .Labels "hardened.at"}}' "$name-before") || unanswered
  marker_old=${said%% *} marker_at=${said##* } marker_new=${said#* }
  marker_new=${marker_new%% *}
}
# In this order: copies without `-before` are nobody's, but without `-switched` they would be put back.
forget() { docker volume rm "$name-before" "$name-copied" "$name-switched" >/dev/null 2>&1 || :; FORGET; }
put_back() {
  if ! marked copied; then return 0; fi
  log "$alias: restoring its data"
  # Twice, because nothing runs meanwhile, and it can begin again.
  { { RESTORE || RESTORE; } && ask volume rm "$name-copied" >/dev/null; } || { log "$alias: NOT RETURNED: its data could not be restored"; return 1; }
}

# Stops the old container and starts the new one, which cannot run beside it. Nobody may interrupt this half-way.
switch() {
  old=$1
  was_running=no
  if is_running "$old"; then was_running=yes; fi
  # A deployment of which something else failed goes back to what ran before, with its data; `return` says so.
  if marked return; then
    stop "$old" || return 1
    put_back || return 1
    forget
    ask volume rm "$name-return" >/dev/null || return 1
    start_alone
    return
  fi
  # A run that was cut off here has left its marker.
  if [ "$marker_old" = "$old" ] && ! marked switched; then
    log "$alias: an earlier deployment was interrupted here; its data is restored first"
    was_running=yes
    put_back || return 1
  elif [ "$marker_new" = "$old" ] && ! marked switched && ! { is_running "$old" && works "$old"; }; then
    # What was cut off was the start of yet another container, which does not work; the one before that is the last good one.
    log "$alias: an earlier deployment was interrupted here; its data is restored first"
    stop "$old" || return 1
    put_back || return 1
    if [ -n "$marker_old" ] && exists "$marker_old"; then old=$marker_old; was_running=yes; fi
  fi
  forget
  remember || { back || :; return 1; }
  if ! stop "$old"; then
    log "$alias: the previous container could not be stopped, so it was not replaced"
    back || :
    forget
    return 1
  fi
  if ! is_same_image && ! { SNAPSHOT && mark copied; }; then
    log "$alias: its data could not be copied, so it was not replaced"
    back || :
    forget
    return 1
  fi
  why='could not be started'
  if ask start "$new" >/dev/null && works "$new" && { why='works, but Docker could not record that'; mark switched; }; then return 0; fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  stop_new || return 1
  put_back || return 1
  # In this order: whoever is cut off between the two has to know that the old one had been running.
  back || :
  forget
  return 1
}
stop() { ask stop -t "$grace" "$1" >/dev/null || ! is_running "$1"; }
is_same_image() { image=$(ask inspect --format '{{.Image}}' "$old") && [ "$image" = "$(ask inspect --format '{{.Image}}' "$new")" ]; }

# The beginning of a replacement of `$old` by `$new`.
remember() {
  moment=$(date -u +%H:%M:%S)
  volumes=
  for path in $kept_paths; do volumes="$volumes $(volume_at "$old" "$path")" || return 1; done
  keep "$name-before" --label "hardened.old=$old" --label "hardened.new=$new" --label "hardened.at=$moment" --label "hardened.volumes=${volumes# }" --label "hardened.database=${kept_database:-}" || return 1
  read_marker
  # One that is still in use stays, with what it says of an earlier replacement.
  if [ "$marker_old $marker_new" != "$old $new" ]; then
    log "$alias: volume $name-before is still in use, so it was not replaced"
    return 1
  fi
}

# Nothing else may run on its data while it may still write to it.
stop_new() { stop "$new" || { log "$alias: NOT RETURNED: the new container could not be stopped"; return 1; }; }

# The old container again, as it was.
back() {
  if [ $was_running = no ]; then log "$alias: the previous container was not running before and stays stopped"; return; fi
  ask start "$old" >/dev/null || :
  if ! works "$old"; then log "$alias: NOT RETURNED: the previous container $why"; tail_of "$old"; return 1; fi
  if ! RESUME; then log "$alias: NOT RETURNED: the previous container runs, but a service that needs it does not work"; return 1; fi
  if [ $order = start-first ]; then log "$alias: RETURNED: only the previous container runs again"
  else log "$alias: RETURNED: the previous container runs again, with its data as of $moment UTC"
  fi
}

# For a stack of which something else failed, in this order: the new container stops; the old one runs again with the data
# of the moment when it was replaced. Both do nothing where no replacement was begun. `$old` is what was replaced.
replaced() {
  read_marker
  old=$marker_old
  new=$marker_new
  moment=$marker_at
  was_running=yes
  [ -n "$old" ] && exists "$old"
}
hold_new() { if replaced; then stop_new; fi; }
give_back() {
  if ! replaced; then RESUME; return; fi
  stop_new || return 1
  put_back || return 1
  given=0
  back || given=1
  forget
  return $given
}
# For a container that the failed deployment has added.
stop_added() {
  for new in $(running_of "$name"); do
    stop_new || return 1
    log "$alias: stopped, because it did not exist before"
  done
}

# What a replacement that was cut off has kept of containers that are all gone, as of a service that was switched off since: its
# data is put back, which the new container may have changed. $1 is the running database server; empty where there is none.
forget_gone() {
  gone=$(ask volume ls -q --filter label=hardened.role=before) || return 1
  for name in $(printf '%s\n' "$gone" | sed -nE 's/-(before|copied|switched|return|held)$//p' | sort -u); do
    left=$(ask ps -aq --filter "label=hardened.name=$name") || return 1
    if [ -n "$left" ]; then continue; fi
    take_lock "$name" || return 1
    put_back_gone "$1" || { log "$name: its data from before an interrupted deployment stays in the volume $name-before"; drop_lock; continue; }
    docker volume rm "$name-before" "$name-copied" "$name-switched" "$name-return" "$name-held" >/dev/null 2>&1 || :
    drop_lock
  done
}
put_back_gone() {
  if ! marked before; then return 0; fi
  volumes=$(label_of "$name-before" volumes) && database=$(label_of "$name-before" database) || return 1
  cut_off=no
  if marked copied && ! marked switched; then cut_off=yes; fi
  number=0
  for volume in $volumes; do
    if [ $cut_off = yes ] && has_volume "$volume"; then copy_volume "$name-before" "/$number" "$volume" / || return 1; fi
    number=$((number + 1))
  done
  if [ -z "$database" ]; then return 0; fi
  if [ -z "$1" ]; then [ $cut_off = no ]; return; fi
  if [ $cut_off = yes ]; then return_database "$1" "$database"; else forget_database "$1" "$database"; fi
}

start_alone() {
  ask start "$new" >/dev/null || { why='could not be started'; log "$alias: $why"; return 1; }
  if works "$new"; then return 0; fi
  log "$alias: the new container $why; its last log lines:"
  tail_of "$new"
  docker stop -t 5 "$new" >/dev/null || :
  return 1
}

main() {
  # The provider has no field for it.
  ask update --pids-limit "$pids" "$new" >/dev/null
  take_place
  if ! RESUME; then log "$alias: works, but a service that was stopped for it does not"; return 1; fi
}
take_place() {
  read_marker
  before=$(others)
  old=$(printf '%s\n' "$before" | head -n 1)
  # One that was cut off while it took over the data of another one, from which this one goes on.
  if [ -n "$old" ] && [ "$marker_new" = "$old" ] && UNFINISHED "$old"; then
    stop "$old"
    old=
    if exists "$marker_old"; then old=$marker_old; fi
  fi
  if UNFINISHED "$new"; then
    if is_running "$new"; then stop "$new"; fi
    if [ -z "$old" ]; then
      log "$alias: the deployment that was to fill its data was interrupted, and the container with the data is gone; deploy the version from before that again"
      return 1
    fi
  fi
  if is_running "$new"; then
    # What a run that was cut off had started, or a setting that changed.
    if works "$new"; then
      if [ "$marker_new" = "$new" ]; then mark switched; fi
      return 0
    fi
    log "$alias: $why; its last log lines:"
    tail_of "$new"
    if [ -z "$old" ] || [ "$marker_old" != "$old" ] || marked switched; then return 1; fi
    moment=$marker_at
    was_running=yes
    stop_new || return 1
    put_back || return 1
    back || :
    forget
    return 1
  fi
  if [ $order = stop-first ] && [ -n "$old" ]; then
    # It had taken the old one's place already, and has stopped since.
    if marked switched && [ "$marker_new" = "$new" ] && ! is_running "$old"; then start_alone
    elif MOVES "$old"; then MOVE "$old"
    else switch "$old"
    fi
    return
  fi
  # Beside the old one, which Pulumi removes once everything works.
  beside=no
  if [ -n "$old" ] && is_running "$old"; then beside=yes; forget; remember; fi
  if start_alone; then
    if [ $beside = yes ]; then mark switched; fi
    return 0
  fi
  if [ $beside = yes ]; then log "$alias: the previous container was not touched"; forget; fi
  return 1
}
