#!/bin/bash
# Runs a private podman service in the folder DIR until it is killed, as root or, with `rootless`, as the user nobody.
#   start-podman.sh DIR REGISTRY [rootless]      socket: DIR/podman.sock, log: DIR/podman.log
# A service that ends is started again. From REGISTRY (127.0.0.1:5000) it pulls without TLS.
# Needs root and: apt-get install -y podman uidmap util-linux
# It is the first process of a PID namespace, so that what podman leaves behind (conmon for minutes, its pause process)
# ends with it; its mounts are of a namespace, too. Call it so:
#   unshare --mount --pid --fork --mount-proc --kill-child start-podman.sh DIR REGISTRY
set -eu
dir=$1
registry=$2
umask 077
mkdir -p "$dir"/{home,xdg}
# The limits that podman gives containers may be beyond those that this machine lets it set.
cat >"$dir/containers.conf" <<'END'
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
events_logger = "file"
END
printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$registry" >"$dir/registries.conf"
export CONTAINERS_REGISTRIES_CONF=$dir/registries.conf
export HOME=$dir/home XDG_RUNTIME_DIR=$dir/xdg CONTAINERS_CONF=$dir/containers.conf
as=()
if [ "${3-}" = rootless ]; then
  # Ranges of ids as `useradd` gives them to a person.
  echo 65534:100000:65536 >"$dir/subid"
  mount --bind "$dir/subid" /etc/subuid
  mount --bind "$dir/subid" /etc/subgid
  chmod 644 "$dir/subid"
  chown -R 65534:65534 "$dir"
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
# podman's locks lie there, for all of a user's podmans: one that is killed must not leave them locked for others.
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
# A rootless one says that it needs this of /.
mount --make-rshared /
cd "$dir"
while true; do
  "${as[@]}" podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp" --storage-driver vfs \
    --cgroup-manager cgroupfs system service --time 0 "unix://$dir/podman.sock" >>"$dir/podman.log" 2>&1 </dev/null || true
  sleep 0.1
done
