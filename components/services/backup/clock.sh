# The clock of the backups, for both containers: calls `work DUE` once a day, at $AT_MINUTE minutes after midnight UTC, and
# `report` every ten minutes. UTC has no daylight saving time, so no day has the time twice or not at all. POSIX shell (BusyBox
# and dash).

log() { printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2; }

# The first time of the schedule after $1, both in seconds since the epoch.
next_due() {
  at=$(($1 / 86400 * 86400 + AT_MINUTE * 60))
  if [ "$at" -le "$1" ]; then at=$((at + 86400)); fi
  echo "$at"
}

# Never returns. A time before the start is not made up for: after a move to an empty host, the first backup is not one of
# nothing. Failed work is tried again every 15 minutes.
forever() {
  trap 'exit 0' TERM INT
  due=$(next_due "$(date +%s)")
  later=0
  reported=0
  while :; do
    touch /tmp/alive
    now=$(date +%s)
    if [ $((now - reported)) -ge 600 ] || [ "$now" -lt "$reported" ]; then report; reported=$now; fi
    # A clock that was put back: the due time is now more than a day away.
    if [ $((due - now)) -gt 86400 ]; then due=$(next_due "$now"); later=0; fi
    if [ "$now" -ge "$due" ] && { [ "$now" -ge "$later" ] || [ $((later - now)) -gt 900 ]; }; then
      work "$due" &
      working=$!
      while kill -0 "$working" 2>/dev/null; do touch /tmp/alive; sleep 5 & wait $!; done
      if wait "$working"; then due=$(next_due "$(date +%s)"); else later=$(($(date +%s) + 900)); fi
    fi
    sleep 10 &
    wait $!
  done
}

# Whether `forever` is at work.
alive() { [ $(($(date +%s) - $(stat -c %Y /tmp/alive))) -lt 120 ]; }

# Runs "$@" unless such work is still at work: the one of the clock, or one that was asked for.
alone() {
  if ! mkdir /tmp/busy 2>/dev/null; then
    if kill -0 "$(cat /tmp/busy/pid 2>/dev/null || echo $$)" 2>/dev/null; then log 'FAILED: an earlier one is still running; wait for its end'; return 1; fi
  fi
  result=0
  # A shell gives what it runs in the background an empty stdin.
  exec 3<&0
  ( set -e; "$@" ) <&3 &
  working_on=$!
  exec 3<&-
  echo $working_on >/tmp/busy/pid
  wait $working_on || result=$?
  rm -rf /tmp/busy
  return $result
}
