#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls bwrap as found in PATH the way some programs do that Debian 12 does not ship: callers.py WHICH FOLDER

The options, descriptors and their order are those of the program; what runs inside tells what it sees."""

import fcntl
import json
import os
import subprocess
import sys

LOOK = "id -u; echo pid $$; ls /; grep -c : /proc/net/dev; grep -E 'Seccomp|NoNewPrivs|CapEff' /proc/self/status"
SYSTEM = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink",
          "usr/lib64", "/lib64"]


def memory(content):
    fd = os.memfd_create("data")
    os.write(fd, content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def child(word):
    pid = json.loads(word)["child-pid"]
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(line for line in f if line.startswith("NSpid")).split()[2:]


def nixpak(_):
    """The app waits until its network is made, which is done by the number of its process."""
    told, tells, waits, starts = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (*os.pipe(), *os.pipe()))
    for fd, number in ((tells, 3), (waits, 4)):
        os.dup2(fd, number)
    argv = ["bwrap", "--info-fd", "3", "--block-fd", "4", *SYSTEM, "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
            "--bind-try", "/nonexistent", "/x", "--dev-bind-try", "/dev/dri-none", "/dev/dri", "--clearenv", "--setenv",
            "PATH", "/usr/bin", "--unshare-all", "--new-session", "--die-with-parent", "sh", "-c", f"env | sort; {LOOK}"]
    p = subprocess.Popen(argv, pass_fds=(3, 4), stdout=subprocess.PIPE, text=True)
    os.close(3)
    os.close(tells)
    with os.fdopen(told) as f:
        print("child", child(f.read()), "blocked", p.poll() is None)
    os.write(starts, b"1")
    print(p.communicate(timeout=60)[0], "status", p.returncode)


def bubblejail(_):
    """All options by a descriptor, pid 1 is the app, and a filter."""
    allow = bytes.fromhex("06000000" "0000ff7f")
    data, filter_, (told, tells) = memory(b"bubblejail:x:1000:\n"), memory(allow), os.pipe()
    words = [*SYSTEM, "--unshare-all", "--share-net", "--die-with-parent", "--as-pid-1", "--new-session", "--proc", "/proc",
             "--dev", "/dev", "--tmpfs", "/run", "--perms", "0700", "--dir", "/run/user/1000", "--ro-bind-data", str(data),
             "/etc/group", "--seccomp", str(filter_), "--info-fd", str(tells), "--setenv", "HOME", "/home/user", "--chdir",
             "/run"]
    args = memory(b"\0".join(w.encode() for w in words) + b"\0")
    argv = ["bwrap", "--args", str(args), "--", "sh", "-c", f"cat /etc/group; pwd; stat -c %a /run/user/1000; {LOOK}"]
    p = subprocess.Popen(argv, pass_fds=(data, filter_, tells, args), stdout=subprocess.PIPE, text=True)
    os.close(tells)
    out = p.communicate(timeout=60)[0]
    with os.fdopen(told) as f:
        print("told", sorted(json.loads(f.read())))
    print(out, "status", p.returncode)


def pressure_vessel(folder):
    """A probe first; then a lock, the host's devices, a new /proc in the same process namespace."""
    print("probe", subprocess.run(["bwrap", "--bind", "/", "/", "true"], check=False).returncode)
    data, lock = memory(b"ID=steamrt\n"), f"{folder}/lock"
    with open(lock, "w", encoding="ascii"):
        pass
    argv = ["bwrap", "--tmpfs", "/", *SYSTEM, "--dir", "/overrides", "--dev-bind", "/dev", "/dev", "--bind", folder, folder,
            "--lock-file", lock, "--ro-bind", "/proc", "/proc", "--ro-bind-data", str(data), "/etc/os-release",
            "--new-session", "sh", "-c",
            f"cat /etc/os-release; ls / /overrides; flock -n {lock} true; echo lock $?; id -u; test -c /dev/null && echo dev"]
    p = subprocess.run(argv, pass_fds=(data,), stdout=subprocess.PIPE, text=True, check=False)
    print(p.stdout, "status", p.returncode)


def agent(folder):
    """All may be read but what is masked, only the working folder written, no network."""
    for name in ("work/.git/hooks", "secrets"):
        os.makedirs(f"{folder}/{name}", exist_ok=True)
    for name in ("work/.env", "secrets/key"):
        with open(f"{folder}/{name}", "w", encoding="ascii") as f:
            f.write("secret\n")
    work = f"{folder}/work"
    script = (f"cat .env; ls -A {folder}/secrets; echo new > made; cat made; echo x > .git/hooks/pre-commit; "
              f"echo x > {folder}/outside; {LOOK}")
    argv = ["bwrap", "--new-session", "--die-with-parent", "--ro-bind", "/", "/", "--bind", work, work, "--ro-bind",
            "/dev/null", f"{work}/.env", "--ro-bind", f"{work}/.git/hooks", f"{work}/.git/hooks", "--tmpfs",
            f"{folder}/secrets", "--dev", "/dev", "--unshare-net", "--unshare-pid", "--proc", "/proc", "--", "sh", "-c", script]
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=work)
    print(p.stdout, "status", p.returncode)


def nested(_):
    """Three, each inside the other."""
    one = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--unshare-all", "--proc", "/proc"]
    script = "grep -c . /proc/self/uid_map; grep NSpid /proc/self/status | wc -w; exit 7"
    p = subprocess.run([*one, *one, *one, "sh", "-c", script], stdout=subprocess.PIPE, text=True, check=False)
    print(p.stdout, "status", p.returncode)


WHICH = {f.__name__: f for f in (nixpak, bubblejail, pressure_vessel, agent, nested)}

if __name__ == "__main__":
    WHICH[sys.argv[1]](sys.argv[2])
