# Tries new containers on copies of the data of those that run, before any of these is touched. Read by trial.ts, which
# writes the settings and the calls. Uses start.sh, postgres.sh and dump.sh.

run=$stack-trial-$$
trial_labels="--label hardened.role=trial --label hardened.trial=$stack"
remove_trials() {
  for left in $(docker ps -aq --filter label=hardened.role=trial --filter "label=hardened.trial=$stack"); do docker rm -f -v "$left" >/dev/null 2>&1 || :; done
  for left in $(docker volume ls -q --filter label=hardened.role=trial --filter "label=hardened.trial=$stack"); do docker volume rm "$left" >/dev/null 2>&1 || :; done
  for left in $(docker network ls -q --filter label=hardened.role=trial --filter "label=hardened.trial=$stack"); do docker network rm "$left" >/dev/null 2>&1 || :; done
}
refuse() {
  if [ -e "$files/late" ]; then set -- "the trial takes longer than $at_most minutes (pinned-stack:trial.atMost); raise that limit, or $without_trial"; fi
  log "REFUSED: $1; no running container was touched"
  refused=yes
  exit 1
}

# The container that is paused for its copy. Also written to a file, for the watchdog.
paused=
pause() {
  paused=$1
  echo "$1" >"$files/paused" || :
  docker pause "$1" >/dev/null 2>&1
}
unpause() {
  if [ -z "$paused" ]; then paused=$(cat "$files/paused" 2>/dev/null) || return 0; fi
  docker unpause "$paused" >/dev/null 2>&1 || :
  rm -f "$files/paused"
  paused=
}

begun=no
refused=no
ended() {
  code=$?
  trap '' HUP INT TERM
  # An unexpected error, for which no message was printed.
  if [ $code != 0 ] && [ $refused = no ]; then ( refuse 'the trial ended with the error above' ) || code=1; fi
  unpause
  # Only if this trial holds the lock; otherwise they belong to another one.
  if [ $begun = yes ]; then kill "$watch" 2>/dev/null || :; end_work; fi
  rm -rf "$files"
  drop_lock
  exit $code
}
# Stops everything that the trial started on the engine, so that commands waiting for it return.
end_work() {
  end_helpers "$stack-trial"
  remove_trials
  if [ -s "$files/server" ]; then end_dumps "$(cat "$files/server")"; fi
}
# Waits until no script of an earlier deployment works on container $1. Only if there is a lock in `$locks`: a lock takes a moment.
wait_for_earlier() {
  if ! printf '%s\n' "$locks" | grep -qxF -e "$1-lock"; then return; fi
  take_lock "$1" || refuse 'an earlier deployment has not ended on the host'
  drop_lock
}
begin() {
  trap ended EXIT
  trap 'refuse "the trial was stopped"' HUP INT TERM
  take_lock "$stack-trial" || refuse 'another trial has not ended'
  remove_trials
  watch_time $(($(date +%s) + at_most * 60)) >/dev/null 2>&1 </dev/null &
  watch=$!
  begun=yes
}
# Watchdog: stops whatever the trial waits for at the deadline, $1 in seconds since the epoch. Also cleans up if the trial was
# killed, so that no container stays paused.
watch_time() {
  trap - EXIT HUP INT TERM
  while lives $$; do
    if [ "$at_most" != 0 ] && [ "$(date +%s)" -ge "$1" ]; then touch "$files/late"; end_work; fi
    sleep 1
  done
  unpause
  end_work
  rm -rf "$files"
}

# The running container of name $1 that $2 would replace; empty where there is none.
running_before() {
  listed=$(ask ps -q --no-trunc --filter "label=hardened.name=$1" --filter label=hardened.role=container) || return 1
  printf '%s\n' "$listed" | grep -vx -e "$2" | head -n 1
}

# MiB that container $1 uses now.
memory_of() {
  docker stats --no-stream --format '{{.MemUsage}}' "$1" | awk '{ unit = $1; sub(/[0-9.]+/, "", unit); value = $1 + 0
    if (unit == "GiB") value *= 1024; if (unit == "KiB") value /= 1024; if (unit == "B") value = 0; printf "%d\n", value + 1 }'
}
memory_free() { helper --entrypoint /bin/sh "$tool_image" -c "awk '/^MemAvailable/ { print int(\$2 / 1024) }' /proc/meminfo"; }
# MiB in volume $1, and free where it is.
size_of() { helper --user 0:0 --cap-add DAC_READ_SEARCH --volume "$1:/from:ro" --entrypoint /bin/sh "$tool_image" -c 'du -sk /from | awk "{ print int(\$1 / 1024) + 1 }"'; }
disk_free() { helper --volume "$1:/from:ro" --entrypoint /bin/sh "$tool_image" -c 'df -Pk /from | awk "NR == 2 { print int(\$4 / 1024) }"'; }

# Prints $1 if it is a number. A failed measurement must not count as zero.
measured() { case $1 in ''|*[!0-9]*) return 1;; esac; echo "$1"; }

need_memory=0
need_disk=0
some_volume=
needs_copy_of() {
  if [ -z "$1" ]; then return; fi
  some_volume=$1
  size=$(measured "$(size_of "$1")") || refuse "the size of volume $1 could not be measured"
  need_disk=$((need_disk + size * 11 / 10 + 16))
}
check_room() {
  free=$(measured "$(memory_free)") || refuse 'the free memory of the host could not be measured'
  if [ "$need_memory" -gt "$free" ]; then
    refuse "the trial needs about $need_memory MiB of memory and the host has $free MiB available; free some, or $without_trial"
  fi
  if [ -z "$some_volume" ]; then return; fi
  free=$(measured "$(disk_free "$some_volume")") || refuse 'the free disk space of the host could not be measured'
  if [ "$need_disk" -gt "$free" ]; then
    refuse "the trial needs about $need_disk MiB of disk space for its copies and the host has $free MiB free; free some, or $without_trial"
  fi
}

# Copies what container $1 has at path $2 into the new volume $3. `paused` as $4: while it stands still.
copy_of() {
  docker volume create $trial_labels "$3" >/dev/null
  if [ "$4" = paused ] && is_running "$1"; then
    # A killed trial may have left it paused.
    pause "$1" || case $(state_of "$1") in paused*) ;; *) refuse "$alias: it could not be paused";; esac
  fi
  copy_volume "$(volume_at "$1" "$2")" / "$3" / || refuse "$alias: its data could not be copied"
  unpause
}

not_created() { cat "$files/said" >&2; refuse "$alias: a container for its trial could not be started"; }
# Fails with the last lines of container $2 of service $alias.
broken() {
  if ! [ -e "$files/late" ]; then log "$alias: on a copy of its data, the new container $why; its last log lines:"; tail_of "$2"; fi
  refuse "$alias would not have worked"
}

# The dump of what runs, restored into the scratch server of container $1.
restore_trial() {
  restore_dump "$dump" "$1" || refuse "the dump $dump could not be restored into the new PostgreSQL"
  counts_of "$1" >"$files/after" || refuse 'the rows of the restored databases could not be counted'
  compare_counts "$dump/counts" "$files/after" || refuse 'the restored databases have other row counts than the running ones'
  log "restored $(databases_from | wc -l | tr -d ' ') databases of $(wc -l <"$files/after" | tr -d ' ') tables from $dump into a scratch server; all row counts match"
}

# Major version of the data in volume $1; empty for an empty volume.
data_version() { helper --user 0:0 --cap-add DAC_READ_SEARCH --volume "$1:/from:ro" --entrypoint /bin/sh "$tool_image" -c 'find /from -maxdepth 3 -name PG_VERSION -not -path "*/base/*" | head -n 1 | xargs -r cat'; }
data_owner() { helper --user 0:0 --cap-add DAC_READ_SEARCH --volume "$1:/from:ro" --entrypoint /bin/sh "$tool_image" -c 'stat -c %u "$(dirname "$(find /from -maxdepth 3 -name PG_VERSION -not -path "*/base/*" | head -n 1)")"'; }

# Major version that the volume of a database server is named after.
named_version() { printf '%s\n' "$1" | sed 's/.*-\([0-9]*\)-data$/\1/'; }

# What the data on the host allows a PostgreSQL of version $3 as user $4. $1 runs now and may be empty, $2 is the new container.
# Sets $older_volume where the new one goes on with data from before an upgrade.
check_data() {
  older_volume=
  target=$(data_volume_of "$2")
  found=$(data_version "$target")
  # Left by an interrupted migration. The volume of a running server is complete.
  if has_volume "$target-incomplete"; then found=; fi
  source=
  if [ -n "$1" ]; then source=$(data_volume_of "$1"); fi
  if [ -z "$source" ] || [ "$source" = "$target" ]; then
    if [ -n "$found" ] && [ "$(data_owner "$target")" != "${4%%:*}" ]; then
      refuse "the data in $target belongs to another user than that of this image; images with and without alpine in the tag cannot use each other's data (their text sort order differs too). Keep the same kind of image, or change it together with the next major version"
    fi
    if [ -z "$source" ] && [ -z "$found" ]; then
      for other in $(docker volume ls -q --filter "name=^$(printf %s "$stack" | sed 's/[.]/[.]/g')-postgres-[0-9]+-data\$"); do
        if [ "$other" != "$target" ] && [ -n "$(data_version "$other")" ]; then
          refuse "no PostgreSQL runs, $other holds data of PostgreSQL $(named_version "$other"), and PostgreSQL $3 would start on an empty volume. Deploy version $(named_version "$other") first; the next deployment then moves its data. To start without it, $forget_old_data"
        fi
      done
    fi
    return
  fi
  running=$(named_version "$source")
  if [ "$3" -gt "$running" ]; then
    if [ -n "$found" ]; then
      refuse "$target holds data of PostgreSQL $3 from an earlier deployment, which the data of PostgreSQL $running would replace. To allow that, $forget_old_data"
    fi
    return
  fi
  if [ -z "$found" ]; then
    refuse "PostgreSQL $3 cannot read the data of PostgreSQL $running, and the host has no older data for it. Use the tag of $running again"
  fi
  if [ "$older_data" != accept ]; then
    refuse "PostgreSQL $3 would use its own data from before the upgrade to $running. To allow that, run: npm run deploy -- --stack $stack --rollback; data written since then stays in $source"
  fi
  older_volume=$target
}
