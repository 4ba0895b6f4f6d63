#!/bin/sh
# A machine that systemd has started, on this one: systemd-machine.sh FILES [FROM TO]...
# It sees this machine's root, and everything it writes is gone with it. FILES is laid over its root; each FROM is seen
# as TO. It has processes, users and a network of its own, with loopback alone, and no unit but its targets and those of
# FILES. Says "started PID" once it boots; PID's namespaces are the machine's. Ends when standard input does.
set -eu

# The half inside: makes the root, and becomes systemd.
if [ "$1" = inside ]; then
  shift
  machine=$1 files=$2
  shift 2
  mount -t tmpfs -o mode=755 machine "$machine"
  root=$machine/root
  mkdir "$machine/upper" "$machine/work" "$root"
  mount -t overlay -o "lowerdir=/,upperdir=$machine/upper,workdir=$machine/work" root "$root"
  # What is the kernel's and not of these namespaces may be looked at only.
  mount -t proc proc "$root/proc"
  mount --bind "$root/proc/sys" "$root/proc/sys"
  mount -o remount,bind,ro "$root/proc/sys"
  mount -t sysfs -o ro sysfs "$root/sys"
  mount -t cgroup2 cgroup "$root/sys/fs/cgroup"
  mount -t tmpfs -o mode=755 dev "$root/dev"
  for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
  done
  mkdir "$root/dev/shm" "$root/dev/pts"
  mount -t tmpfs shm "$root/dev/shm"
  mount -t devpts -o newinstance,ptmxmode=0666 pts "$root/dev/pts"
  ln -s pts/ptmx "$root/dev/ptmx"
  mount -t tmpfs -o mode=755 run "$root/run"
  rm -rf "$root/etc/systemd/system"
  mkdir "$root/etc/systemd/system"
  cp -R "$files/." "$root/"
  units=$root/run/machine-units
  mkdir "$units"
  cp /lib/systemd/system/*.target "$units"
  while [ $# -gt 0 ]; do
    mkdir -p "$(dirname "$root$2")"
    if [ -d "$1" ]; then mkdir -p "$root$2"; else : >"$root$2"; fi
    mount --bind "$1" "$root$2"
    shift 2
  done
  cd "$root"
  pivot_root . mnt
  cd /
  umount -l /mnt
  # Credentials reach a service by mounts that are passed on.
  mount --make-rshared /
  exec env -i container=test SYSTEMD_UNIT_PATH=/etc/systemd/system:/run/machine-units \
    /lib/systemd/systemd --system --unit=basic.target --log-target=console --log-level=warning
fi

# The half outside: gives it a control group, and takes that away again.
home=$(mktemp -d /tmp/rdl-machine.XXXXXX)
mkdir "$home/groups" "$home/machine"
mount --make-rprivate /
mount -t cgroup2 cgroup "$home/groups"
group=$home/groups/${home##*/}
mkdir "$group"
(
  sh -c 'echo $PPID' >"$group/cgroup.procs"
  exec unshare --cgroup --pid --ipc --uts --net --mount --fork --kill-child sh "$0" inside "$home/machine" "$@" </dev/null
) &
echo "started $!"
cat >/dev/null
kill -KILL $! 2>/dev/null || true
wait $! 2>/dev/null || true
for _ in $(seq 100); do
  if find "$group" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
  sleep 0.1
done
umount "$home/groups"
rm -rf "$home"
