#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tries a few things that a hostile program would try: outside, and inside `carrel run`.

    tried.py --carrel PROGRAM

Prints a table. Exit status 1 when something worked inside, or when the inside could not be tried.
The same file is the probe: `tried.py --probe FACTS` prints one line of JSON per trial.
Nothing is changed and nothing private is read: the secrets are made for the occasion.
"""
import ctypes
import errno
import fcntl
import json
import os
import pty
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import termios

libc = ctypes.CDLL(None, use_errno=True)
SYS_KEYCTL, SYS_IO_URING_SETUP = {"x86_64": (250, 425), "aarch64": (219, 425)}.get(
    os.uname().machine, (None, 425))
CLONE_NEWUSER = 0x10000000


# ---- the trials: each returns a text when it worked and raises OSError when it did not ----

def read_secret(facts):
    with open(facts["secret"], encoding="utf-8") as f:
        return f"read: {f.read().strip()}"


def read_ssh(facts):
    return f"listed ({len(os.listdir(facts['ssh']))} files)"


def change_start_up(facts):
    os.close(os.open(facts["start_up"], os.O_WRONLY | os.O_APPEND))
    return "can be changed"


def see_processes(facts):
    own = {os.getpid(), os.getppid(), 1}
    others = [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in own]
    if facts["inside"] and len(others) <= 2:  # those of the sandbox itself
        raise OSError(errno.ENOENT, "only its own")
    return f"{len(others)} seen"


def stop_process(facts):
    with open(f"/proc/{facts['victim']}/stat", encoding="utf-8") as f:
        name = f.read()
    if facts["victim_name"] not in name:
        raise ProcessLookupError(errno.ESRCH, "No such process")
    os.kill(facts["victim"], 0)
    return "could be ended"


def reach_network(facts):
    with socket.create_connection(("127.0.0.1", facts["port"]), timeout=5):
        return "connected"


def read_environment(facts):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if facts["token"].encode() in f.read():
                    return "read: " + facts["token"]
        except OSError:
            pass
    raise OSError(errno.ENOENT, "not there")


def inject_input(_facts):
    """TIOCSTI puts a byte into the terminal's input, as if the person had typed it. Whether the
    kernel took it is not enough: the caller looks whether its own terminal got it."""
    fcntl.ioctl(0, termios.TIOCSTI, b"!")
    return "a key was typed"


def make_namespace(_facts):
    _call(libc.unshare, CLONE_NEWUSER)
    return "made one"


def use_io_uring(_facts):
    _call(libc.syscall, SYS_IO_URING_SETUP, 0, None, wanted=errno.EFAULT)
    return "answers"


def use_keyring(_facts):
    if SYS_KEYCTL is None:
        raise OSError(errno.ENOSYS, "not tried on this machine")
    _call(libc.syscall, SYS_KEYCTL, 0, -3, 1, 0, 0)
    return "answers"


def _call(function, *arguments, wanted=0):
    result = function(*arguments)
    error = ctypes.get_errno()
    if result < 0 and error != wanted:
        raise OSError(error, os.strerror(error))


TRIALS = [
    ("read a secret file in your home", read_secret),
    ("look into ~/.ssh", read_ssh),
    ("change what your shell starts with", change_start_up),
    ("see your other processes", see_processes),
    ("end another process of yours", stop_process),
    ("find a password in the environment", read_environment),
    ("reach a server on this machine", reach_network),
    ("type into your terminal", inject_input),
    ("make a user namespace", make_namespace),
    ("reach the kernel's io_uring", use_io_uring),
    ("reach the kernel's key rings", use_keyring),
]


def probe(facts):
    # A forged key must not end the probe, and nothing may wait for ever.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.alarm(30)
    for what, trial in TRIALS:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
            continue
        try:
            answer = {"what": what, "worked": True, "got": trial(facts)}
        except OSError as e:
            answer = {"what": what, "worked": False, "got": e.strerror or str(e)}
        os.write(1, (json.dumps(answer) + "\n").encode())
        os._exit(0)


# ---- the table ----

def run_in_terminal(argv, environment):
    """Runs argv with a new terminal as its own; returns its standard output and what was typed."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[3] &= ~(termios.ICANON | termios.ECHO)
    termios.tcsetattr(slave, termios.TCSANOW, attributes)

    def own_terminal():
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    child = subprocess.Popen(argv, stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env=environment, preexec_fn=own_terminal)
    try:
        out, complaints = child.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        child.kill()
        out, complaints = child.communicate()
    typed = os.read(slave, 100) if select.select([slave], [], [], 0.2)[0] else b""
    os.close(master)
    os.close(slave)
    return out, complaints.decode(errors="replace"), typed


def try_everything(argv, facts, environment):
    out, complaints, typed = run_in_terminal(argv + ["--probe", json.dumps(facts)], environment)
    results = {}
    for line in out.decode(errors="replace").splitlines():
        try:
            answer = json.loads(line)
            results[answer["what"]] = (answer["worked"], answer["got"])
        except ValueError:
            complaints += line + "\n"
    name = "type into your terminal"
    if name in results and results[name][0] and b"!" not in typed:
        results[name] = (False, "reached only a terminal of its own")
    return results, complaints


def world(folder, server, victim):
    home = os.path.expanduser("~")
    secret = os.path.join(folder, "secret")
    with open(secret, "w", encoding="utf-8") as f:
        f.write("my-password\n")
    start_up = os.path.join(home, ".profile")
    if not os.path.exists(start_up):
        start_up = os.path.join(folder, ".profile")
        with open(start_up, "w", encoding="utf-8"):
            pass
    ssh = os.path.join(home, ".ssh")
    if not os.path.isdir(ssh):
        ssh = os.path.join(folder, ".ssh")
        os.mkdir(ssh, 0o700)
    return {"secret": secret, "ssh": ssh, "start_up": start_up, "port": server.getsockname()[1],
            "victim": victim.pid, "victim_name": "sleep",
            "token": "token-" + secrets.token_hex(8), "inside": False}


def table(carrel):
    here = os.path.abspath(__file__)
    python = "/usr/bin/python3"
    server = socket.create_server(("127.0.0.1", 0))
    victim = subprocess.Popen(["/usr/bin/sleep", "600"], stdout=subprocess.DEVNULL)
    try:
        with tempfile.TemporaryDirectory(prefix=".carrel-tried-",
                                         dir=os.path.expanduser("~")) as folder:
            facts = world(folder, server, victim)
            environment = dict(os.environ, CARREL_TRIED=facts["token"])
            outside, _ = try_everything([python, here], facts, environment)
            inside, complaints = try_everything(
                [carrel, "run", "--app-id=org.carrel.Tried", f"--filesystem={here}:ro", python,
                 here], {**facts, "inside": True}, environment)
            reset = subprocess.run([carrel, "reset", "--yes", "org.carrel.Tried"], check=False,
                                   stdin=subprocess.DEVNULL, capture_output=True)
    finally:
        victim.kill()
        victim.wait()
        server.close()
    if not inside:
        print("the inside could not be tried:", complaints, file=sys.stderr)
        return 1
    if reset.returncode:
        print("note: ~/.var/app/org.carrel.Tried is left over", file=sys.stderr)
    return show(outside, inside)


def show(outside, inside):
    rows = [("what was tried", "outside", "inside")]
    escaped = 0
    for what, _ in TRIALS:
        o, i = outside.get(what, (False, "no answer")), inside.get(what, (True, "no answer"))
        escaped += i[0]
        rows.append((what, ("yes: " if o[0] else "no: ") + o[1], ("YES: " if i[0] else "no: ") + i[1]))
    widths = [max(len(r[c]) for r in rows) for c in range(3)]
    for number, row in enumerate(rows):
        print("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
        if number == 0:
            print("  " + "  ".join("-" * width for width in widths))
    if escaped:
        print(f"\n{escaped} of these worked inside: the confinement does not hold on this machine.")
    return 1 if escaped else 0


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--probe":
        return probe(json.loads(sys.argv[2]))
    if len(sys.argv) == 3 and sys.argv[1] == "--carrel":
        return table(sys.argv[2])
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main())
