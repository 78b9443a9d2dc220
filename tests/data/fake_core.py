#!/usr/bin/python3 -IS
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stands in for carrel-core in the tests of carrel-tty: no sandbox, but the core's part of the
contract with the relay. The plan descriptor holds the argument list of the app, NUL-separated; the
socket for the terminal is descriptor 20."""
import array, fcntl, os, pty, signal, socket, sys, termios

SOCKET = 20


def pass_on(pid):
    def handler(signo, frame):
        try:
            os.kill(pid, signo)
        except ProcessLookupError:
            pass
    for s in (1, 2, 3, 10, 12, 15, 18):
        signal.signal(s, handler)


def let_go():
    """The app alone holds its standard descriptors."""
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def make_terminal():
    """Gives the master out; what was the socket becomes the terminal. Returns it, or None."""
    try:
        wire = socket.socket(fileno=SOCKET)
    except OSError:
        return None
    master, slave = pty.openpty()
    wire.sendmsg([b""], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [master]))])
    wire.recv(1)
    os.close(master)
    here = os.fstat(SOCKET).st_ino
    for fd in (0, 1, 2):
        if os.fstat(fd).st_ino == here:
            os.dup2(slave, fd)
    wire.close()
    return slave


with os.fdopen(int(sys.argv[1]), "rb") as plan:
    argv = [os.fsdecode(a) for a in plan.read().split(b"\0")]
if argv[0] == "fail":  # before there is a terminal
    os.write(2, b"the core fails\n")
    os._exit(125)
terminal = make_terminal()
monitor = os.getpid()
app = os.fork()
if app == 0:  # "pid 1": leads the session, so that the app is no orphaned process group
    os.setsid()
    if terminal is not None:
        fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        if terminal is not None:
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
            os.tcsetpgrp(terminal, os.getpid())
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        os.execve(argv[0], argv, {"PATH": "/usr/bin:/bin", "TERM": "xterm"})
    pass_on(child)
    let_go()
    while True:
        pid, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            os.kill(monitor, signal.SIGSTOP)
            continue
        if os.WIFSIGNALED(status):
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL) if os.WTERMSIG(status) != 9 else 0
            os.kill(os.getpid(), os.WTERMSIG(status))
        os._exit(os.WEXITSTATUS(status))
pass_on(app)
let_go()
pid, status = os.waitpid(app, 0)
if os.WIFSIGNALED(status):
    if os.WTERMSIG(status) != 9:
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
    os.kill(os.getpid(), os.WTERMSIG(status))
os._exit(os.WEXITSTATUS(status))
