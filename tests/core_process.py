#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signals, stops, terminals, and who dies with whom (classes 5 and 19)."""
import fcntl
import array
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

from core_lib import Core, basic_plan, check, main, no_children_left, refused, shell, start

TRAPS = ('trap "echo got {0}" {0}; echo ready; while read x < /dev/null; [ $((n += 1)) -lt 300 ]; '
         'do sleep 0.05; done')


def read_until(fd, text, seconds=10):
    got, end = b'', time.monotonic() + seconds
    os.set_blocking(fd, False)
    while text.encode() not in got:
        check(time.monotonic() < end, 'waited in vain for', text, got)
        try:
            part = os.read(fd, 65536)
            check(part, 'ended before', text, got)
            got += part
        except BlockingIOError:
            time.sleep(0.01)
        except OSError as e:
            raise AssertionError(f'ended before {text}: {got}') from e
    os.set_blocking(fd, True)
    return got.decode('utf-8', 'replace')


def wait_for(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, 'waited in vain for', what)
        time.sleep(0.01)


def state(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='latin-1') as f:
            return f.read().rpartition(')')[2].split()[0]
    except OSError:
        return None


def children(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as f:
            return [int(p) for p in f.read().split()]
    except OSError:
        return []


def tree(core):
    """The outer ids of monitor, pid 1 and the app."""
    monitor = core.p.pid
    wait_for(lambda: children(monitor), 'pid 1')
    init = children(monitor)[0]
    wait_for(lambda: children(init), 'the app')
    return monitor, init, children(init)[0]


def signals_are_forwarded(tmp):
    for name in ('TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2', 'WINCH', 'ALRM', 'PIPE', 'CONT', 'URG',
                 'RTMIN+1'):
        number = signal.SIGRTMIN + 1 if name == 'RTMIN+1' else getattr(signal, f'SIG{name}')
        # Not by print: the signal may come before the first one has come back.
        script = ('import os, signal, sys\n'
                  f'signal.signal({int(number)}, lambda *_: (os.write(1, b"got\\n"), sys.exit(7)))\n'
                  'os.write(1, b"ready\\n")\nsignal.pause()')
        core = Core(basic_plan('/usr/bin/python3', '-ISc', script))
        read_until(core.p.stdout.fileno(), 'ready\n')
        core.p.send_signal(number)
        r = core.finish()
        check(r.rc == 7 and r.out == 'got\n' and r.err == '', name, r)


def forwarded_signals_kill_as_unconfined(tmp):
    for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        core = Core(shell('echo ready; exec sleep 100'))
        read_until(core.p.stdout.fileno(), 'ready\n')
        core.p.send_signal(sig)
        r = core.finish()
        check(r.rc == -sig and r.err == '', sig, r)


def kill_is_for_one_process(tmp):
    """A signal that kill(1) sends is for the app alone, not for its children."""
    core = Core(shell('trap "echo got; exit 5" USR1; sleep 1 & echo ready; wait $!; wait $!; exit 6'))
    read_until(core.p.stdout.fileno(), 'ready\n')
    core.p.send_signal(signal.SIGUSR1)
    r = core.finish()
    check(r.rc == 5 and r.out == 'got\n', r)


def app_stops_and_we_stop_alike(tmp):
    for sig in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN):
        # The monitor's parent is in its session, so its group is no orphan and can be stopped.
        core = Core(shell(f'echo ready; kill -{int(sig)} $$; echo on; exit 9'),
                    before=lambda: os.setpgid(0, 0))
        pid, status = os.waitpid(core.p.pid, os.WUNTRACED)
        check(os.WIFSTOPPED(status) and os.WSTOPSIG(status) == sig, sig, status)
        time.sleep(0.1)
        check(state(core.p.pid) == 'T')
        os.kill(core.p.pid, signal.SIGCONT)
        r = core.finish()
        check(r.rc == 9 and r.out == 'ready\non\n', r)


def continued_from_inside_we_continue_alike(tmp):
    for sig in (signal.SIGSTOP, signal.SIGTSTP):
        for times in (1, 3):
            script = (f'exec 3<&0; n=0; echo ready; while [ $n -lt {times} ]; do n=$((n + 1)); '
                      f'(read go <&3; kill -CONT $$) & kill -{int(sig)} $$; wait; read go; done; echo on; exit 9')
            core = Core(shell(script), before=lambda: os.setpgid(0, 0), stdin=subprocess.PIPE)
            for _ in range(times):
                _, status = os.waitpid(core.p.pid, os.WUNTRACED)
                check(os.WIFSTOPPED(status) and os.WSTOPSIG(status) == sig, sig, status)
                os.write(core.p.stdin.fileno(), b'\n')
                _, status = os.waitpid(core.p.pid, os.WCONTINUED)
                check(os.WIFCONTINUED(status), sig, status)
                # It waits for this: one that has stopped or ended again is no longer told as continued.
                os.write(core.p.stdin.fileno(), b'\n')
            r = core.finish()
            check(r.rc == 9 and r.out == 'ready\non\n', r)


def stop_from_outside_stops_the_app(tmp):
    """As Ctrl-Z at the caller's shell does, which sends it to the monitor's group."""
    core = Core(shell('echo ready; while :; do sleep 0.02; done'), before=lambda: os.setpgid(0, 0))
    read_until(core.p.stdout.fileno(), 'ready\n')
    monitor, init, app = tree(core)

    def stopped():
        # Again where it was lost: the word that the app goes on comes with SIGCONT, which takes back a stop.
        os.killpg(monitor, signal.SIGTSTP)
        time.sleep(0.2)
        pid, status = os.waitpid(monitor, os.WUNTRACED | os.WNOHANG)
        return pid and os.WIFSTOPPED(status)

    for _ in range(3):
        wait_for(stopped, 'the monitor to stop')
        check(state(app) == 'T' and state(monitor) == 'T', state(app), state(monitor))
        os.killpg(monitor, signal.SIGCONT)
        wait_for(lambda: state(app) != 'T' and state(monitor) != 'T', 'both to go on')
    os.kill(monitor, signal.SIGTERM)
    check(core.finish().rc == -signal.SIGTERM)


def orphans_inside_end_with_the_app(tmp):
    """Class 19. Whatever the app leaves behind is killed when it ends, and we wait for that."""
    core = Core(shell('for i in 1 2 3 4 5; do (setsid sh -c "trap : TERM HUP; sleep 1000" &) ; done; '
                      'echo ready; sleep 0.2; exit 3').add('bind', tmp, '/g', 'rw'))
    monitor, init, app = tree(core)
    read_until(core.p.stdout.fileno(), 'ready\n')
    wait_for(lambda: len(children(init)) >= 5, 'orphans at pid 1')
    inside = children(init)
    core.p.wait(10)
    check(core.p.returncode == 3)
    check(not [p for p in inside if state(p) not in (None, 'X')], 'left', inside)


def pid_1_reaps(tmp):
    r = start(shell('for i in 1 2 3 4 5 6 7 8; do (sleep 0 &) ; done; sleep 0.3; '
                    'cat /proc/[0-9]*/stat | grep -c " Z "; true'))
    check(r.rc == 0 and r.out == '0\n', r)


def everything_dies_with(which):
    core = Core(shell('echo ready; (setsid sleep 1000 &) ; sleep 1000'))
    read_until(core.p.stdout.fileno(), 'ready\n')
    everyone = tree(core)
    os.kill(everyone[which], signal.SIGKILL)
    wait_for(lambda: all(state(p) in (None, 'Z', 'X') for p in everyone[1:]), 'the others to die')
    r = core.finish()
    check(r.rc == -9, which, r)
    no_children_left()


def killing_the_monitor_kills_all(tmp):
    everything_dies_with(0)


def killing_pid_1_kills_all(tmp):
    everything_dies_with(1)


def killing_the_app_ends_all(tmp):
    everything_dies_with(2)


def death_signal_of_the_caller_is_kept(tmp):
    """A caller that asked for it before it executed the core takes all down with it."""
    script = ('import ctypes, os, sys; pid = os.fork()\n'
              'if pid: print(pid, flush=True); os.wait()\n'
              'else: ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[1], sys.argv[1:])')
    core = Core(shell('echo ready; sleep 1000'), wrap=['/usr/bin/python3', '-ISc', script])
    out = read_until(core.p.stdout.fileno(), 'ready\n')
    monitor = int(out.split()[0])
    app = children(children(monitor)[0])[0]
    core.p.kill()
    core.p.wait()
    wait_for(lambda: state(app) in (None, 'Z', 'X'), 'the app to die')
    core.finish()


def closed_pipes_are_seen(tmp):
    """Neither monitor nor pid 1 holds the app's standard descriptors open."""
    core = Core(shell('exec sleep 1 >/dev/null 2>&1'))
    began = time.monotonic()
    check(core.p.stdout.read() == b'' and time.monotonic() - began < 0.9 and core.p.poll() is None)
    check(core.finish().rc == 0)


def on_terminal(plan, streams='0,1,2', **options):
    """Starts a plan with a terminal of its own. Gives (core, master)."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        plan.add('terminal', theirs.fileno(), '/dev/pts/ptmx', streams)
        plan.add('bind', '/dev/tty', '/dev/tty', 'rw,dev')
        core = Core(plan, fds=[theirs.fileno()], **options)
        theirs.close()
        ours.settimeout(20)
        _, rights, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
        check(rights, 'no terminal came', core.p.stderr.read() if not rights else '')
        master = int.from_bytes(rights[0][2][:4], sys.byteorder)
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 7, 77, 0, 0))
        ours.send(b'')
    return core, master


def terminal_is_the_app_s(tmp):
    core, master = on_terminal(shell('exec 3<>/dev/tty && echo controlling >&3; read x; cat /proc/self/stat; '
                                     'stty size; tty; echo end; read x'))
    read_until(master, 'controlling')
    os.write(master, b'\n')
    out = read_until(master, 'end')
    fields = out[out.index(')'):].split()
    group, session, _, foreground = fields[3:7]
    check((group, session, foreground) == ('2', '1', '2'), fields)
    check('7 77\r\n/dev/pts/0\r\n' in out, out)  # what was set before the start
    os.write(master, b'\n')
    core.p.wait(10)
    check(core.p.returncode == 0)
    os.close(master)


def control_c_reaches_the_app(tmp):
    core, master = on_terminal(shell('trap "echo interrupted; exit 4" INT; echo ready; '
                                     'while :; do sleep 0.05; done'))
    read_until(master, 'ready')
    os.write(master, b'\x03')
    read_until(master, 'interrupted')
    core.p.wait(10)
    check(core.p.returncode == 4, core.p.returncode)
    os.close(master)


def job_control_inside(tmp):
    """Class 5 without its price: an interactive shell has job control in its own terminal."""
    p = basic_plan('/usr/bin/bash', '--norc', '--noprofile', '-i')
    core, master = on_terminal(p.add('env', 'PS1=$ ').add('env', 'TERM=dumb'))
    text = read_until(master, '$ ')
    check('job control' not in text, text)
    os.write(master, b'sleep 100\n')
    time.sleep(0.5)
    os.write(master, b'\x1a')
    read_until(master, 'Stopped')
    os.write(master, b'bg; jobs; kill %1; wait; echo "en"d\n')
    text = read_until(master, 'end')
    check('Running' in text, text)
    os.write(master, b'exit 6\n')
    core.p.wait(10)
    check(core.p.returncode == 6, core.p.returncode)
    os.close(master)


def only_the_streams_that_are_named(tmp):
    script = 'tty; [ -t 0 ] && echo in; [ -t 1 ] && echo out; [ -t 2 ] && echo err; echo end; echo >&2 error'
    core, master = on_terminal(shell(script), '0,1')
    out = read_until(master, 'end')
    check('/dev/pts/0' in out and 'in\r\nout\r\nend' in out, out)
    r = core.finish()
    check(r.rc == 0 and r.err == 'error\n' and r.out == '', r)
    os.close(master)


def a_socket_that_is_none(tmp):
    """Nothing starts where the terminal cannot be handed out, or cannot be made."""
    r = start(shell('echo ran').add('terminal', 99, '/dev/pts/ptmx', '0'))
    refused(r, 'terminal', 'cannot hand the terminal out', 'Bad file descriptor')
    refused(start(shell('echo ran').add('terminal', 99, '/dev/none/ptmx', '0')), 'terminal', 'No such file')
    refused(start(shell('echo ran').add('terminal', 99, '/dev/null', '0')), 'terminal', 'cannot unlock')
    refused(start(shell('echo ran').add('terminal', 99, '/dev/fd', '0')), 'terminal', 'cannot open', '(openat)')


def no_controlling_terminal_with_new(tmp):
    """Class 5: without a terminal of its own the app has none, so TIOCSTI has no target."""
    script = ('import fcntl, os, sys\n'
              'try:\n    fcntl.ioctl(0, 0x5412, b"x"); print("injected")\n'
              'except OSError as e:\n    print("refused", e.strerror)\n'
              'try:\n    os.open("/dev/tty", os.O_RDWR); print("opened")\n'
              'except OSError as e:\n    print("none", e.strerror)\n')
    p = basic_plan('/usr/bin/python3', '-ISc', script)
    if os.path.exists('/dev/tty'):
        p.add('bind', '/dev/tty', '/dev/tty', 'rw,dev')
    master, slave = pty.openpty()
    core = Core(p, stdin=slave, before=os.setsid)
    os.close(slave)
    r = core.finish()
    check('injected' not in r.out and 'opened' not in r.out and r.out.startswith('refused'), r)
    os.close(master)


def hangup_reaches_the_app(tmp):
    core, master = on_terminal(shell('trap "echo hup > /g; exit 2" HUP; echo ready; '
                                     'while :; do sleep 0.05; done'))
    read_until(master, 'ready')
    os.close(master)
    core.p.wait(10)
    check(core.p.returncode in (2, -1), core.p.returncode)


def status_fd_tells_who_and_how_it_ended(tmp):
    for script, code in (('exit 7', 7), ('kill -KILL $$', 128 + signal.SIGKILL), (':', 0)):
        ours, theirs = os.pipe()
        core = Core(shell(f'echo ready; read x; ls /proc/self/fd; {script}').add('status-fd', theirs),
                    fds=[theirs], stdin=subprocess.PIPE)
        os.close(theirs)
        child = int(re.fullmatch(r'\{ "child-pid": (\d+) \}\n', read_until(ours, '\n')).group(1))
        check(tree(core)[1] == child, 'not pid 1 inside', child)
        r = core.finish()
        check(read_until(ours, '\n') == f'{{ "exit-code": {code} }}\n')
        check(os.read(ours, 1) == b'' and r.out.split() == ['ready', '0', '1', '2', '3'], r)
        os.close(ours)
    # Nobody who listens is no reason to end, and a plan that names what is not open is refused.
    ours, theirs = os.pipe()
    os.close(ours)
    r = start(shell('exit 3').add('status-fd', theirs), fds=[theirs])
    check(r.rc == 3 and r.err == '', r)
    os.close(theirs)
    refused(start(shell('').add('status-fd', 900)), 'status-fd', 'Bad file descriptor')


def waiting_processes_are_confined(tmp):
    """After a second, or the first signal, the monitor and pid 1 have a filter of their own; and go on
    forwarding, stopping, continuing, reaping and ending as ever."""
    def mode(pid):
        with open(f'/proc/{pid}/status', encoding='ascii') as f:
            return re.search(r'^Seccomp:\s*(\d)', f.read(), re.M).group(1)

    for signal_first in (False, True):
        core = Core(shell('trap "echo got" USR1; trap "exit 9" TERM; sleep 300 & echo ready; '
                          'while :; do (sleep 0.05 &) ; sleep 0.05; done'))
        read_until(core.p.stdout.fileno(), 'ready\n')
        monitor, init, app = tree(core)
        if signal_first:
            core.p.send_signal(signal.SIGUSR1)
            read_until(core.p.stdout.fileno(), 'got\n', 20)
        end = time.monotonic() + 20
        while not mode(monitor) == mode(init) == '2':
            check(time.monotonic() < end, 'no filter', mode(monitor), mode(init))
            time.sleep(0.02)
        check(mode(app) == '0', 'the app has it, too')
        core.p.send_signal(signal.SIGUSR1)
        read_until(core.p.stdout.fileno(), 'got\n', 20)
        os.kill(app, signal.SIGSTOP)
        check(os.WIFSTOPPED(os.waitpid(core.p.pid, os.WUNTRACED)[1]))
        core.p.send_signal(signal.SIGCONT)
        core.p.send_signal(signal.SIGUSR1)
        read_until(core.p.stdout.fileno(), 'got\n', 20)
        core.p.send_signal(signal.SIGTERM)
        check(core.finish().rc == 9, core.p.returncode)


def supervisor_learns_the_namespaces_and_its_end_is_the_apps(tmp):
    names = ('user', 'mnt', 'pid', 'ipc', 'uts', 'net', 'cgroup')
    # An app that no one may look at has shown its namespaces before.
    hide = "import ctypes, sys; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); print('ready', flush=True); sys.stdin.read()"
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    core = Core(basic_plan('/usr/bin/python3', '-c', hide).add('status-fd', theirs.fileno(), 'supervisor'),
                fds=[theirs.fileno()], stdin=subprocess.PIPE)
    theirs.close()
    check(core.p.stdout.readline() == b'ready\n')
    pids, fds, texts = tree(core), array.array('i'), []
    while len(texts) < 2:
        text, control, _, _ = ours.recvmsg(100, 1000)
        texts.append(text.decode())
        for _, kind, data in control:
            if kind == socket.SCM_RIGHTS:
                fds.frombytes(data)
                sender = [struct.unpack('iii', d)[0] for _, k, d in control if k == socket.SCM_CREDENTIALS]
    check(sender == [pids[2]] and sorted(texts) == ['', f'{{ "child-pid": {pids[1]} }}\n'], sender, pids, texts)
    check([os.readlink(f'/proc/self/fd/{fd}').split(':')[0] for fd in fds] == list(names))
    own = [os.stat(f'/proc/self/ns/{name}').st_ino for name in names]
    check(not set(own) & {os.fstat(fd).st_ino for fd in fds}, 'namespaces of ours')
    for fd in fds:
        os.close(fd)
    ours.close()
    core.p.stdin.close()
    core.p.wait(30)
    check(core.p.returncode == 125, core.p.returncode)
    no_children_left()
    for pid in pids:
        check(not os.path.exists(f'/proc/{pid}'), pid)
    # Without one the app does not start.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.close()
    r = start(shell('echo ran').add('status-fd', theirs.fileno(), 'supervisor'), fds=[theirs.fileno()])
    theirs.close()
    check(r.rc == 125 and r.out == '', r)
    refused(start(shell('').add('status-fd', 9, 'boss')), 'one of: supervisor')


def resident_memory_is_small(tmp):
    """All of ours together, while an app runs: at most 1 MiB (shared pages counted once)."""
    core = Core(shell('echo ready; exec sleep 100'))
    read_until(core.p.stdout.fileno(), 'ready\n')
    monitor, init, app = tree(core)
    total = 0
    for pid in (monitor, init):
        try:
            with open(f'/proc/{pid}/smaps_rollup', encoding='ascii') as f:
                total += int(re.search(r'^Pss: +(\d+)', f.read(), re.M).group(1))
        except OSError:
            core.p.kill()
            core.finish()
            return None if os.getuid() else 'smaps_rollup cannot be read'
    core.p.kill()
    core.finish()
    print(f'# {total} kB')
    check(0 < total <= 1024, total)


if __name__ == '__main__':
    sys.exit(main([v for v in list(globals().values())
                   if callable(v) and getattr(v, '__module__', '') == '__main__' and
                   v.__code__.co_varnames[:1] == ('tmp',) and v.__code__.co_argcount == 1]))
