#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The app never holds the person's terminal, job control works, and no byte, status or signal is lost.

    cli_tty.py --relay CARREL-TTY FAKE-CORE [TEST...]    the relay alone, with a stand-in for the core
    cli_tty.py --whole BUILD POLICIES [TEST...]          carrel run, all of it
"""
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_lib  # noqa: E402
from tap import Skip, Tap  # noqa: E402

WHOLE = sys.argv[1] == "--whole"
A, B = map(os.path.abspath, sys.argv[2:4])
STAGE = cli_lib.Stage(A, B) if WHOLE else None
LIMIT = 20
SCRATCH = tempfile.TemporaryDirectory(prefix="carrel-tty-")
tap = Tap()


def same(got, want, what="value"):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def plan_fd(argv):
    fd = os.memfd_create("plan")
    os.write(fd, b"\0".join(os.fsencode(a) for a in argv))
    os.lseek(fd, 0, 0)
    return fd


class Screen:
    """A terminal that we hold the other end of, with a program in it as the session's leader."""

    def __init__(self, run, rows=24, cols=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(self.master)
                os.setsid()
                fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
                for fd in (0, 1, 2):
                    os.dup2(slave, fd)
                os.close(slave)
                run()
            finally:
                os._exit(99)
        self.slave = slave
        self.seen = b""

    def read(self, seconds=0.1):
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return b""
        self.seen += data
        return data

    def until(self, text, seconds=LIMIT):
        end = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > end:
                raise AssertionError(f"waited for {text!r}, saw {self.seen!r}")
            self.read()
        at = self.seen.index(text) + len(text)
        before, self.seen = self.seen[:at], self.seen[at:]
        return before

    def type(self, data):
        os.write(self.master, data)

    def wait(self, seconds=LIMIT):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0.05):
                    pass
                self.pid = 0
                return status
        raise AssertionError(f"still running; saw {self.seen!r}")

    def modes(self):
        return termios.tcgetattr(self.slave)

    def is_raw(self):
        return not self.modes()[3] & termios.ICANON

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def start(argv, mode="pty"):
    """Becomes what is tested, with argv as the app."""
    if WHOLE:
        tty = {"pty": "auto", "pipes": "never", "force": "always"}[mode]
        os.execve(STAGE.carrel, ["carrel", "run", "--tty=" + tty, argv[0], "--", *argv[1:]],
                  STAGE.env(TERM="xterm"))
    fd = plan_fd(argv)
    os.set_inheritable(fd, True)
    os.execve(A, ["carrel-tty", mode, str(fd), "20", B], {})


def exec_tty(argv, mode="pty"):
    return lambda: start(argv, mode)


def starter(name, argv=None):
    """A program that starts argv, or its own arguments, confined: for a shell to call."""
    path = os.path.join(SCRATCH.name, name)
    with open(path, "w") as f:
        if WHOLE:
            f.write("import os,sys\n"
                    f"a={argv!r} or sys.argv[1:]\n"
                    f"os.execve({STAGE.carrel!r},['carrel','run',a[0],'--',*a[1:]],{STAGE.env(TERM='dumb')!r})\n")
        else:
            f.write("import os,sys\nfd=os.memfd_create('p',0)\n"
                    f"a={argv!r} or sys.argv[1:]\n"
                    "os.write(fd,b'\\0'.join(map(os.fsencode,a)))\nos.lseek(fd,0,0)\n"
                    f"os.execve({A!r},['carrel-tty','pty',str(fd),'20',{B!r}],{{}})\n")
    return path


def confined(argv, mode="pty", **more):
    return Screen(exec_tty(argv, mode), **more)


def eventually(question, what, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            raise AssertionError("never came true: " + what)
        time.sleep(0.02)


INJECT = ("import fcntl,termios,os\n"
          "try:\n"
          "  [fcntl.ioctl(%d,termios.TIOCSTI,bytes([c])) for c in b'echo INJ'+bytes([34,34])+b'ECTED\\n']\n"
          "  print('pushed')\n"
          "except OSError as e: print('refused', e)\n")


def injected_keys_reach_the_shell_bare_and_not_confined():
    """T: terminal injection (class 5)."""
    if open("/proc/sys/dev/tty/legacy_tiocsti").read().strip() != "1":
        raise Skip("dev.tty.legacy_tiocsti is 0")
    for bare in (True, False):
        argv = ["/usr/bin/python3", "-c", INJECT % 0]
        with Screen(lambda: os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"],
                                      {"PS1": "ready> ", "PATH": "/usr/bin:/bin"})) as s:
            s.until(b"ready> ")
            script = starter("inject.py", argv)
            if bare:
                with open(script, "w") as f:
                    f.write(INJECT % 0)
            s.type(f"python3 {script}\n".encode())
            s.until(b"pushed" if bare or not WHOLE else b"refused")
            time.sleep(0.3)
            s.until(b"ready> ")
            s.type(b"echo the end of it\n")
            text = s.until(b"\nthe end of it")
            ran = b"\nINJECTED" in text.replace(b"\r", b"")
            same(ran, bare, "the shell ran what was pushed")


def the_app_gets_a_terminal_of_its_own():
    with confined(["/bin/sh", "-c", "tty; test -t 0 && test -t 1 && test -t 2 && echo all"]) as s:
        outer = os.ttyname(s.slave).encode()
        text = s.until(b"all")
        assert WHOLE or outer + b"\r" not in text, text
        same(s.wait(), 0)


def its_terminal_has_a_name_inside():
    """The pseudo terminal is one of the sandbox's own devpts, not of the host's."""
    code = ("import os, sys\n"
            "print([os.ttyname(fd) for fd in (0, 1, 2)], [os.readlink(f'/proc/self/fd/{fd}') for fd in (0, 1, 2)])\n"
            "print(sorted(os.listdir('/dev/pts')), os.stat('/dev/pts/0').st_uid == os.getuid(), \n"
            "      os.path.sameopenfile(0, os.open('/dev/pts/0', os.O_RDWR)))\n"
            "os.open('/dev/tty', os.O_RDWR); print('done')")
    names = "['/dev/pts/0', '/dev/pts/0', '/dev/pts/0']"
    with confined(["/usr/bin/python3", "-c", code]) as s:
        text = s.until(b"done").decode()
        assert f"{names} {names}" in text and "['0', 'ptmx'] True True" in text, text
        same(s.wait(), 0)


def programs_that_make_terminals_find_room():
    """As script(1), sshd or tmux do."""
    with confined(["/usr/bin/script", "-qec", "tty; test -t 0; echo there=$?; exit 3", "/dev/null"]) as s:
        text = s.until(b"there=0")
        assert b"/dev/pts/1\r\n" in text, text
        same(os.waitstatus_to_exitcode(s.wait()), 3)


def what_fails_before_there_is_a_terminal_is_told():
    if not WHOLE:
        with confined(["fail"]) as s:
            same(os.waitstatus_to_exitcode(s.wait()), 125)
            same(s.seen, b"the core fails\r\n")
            same(s.modes(), s.before, "modes")
        return
    with Screen(lambda: os.execve("/usr/bin/unshare", [
            "unshare", "-Ur", "sh", "-c", "echo 1 > /proc/sys/user/max_user_namespaces; exec \"$@\"", "sh",
            STAGE.carrel, "run", "/bin/true"], STAGE.env(TERM="xterm"))) as s:
        same(os.waitstatus_to_exitcode(s.wait()), 125)
        assert b"cannot make the inner user namespace" in s.seen, s.seen


def exit_codes_pass_exactly():
    for code in (0, 1, 7, 125, 126, 127, 128, 137, 255):
        with confined(["/bin/sh", "-c", f"exit {code}"]) as s:
            same(os.waitstatus_to_exitcode(s.wait()), code)


def deaths_by_signal_pass_exactly():
    for signo in (1, 2, 3, 6, 9, 11, 13, 15, 31):
        with confined(["/usr/bin/python3", "-c", 
                       f"import os,signal as s\ntry: s.signal({signo}, s.SIG_DFL)\n"
                       f"except OSError: pass\nos.kill(os.getpid(),{signo})"]) as s:
            same(os.waitstatus_to_exitcode(s.wait()), -signo)


def signals_to_the_relay_reach_the_app_once():
    code = ("import os,signal,time\n"
            "for s in (1,2,3,10,12,15): signal.signal(s, lambda n,f: os.write(1,b'got %d\\n'%n))\n"
            "print('armed',flush=True)\nwhile True: time.sleep(9)")
    with confined(["/usr/bin/python3", "-c", code]) as s:
        s.until(b"armed")
        for signo in (1, 2, 3, 10, 12, 15):
            os.kill(s.pid, signo)
            s.until(b"got %d\r\n" % signo)
        os.killpg(s.pid, signal.SIGTERM)
        s.until(b"got 15\r\n")
        time.sleep(0.2)
        s.read()
        assert b"got" not in s.seen, s.seen


def the_terminal_is_raw_while_it_runs_and_as_before_afterwards():
    for end, argv in ((b"x\r", ["/bin/sh", "-c", "echo up; read x"]), (b"\x03", ["/bin/sh", "-c", "echo up; read x"])):
        with confined(argv) as s:
            s.until(b"up")
            eventually(s.is_raw, "raw mode")
            s.type(end)
            s.wait()
            same(s.modes(), s.before, "modes")


def it_is_restored_when_the_core_is_killed():
    with confined(["/bin/sleep", "60"]) as s:
        eventually(s.is_raw, "raw mode")
        core = int(open(f"/proc/{s.pid}/task/{s.pid}/children").read().split()[0])
        os.kill(core, signal.SIGKILL)
        same(os.waitstatus_to_exitcode(s.wait()), -9)
        same(s.modes(), s.before, "modes")


def settled(pid):
    """Whether the relay has its filter, and so its guard."""
    with open(f"/proc/{pid}/status") as f:
        return "\nSeccomp:\t2\n" in f.read()


def it_is_restored_when_the_relay_is_killed():
    """T: by the guard, which is there from one second on; but not where somebody has set other modes."""
    for others in (False, True):
        with confined(["/bin/sleep", "62"]) as s:
            eventually(lambda: s.is_raw() and settled(s.pid), "a relay with a guard")
            if others:
                modes = s.modes()
                modes[3] |= termios.ICANON
                termios.tcsetattr(s.slave, termios.TCSANOW, modes)
                modes = s.modes()
            os.kill(s.pid, signal.SIGKILL)
            same(os.waitstatus_to_exitcode(s.wait()), -9)
            if others:
                time.sleep(0.5)
                same(s.modes(), modes, "modes")
            else:
                eventually(lambda: s.modes() == s.before, "the modes are as before")


def its_guard_ends_with_it():
    with confined(["/bin/sh", "-c", "read x; exit 4"]) as s:
        eventually(lambda: s.is_raw() and settled(s.pid), "a relay with a guard")
        with open(f"/proc/{s.pid}/task/{s.pid}/children") as f:
            below = [int(pid) for pid in f.read().split()]
        same(len(below), 2, "processes: the core and the guard")
        s.type(b"\r")
        same(os.waitstatus_to_exitcode(s.wait()), 4)
        same([pid for pid in below if os.path.exists(f"/proc/{pid}")], [])


def it_goes_on_under_its_filter():
    code = ("import os,signal,time\n"
            "for s in (1,10,28): signal.signal(s, lambda n,f: os.write(1,b'got %d\\n'%n))\n"
            "print('set',flush=True)\n"
            "while input() != 'end': print('read', os.get_terminal_size(), flush=True)\n"
            "os.kill(os.getpid(), signal.SIGTERM)")
    with confined(["/usr/bin/python3", "-c", code]) as s:
        s.until(b"set")
        eventually(lambda: settled(s.pid), "a relay with a filter")
        for signo in (1, 10):
            os.kill(s.pid, signo)
            s.until(b"got %d\r\n" % signo)
        fcntl.ioctl(s.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
        s.until(b"got 28\r\n")
        s.type(b"x\r")
        s.until(b"read os.terminal_size(columns=132, lines=40)")
        s.type(b"end\r")
        same(os.waitstatus_to_exitcode(s.wait()), -15)
        same(s.modes(), s.before, "modes")


def the_core_dies_with_the_relay():
    with confined(["/bin/sleep", "61"]) as s:
        eventually(s.is_raw, "raw mode")
        core = int(open(f"/proc/{s.pid}/task/{s.pid}/children").read().split()[0])
        os.kill(s.pid, signal.SIGKILL)
        same(os.waitstatus_to_exitcode(s.wait()), -9)
        eventually(lambda: not os.path.exists(f"/proc/{core}"), "the core is gone")


def the_window_size_is_passed_and_followed():
    with confined(["/bin/sh", "-c", "stty size; trap 'stty size' WINCH; while :; do sleep 0.1; done"],
                  rows=33, cols=101) as s:
        s.until(b"33 101\r\n")
        time.sleep(0.2)
        fcntl.ioctl(s.master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 132, 0, 0))
        s.until(b"40 132\r\n")


PATTERN = bytes(range(256)) * 40960  # 10 MiB


def ten_megabytes_out_are_exact():
    code = ("import sys,termios,tty\ntty.setraw(1)\n"
            "sys.stdout.buffer.write(b'begin'+bytes(range(256))*40960);sys.stdout.flush()")
    with confined(["/usr/bin/python3", "-c", code]) as s:
        s.until(b"begin")
        got = bytearray(s.seen)
        end = time.monotonic() + 3 * LIMIT
        while len(got) < len(PATTERN) and time.monotonic() < end:
            s.seen = b""
            got += s.read()
        same(len(got), len(PATTERN), "bytes")
        assert bytes(got) == PATTERN
        same(s.wait(), 0)


def ten_megabytes_in_are_exact_though_the_app_is_slow():
    code = ("import sys,tty,hashlib,time\ntty.setraw(0)\nprint('up',flush=True)\nh=hashlib.sha256()\n"
            "n=0\nimport os\n"
            "while n<%d:\n b=os.read(0,65536);h.update(b);n+=len(b)\n if n%%500000<4000: time.sleep(.01)\n"
            "print(h.hexdigest())" % len(PATTERN))
    import hashlib
    with confined(["/usr/bin/python3", "-c", code]) as s:
        s.until(b"up")
        eventually(s.is_raw, "raw mode")
        os.set_blocking(s.master, False)
        sent, end = 0, time.monotonic() + 4 * LIMIT
        while sent < len(PATTERN) and time.monotonic() < end:
            if select.select([], [s.master], [], 1)[1]:
                try:
                    sent += os.write(s.master, PATTERN[sent:sent + 65536])
                except BlockingIOError:
                    pass
        same(sent, len(PATTERN), "sent")
        s.until(hashlib.sha256(PATTERN).hexdigest().encode(), 3 * LIMIT)


def the_last_bytes_are_not_lost():
    for _ in range(20):
        with confined(["/bin/sh", "-c", "seq 1 2000; printf last; exec kill -9 $$"]) as s:
            same(os.waitstatus_to_exitcode(s.wait()), -9)
            text = s.seen
            assert text.endswith(b"1999\r\n2000\r\nlast"), text[-60:]


def pipes_stay_pipes_and_are_exact():
    """T12: redirected descriptors are handed over, byte for byte."""
    read_end, write_end = os.pipe()
    out_read, out_write = os.pipe()
    data = bytes(range(256)) * 4096

    def run():
        os.dup2(read_end, 0)
        os.dup2(out_write, 1)
        for fd in (read_end, write_end, out_read, out_write):
            os.close(fd)
        exec_tty(["/bin/cat"])()
    with Screen(run) as s:
        os.close(read_end)
        os.close(out_write)
        if os.fork() == 0:
            os.close(out_read)
            with os.fdopen(write_end, "wb") as f:
                f.write(data)
            os._exit(0)
        os.close(write_end)
        with os.fdopen(out_read, "rb") as f:
            got = f.read()
        assert got == data, len(got)
        same(s.wait(), 0)
        os.wait()


def a_reader_behind_a_pipe_sees_the_end_when_the_app_closes_it():
    out_read, out_write = os.pipe()

    def run():
        os.dup2(out_write, 1)
        os.close(out_read)
        os.close(out_write)
        exec_tty(["/bin/sh", "-c", "echo one; exec >&-; sleep 60"])()
    with Screen(run) as s:
        os.close(out_write)
        with os.fdopen(out_read, "rb") as f:
            if not select.select([f], [], [], LIMIT)[0]:
                raise AssertionError("nothing came")
            begin = time.monotonic()
            same(f.read(), b"one\n")
            assert time.monotonic() - begin < LIMIT, "the end came with the app's end only"


def shell():
    """An interactive outer bash with a function `c` that starts its arguments confined."""
    helper = starter("confined.py")
    s = Screen(lambda: os.execve("/bin/bash", ["bash", "--norc", "--noprofile", "-i"],
                                 {"PS1": "ready> ", "PATH": "/usr/bin:/bin", "TERM": "dumb"}))
    s.until(b"ready> ")
    s.type(f"c() {{ python3 -IS {helper} \"$@\"; }}\n".encode())
    s.until(b"ready> ")
    return s


def ctrl_z_stops_and_fg_continues():
    with shell() as s:
        s.type(b"c /usr/bin/python3 -uc 'import time\nprint(\"up\")\nn=0\nwhile 1: n+=1; time.sleep(.1); n%20 or print(\"n\")'\n")
        s.until(b"up\r\n")
        eventually(s.is_raw, "raw mode")
        s.type(b"\x1a")
        s.until(b"Stopped")
        s.until(b"ready> ")
        s.type(b"echo $((6*7))\n")
        s.until(b"42\r\n")
        s.until(b"ready> ")
        s.type(b"fg\n")
        s.until(b"n\r\n")
        s.until(b"n\r\n")
        eventually(s.is_raw, "raw mode again")
        s.type(b"\x1a")
        s.until(b"Stopped")
        s.until(b"ready> ")
        s.type(b"fg\n")
        s.until(b"n\r\n")
        s.type(b"\x03")
        s.until(b"ready> ")
        s.type(b"echo status=$?\n")
        s.until(b"status=130")


def a_job_started_in_the_background_neither_stops_nor_eats_input():
    with shell() as s:
        s.type(b"c /bin/sh -c 'sleep 0.5; echo ou''tput; read x; echo got=$x' &\n")
        s.until(b"ready> ")
        s.until(b"output")
        for i in range(5):
            s.type(b"echo li''ne%d\n" % i)
            s.until(b"line%d\r\n" % i)
            s.until(b"ready> ")
        s.type(b"jobs\n")
        s.until(b"Running")
        s.until(b"ready> ")
        s.type(b"fg\n")
        eventually(s.is_raw, "raw mode in the foreground")
        s.type(b"hello\r")
        s.until(b"got=hello")
        s.until(b"ready> ")


def job_control_inside_works():
    """T2: an interactive shell as the app."""
    with confined(["/bin/bash", "--norc", "--noprofile", "-i"]) as s:
        s.type(b"PS1='in''side> '\n")
        s.until(b"inside> ")
        s.type(b"sleep 50\n")
        time.sleep(0.3)
        s.type(b"\x1a")
        s.until(b"Stopped")
        s.type(b"bg\n")
        s.until(b"sleep 50 &")
        s.type(b"jobs\n")
        s.until(b"Running")
        s.type(b"fg\n")
        s.until(b"sleep 50\r\n")
        time.sleep(0.2)
        s.type(b"\x03")
        s.until(b"inside> ")
        s.type(b"IFS= read -rs secret < /dev/tty; echo \"<$secret>\"\n")
        time.sleep(0.2)
        s.type(b"pa ss\r")
        text = s.until(b"<pa ss>")
        s.type(b"exit 5\n")
        same(os.waitstatus_to_exitcode(s.wait()), 5)
        same(s.modes(), s.before, "modes")


def late_replies_do_not_reach_the_shell():
    """T13: what the terminal answers after the app has gone is thrown away."""
    with confined(["/bin/sh", "-c", "echo up; sleep 0.3"]) as s:
        s.until(b"up")
        eventually(s.is_raw, "raw mode")
        s.type(b"\x1b[12;40R")
        s.wait()
        fl = fcntl.fcntl(s.slave, fcntl.F_GETFL)
        fcntl.fcntl(s.slave, fcntl.F_SETFL, fl | os.O_NONBLOCK)
        modes = s.modes()
        modes[3] &= ~termios.ICANON
        termios.tcsetattr(s.slave, termios.TCSANOW, modes)
        try:
            left = os.read(s.slave, 100)
        except BlockingIOError:
            left = b""
        same(left, b"")


def without_a_terminal_the_app_gets_pipes():
    code = "import os,sys\nprint([os.isatty(f) for f in (0,1,2)], os.read(0,9))\nsys.stderr.write('err\\n')"
    with confined(["/usr/bin/python3", "-c", code], mode="pipes") as s:
        text = s.until(b"err") if b"err" in s.seen else s.until(b"b''")
        assert b"[False, False, False] b''" in text, text
        same(s.wait(), 0)
        assert not s.is_raw()


def force_gives_a_terminal_to_a_program_whose_streams_are_pipes():
    argv = ["/bin/sh", "-c", "test -t 0 && test -t 1 && read x && echo got=$x"]
    done = subprocess.run([sys.executable, "-c", "0"], preexec_fn=exec_tty(argv, "force"),
                          input=b"word\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=LIMIT)
    same(done.returncode, 0)
    assert b"got=word\r\n" in done.stdout, done.stdout


def hanging_up_ends_the_app():
    with confined(["/bin/sh", "-c", "echo up; exec sleep 62"]) as s:
        s.until(b"up")
        os.close(s.slave)
        os.close(s.master)
        pid, status = 0, 0
        end = time.monotonic() + LIMIT
        while not pid and time.monotonic() < end:
            pid, status = os.waitpid(s.pid, os.WNOHANG)
            time.sleep(0.02)
        s.pid = 0 if pid else s.pid
        s.master, s.slave = os.open("/dev/null", 0), os.open("/dev/null", 0)
        same(os.waitstatus_to_exitcode(status) if pid else "running", -1)


def wrong_arguments_are_refused():
    for argv in ([], ["pty"], ["what", "3", "20", B], ["pty", "3", "20", B, "x"], ["pty", "3", "2", B]):
        done = subprocess.run([A, *argv], capture_output=True, timeout=LIMIT)
        same(done.returncode, 125)
        assert done.stderr.startswith(b"usage: carrel-tty"), done.stderr
    fd = plan_fd(["/bin/true"])
    done = subprocess.run([A, "pty", str(fd), "20", "/nowhere/core"], pass_fds=[fd], capture_output=True,
                          timeout=LIMIT)
    same(done.returncode, 125)
    assert b"cannot start /nowhere/core: No such file" in done.stderr, done.stderr


TESTS = [
    injected_keys_reach_the_shell_bare_and_not_confined,
    the_app_gets_a_terminal_of_its_own,
    its_terminal_has_a_name_inside,
    programs_that_make_terminals_find_room,
    what_fails_before_there_is_a_terminal_is_told,
    exit_codes_pass_exactly,
    deaths_by_signal_pass_exactly,
    signals_to_the_relay_reach_the_app_once,
    the_terminal_is_raw_while_it_runs_and_as_before_afterwards,
    it_is_restored_when_the_core_is_killed,
    it_is_restored_when_the_relay_is_killed,
    its_guard_ends_with_it,
    it_goes_on_under_its_filter,
    the_core_dies_with_the_relay,
    the_window_size_is_passed_and_followed,
    ten_megabytes_out_are_exact,
    ten_megabytes_in_are_exact_though_the_app_is_slow,
    the_last_bytes_are_not_lost,
    pipes_stay_pipes_and_are_exact,
    a_reader_behind_a_pipe_sees_the_end_when_the_app_closes_it,
    ctrl_z_stops_and_fg_continues,
    a_job_started_in_the_background_neither_stops_nor_eats_input,
    job_control_inside_works,
    late_replies_do_not_reach_the_shell,
    without_a_terminal_the_app_gets_pipes,
    force_gives_a_terminal_to_a_program_whose_streams_are_pipes,
    hanging_up_ends_the_app,
    wrong_arguments_are_refused,
]

if __name__ == "__main__":
    only = sys.argv[4:]
    elsewhere = {wrong_arguments_are_refused} if WHOLE else \
        {its_terminal_has_a_name_inside, programs_that_make_terminals_find_room}
    for test in TESTS:
        if test.__name__ in only or (not only and test not in elsewhere):
            tap.run(test)
    SCRATCH.cleanup()
    if STAGE:
        STAGE.close()
    sys.exit(tap.done())
