#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The core, the commands, carrel-bwrap and the promises before another kernel: the one that a Debian ships.

    kernel.py FOLDER BUILD TREE SOURCE [--user NAME] [--only WORD]

FOLDER holds an unpacked linux-image package. It is started by qemu without hardware support, so a run takes minutes;
its root is this machine's, read-only, by 9p, with /tmp, /home and /run of its own in memory. BUILD and TREE are
a build folder and what was installed from it. Each suite that runs inside is one for the ordinary user NAME (the
caller, unless that is root) and for root."""

import argparse
import pathlib
import pwd
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

from tap import Tap

MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "fuse", "virtio_rng")
# By then it hangs: ./check gives it an hour more.
SECONDS = 3 * 3600
QEMU = "qemu-system-x86_64"

INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in /modules/*; do /bin/busybox insmod $module; done
/bin/busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=262144 host /root
exec /bin/busybox switch_root /root {boot}
"""

BOOT = """#!/bin/bash
PATH=/usr/bin:/bin:/usr/sbin:/sbin
mount -t proc proc /proc && mount -t sysfs sys /sys && mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts && mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run && mkdir -p /run/host /run/lock && mount --bind / /run/host
for folder in /tmp /var/tmp; do mount -t tmpfs -o mode=1777,size=600m tmp $folder; done
mount -t tmpfs -o mode=755 home /home && mount -t tmpfs -o mode=700 root /root
mount -t cgroup2 none /sys/fs/cgroup
mount -t securityfs none /sys/kernel/security
ln -sfn /proc/self/fd /dev/fd
# Files of the system that root can write to.
for file in /usr/bin/env /etc/ld.so.cache; do
    cp $file /run/${{file##*/}} && mount --bind /run/${{file##*/}} $file
done
ip link set lo up
hostname carrel-test
mkdir -p /run/user/{uid} /home/somebody
chown {uid}:{gid} /run/user/{uid} /home/somebody && chmod 700 /run/user/{uid}
echo "kernel $(uname -r) $(cat /sys/kernel/security/lsm)"
as_root() {{ env -i HOME=/root USER=root LANG=C.UTF-8 PATH="$PATH" "$@"; }}
as_user() {{ setpriv --reuid={uid} --regid={gid} --init-groups env -i HOME=/home/somebody USER={user} PATH=/usr/bin:/bin \\
    LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/{uid} "$@"; }}
suite() {{ # LABEL WHO COMMAND...
    local label=$1 who=$2
    shift 2
    cd /tmp || return
    "as_$who" "$@" 2>&1 | sed "s/^/$label as $who: /"
    echo "$label as $who: end"
}}
{suites}
sync
echo o > /proc/sysrq-trigger
sleep 60
"""

# What each is started with; H is where this machine's root is seen inside.
SUITES = {
    "core steps": "{H}{source}/tests/core_steps.py {H}{build}/src/core/carrel-core",
    "core process": "{H}{source}/tests/core_process.py {H}{build}/src/core/carrel-core",
    "core refusals": "{H}{source}/tests/core_refusals.py {H}{build}/src/core/carrel-core",
    "commands": "{H}{source}/tests/cli_commands.py {H}{build} {H}{source}/policies",
    "instances": "{H}{source}/tests/instances.py {H}{build} {H}{source}/policies",
    "bwrap": "{H}{source}/tests/bwrap_own.py {H}{build}/src/bwrap/carrel-bwrap {H}{source} {H}{build}/src/core/carrel-core",
    "promises": "{H}{source}/tests/security/promises.py {H}{tree}/bin/carrel {H}{build}/tests/security/probe",
}


def module_order(folder):
    """The files of MODULES and of all they need, each after what it needs."""
    files = {f.name.removesuffix(".ko").replace("-", "_"): f for f in folder.rglob("*.ko")}
    order = []

    def need(name):
        file = files[name.replace("-", "_")]
        if file in order:
            return
        found = re.search(rb"\0depends=([^\0]*)\0", b"\0" + file.read_bytes())
        for other in found.group(1).decode().split(",") if found and found.group(1) else ():
            need(other)
        order.append(file)

    for module in MODULES:
        need(module)
    return order


def first_root(scratch, folder, boot):
    """The archive of the root that the kernel begins with."""
    root = scratch / "initial"
    for name in ("bin", "modules", "proc", "sys", "dev", "root"):
        (root / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for number, module in enumerate(module_order(folder)):
        shutil.copy(module, root / f"modules/{number:03}-{module.name}")
    (root / "init").write_text(INIT.format(boot=boot))
    (root / "init").chmod(0o755)
    names = "\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*")))
    archive = scratch / "initial.cpio"
    with open(archive, "wb") as f:
        subprocess.run(["busybox", "cpio", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=f,
                       stderr=subprocess.DEVNULL, check=True)
    return archive


def boot_script(scratch, options):
    me = pwd.getpwnam(options.user) if options.user else pwd.getpwuid(os.getuid())
    paths = {"H": "/run/host", **{name: os.path.realpath(getattr(options, name)) for name in ("build", "tree", "source")}}
    lines = [f"suite '{label}' {who} /usr/bin/python3 -B {command.format(**paths)}"
             for label, command in chosen(options).items() for who in ("user", "root")]
    boot = scratch / "boot"
    boot.write_text(BOOT.format(uid=me.pw_uid, gid=me.pw_gid, user=me.pw_name, suites="\n".join(lines)))
    boot.chmod(0o755)
    return boot


def chosen(options):
    return {label: command for label, command in SUITES.items() if options.only in label}


def start(scratch, options):
    folder = pathlib.Path(options.folder)
    kernel = next((folder / "boot").glob("vmlinuz-*"))
    archive = first_root(scratch, folder, boot_script(scratch, options))
    command = [QEMU, "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2000", "-nic", "none", "-display", "none",
               "-vga", "none", "-monitor", "none", "-serial", "stdio", "-no-reboot", "-kernel", kernel, "-initrd", archive,
               "-append", "console=ttyS0 quiet panic=-1 mitigations=off", "-device", "virtio-rng-pci",
               "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        late = threading.Timer(SECONDS, p.kill)
        late.start()
        try:
            for raw in p.stdout:
                line = raw.decode(errors="replace").rstrip("\r\n")
                print("#", line, file=sys.stderr, flush=True)
                yield line
        finally:
            late.cancel()
            p.kill()


def report(tap, lines, options):
    """Each point inside is one here; a suite that did not come to its end is one that failed."""
    release = next((line.split()[1] for line in lines if line.startswith("kernel ")), None)
    tap.point(release is not None, f"it starts: {release}", "\n".join(lines[-40:]))
    for label in chosen(options):
        for who in ("user", "root"):
            prefix = f"{label} as {who}: "
            mine = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
            points = [line for line in mine if re.match(r"(not )?ok \d", line)]
            for number, line in enumerate(points):
                name = prefix + line.split(" - ", 1)[1]
                if " # SKIP " in name:
                    tap.skip(*name.split(" # SKIP ", 1))
                else:
                    tap.point(line.startswith("ok "), name, said_after(mine, line))
            tap.point(f"1..{len(points)}" in mine and mine[-1] == "end", prefix + "all were done", "\n".join(mine[-20:]))


def said_after(lines, point):
    after = lines[lines.index(point) + 1:]
    return "\n".join(line for line in after[:next((i for i, x in enumerate(after) if not x.startswith("#")), len(after))])


def main():
    parser = argparse.ArgumentParser()
    for name in ("folder", "build", "tree", "source"):
        parser.add_argument(name)
    parser.add_argument("--user")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    # Who ends this (./check does, in time) ends the kernel, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))
    tap = Tap()
    if not shutil.which(QEMU) or not shutil.which("busybox"):
        tap.skip("another kernel", f"{QEMU} or busybox is missing")
        return tap.done()
    with tempfile.TemporaryDirectory(prefix="carrel-kernel-", dir="/var/tmp") as scratch:
        report(tap, list(start(pathlib.Path(scratch), options)), options)
    return tap.done()


sys.exit(main())
