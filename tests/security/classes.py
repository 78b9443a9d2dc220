#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The root causes by which other sandboxes were left, each tried on this one. The number in a test's name is that of
the class: 1 a path followed twice, 2 a privileged helper, 4 leaked state, 5 the terminal, 6 the system-call filter,
7 injection by names, 8 spoofed messages, 9 the app writes its own policy, 10 failing open, 11 lists that age,
14 shared places, 15 overwriting the sandbox itself, 16 ids and capabilities, 17 abstract sockets, 18 masked paths,
19 what is left behind. (3, joining a running sandbox, and 12 and 13, portals and bus filters, do not exist here yet.)

Each test first shows that the attack works outside, or that what it needs is there.

    classes.py CARREL PROBE"""

import ctypes
import glob
import hashlib
import os
import pty
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from tap import Tap  # noqa: E402
from world import TIMEOUT, World  # noqa: E402

CARREL, PROBE = (os.path.abspath(p) for p in sys.argv[1:3])
APP = "org.carrel.test.Classes"
SECRET = "PRIVATE KEY"
STARTS = 8  # of each race
PR_SET_PTRACER = 0x59616d61  # prctl(2)
tap = Tap()
world = World(CARREL, PROBE)
libc = ctypes.CDLL(None, use_errno=True)

PRELUDE = """
import array, ctypes, errno, fcntl, os, resource, signal, socket, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
def need(r, what=""):
    if r < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return r
"""


def run(argv, **kw):
    kw.setdefault("stdin", subprocess.DEVNULL)
    env = {**world.env, **kw.pop("env", {})}
    return subprocess.run(list(map(str, argv)), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=TIMEOUT, check=False, **kw)


def carrel(*argv, options=(), app=APP, **kw):
    return run([CARREL, "run", f"--app-id={app}", *options, *argv], **kw)


def python_outside(code, *args, **kw):
    return run(["/usr/bin/python3", "-ISc", PRELUDE + code, *args], **kw)


def python_inside(code, *args, **kw):
    return carrel("/usr/bin/python3", "-ISc", PRELUDE + code, *args, **kw)


def differs(code, *args, options=(), **kw):
    """The code ends well outside and with an exception or sys.exit("why") inside."""
    result = python_outside(code, *args, **kw)
    assert result.returncode == 0, f"outside it should work: {result.stdout}"
    result = python_inside(code, *args, options=options, **kw)
    assert result.returncode == 1, f"inside it should fail: {result.returncode}: {result.stdout}"


def fresh(name):
    """An empty folder in the home."""
    path = os.path.join(world.home, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def app_home(app=APP):
    return os.path.join(world.home, ".var/app", app)


def policy(text, name):
    return world.file(name, text)


# ---- 1: a path followed twice ----

SWAPPER = """
a, b = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2])
while True:
    libc.renameat2(-100, a, -100, b, 2)
    libc.usleep(int(sys.argv[3]))
"""


class Swapper:
    """Exchanges two names all the time, as a program of the person's or another app could."""

    def __init__(self, a, b, pause=150):
        self.process = subprocess.Popen(["/usr/bin/python3", "-ISc", PRELUDE + SWAPPER, a, b, str(pause)])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def race(path, link_to, options, *argv, argument=None, before=None):
    """Starts the app again and again while a link to a secret takes turns with what is at path."""
    aside = path + ".aside"
    if os.path.lexists(aside):
        os.unlink(aside)
    os.symlink(link_to, aside)
    secret = os.path.join(path, "id_ed25519") if os.path.isdir(link_to) else path
    listing = sorted(os.listdir(os.path.dirname(world.secret)))
    with Swapper(path, aside):
        seen, end = set(), time.monotonic() + TIMEOUT
        while len(seen) < 2 and time.monotonic() < end:
            try:
                with open(secret, encoding="utf-8") as f:
                    seen.add(SECRET in f.read())
            except OSError:
                seen.add(False)
        assert len(seen) == 2, "the race is not one: outside both files should be met"
        for _ in range(STARTS):
            if before:
                before()
            result = carrel(*(argv or ("/bin/cat", secret)), options=options, **(argument or {}))
            assert SECRET not in result.stdout, result.stdout
            assert result.returncode in (0, 1, 125), result
    assert sorted(os.listdir(os.path.dirname(world.secret))) == listing, "something was made behind the link"
    if os.path.islink(path):
        os.unlink(path)
        os.rename(aside, path)
    else:
        os.unlink(aside)


SSH = os.path.dirname(world.secret)


def test_class01_race_on_a_folder_below_a_writable_one():
    top = fresh("race")
    os.mkdir(top + "/sub")
    for mode in (":ro", "", ":create"):
        race(top + "/sub", SSH, ["--filesystem=~/race", f"--filesystem=~/race/sub{mode}"])


def test_class01_race_on_a_granted_file():
    top = fresh("race")
    world.file("race/file", "harmless")
    race(top + "/file", world.secret, ["--filesystem=~/race", "--filesystem=~/race/file:ro"])


def test_class01_race_on_a_document_among_the_arguments():
    top = fresh("race")
    world.file("race/page.html", "harmless")
    path = policy("[Context]\nfilesystems=~/race;\n[Carrel Application]\ndocuments=ro\n", "race.policy")
    race(top + "/page.html", world.secret, [f"--policy={path}"], "/bin/cat", top + "/page.html")


def test_class01_race_on_a_folder_of_the_settings():
    top = fresh(".config/race")
    os.mkdir(top + "/sub")
    race(top + "/sub", SSH, ["--filesystem=xdg-config/race", "--filesystem=xdg-config/race/sub:create"])


def test_class01_race_on_the_home_of_the_app():
    carrel("/bin/true")
    race(app_home(), SSH, [])
    assert os.path.isdir(app_home())


def test_class01_race_on_folders_in_the_home_of_the_app():
    carrel("/bin/true")
    os.makedirs(os.path.join(world.home, ".config/tool"), exist_ok=True)
    for name in ("config", "data", ".local"):
        race(os.path.join(app_home(), name), SSH, ["--filesystem=xdg-config/tool:create"])


def test_class01_race_on_the_folder_of_all_homes():
    carrel("/bin/true")
    fake = fresh("fake-homes")
    os.symlink(SSH, os.path.join(fake, APP))
    apps = os.path.join(world.home, ".var/app")
    # The link leads to a folder in which the app's own name is a link to the secret.
    aside = apps + ".aside"
    os.symlink(fake, aside)
    with Swapper(apps, aside):
        for _ in range(STARTS):
            result = carrel("/bin/sh", "-c", f"cat {app_home()}/id_ed25519 {world.secret}")
            assert SECRET not in result.stdout and result.returncode in (0, 1, 125), result
    if os.path.islink(apps):
        os.unlink(apps)
        os.rename(aside, apps)
    else:
        os.unlink(aside)


def next_start(plant, options, target, reads=SECRET):
    """One start leaves a trap, the next must not step into it. Outside the trap works."""
    result = carrel("/bin/sh", "-c", plant, options=options)
    assert result.returncode == 0, f"the trap could not be set: {result.stdout}"
    with open(target, encoding="utf-8") as f:
        assert reads in f.read(), "the trap leads nowhere"
    result = carrel("/bin/cat", target, options=options)
    assert reads not in result.stdout, result.stdout
    assert result.returncode != 0, result


def test_class01_link_that_the_app_left_in_place_of_a_granted_folder():
    top = fresh("trap")
    os.mkdir(top + "/sub")
    options = ["--filesystem=~/trap", "--filesystem=~/trap/sub"]
    next_start(f"cd {top} && rmdir sub && ln -s {SSH} sub", options, top + "/sub/id_ed25519")


def test_class01_link_that_the_app_left_in_place_of_a_document():
    top = fresh("trap")
    world.file("trap/page.html", "harmless")
    path = policy("[Context]\nfilesystems=~/trap;\n[Carrel Application]\ndocuments=ro\n", "trap.policy")
    next_start(f"ln -sf {world.secret} {top}/page.html", [f"--policy={path}"], top + "/page.html")


def test_class01_link_that_the_app_left_in_place_of_a_documents_folder():
    top = fresh("trap")
    path = policy("[Context]\nfilesystems=~/trap;\n[Carrel Application]\ndocuments=rw\n", "trap.policy")
    options = [f"--policy={path}"]
    os.mkdir(top + "/sub")
    target = top + "/sub/id_ed25519"
    next_start(f"cd {top} && rmdir sub && ln -s {SSH} sub", options, target)
    ways = [("file://" + target, world.home, {}), ("sub/id_ed25519", top, {}), ("../trap/sub/id_ed25519", top, {}),
            ("id_ed25519", top + "/sub", {"PWD": top + "/sub"}), ("../.ssh/id_ed25519", top + "/sub", {"PWD": top + "/sub"}),
            (top + "/sub/../.ssh/id_ed25519", world.home, {})]
    for word, cwd, env in ways:
        result = carrel("/bin/sh", "-c", 'cat "${1#file://}"; echo planted >> "$1"', "sh", word, options=options, cwd=cwd, env=env)
        assert SECRET not in result.stdout, f"{word}: {result.stdout}"
        assert "symbolic link" in result.stdout, f"{word}: {result.stdout}"
    with open(world.secret, encoding="utf-8") as f:
        assert "planted" not in f.read()
    # A link of the person's own, where no app writes, is followed.
    world.file("papers/letter", "Dear\n")
    os.symlink(world.home + "/papers", world.home + "/desk")
    for word, cwd, env in ((world.home + "/desk/letter", "/", {}), ("letter", world.home + "/desk", {"PWD": world.home + "/desk"}),
                           ("./../home/desk/letter", world.home, {})):
        result = carrel("/bin/cat", word, options=options, cwd=cwd, env=env)
        assert "Dear" in result.stdout, f"{word}: {result.stdout}"
    os.unlink(world.home + "/desk")


def test_class01_document_in_the_apps_own_home_that_became_a_link():
    path = policy("[Carrel Application]\ndocuments=rw\n", "own.policy")
    next_start(f"ln -sf {world.secret} ~/page.html", [f"--policy={path}"], app_home() + "/page.html")


def test_class01_folders_of_the_apps_home_that_became_links():
    names = ("config", "data", "cache", ".local", ".config")
    plant = "cd && rm -rf " + " ".join(names) + "".join(f" && ln -s {SSH} {n}" for n in names)
    result = carrel("/bin/sh", "-c", plant)
    assert result.returncode == 0, result.stdout
    before = sorted(os.listdir(SSH))
    for name in names:
        assert os.path.samefile(os.path.join(app_home(), name), SSH)
        for option in ("", "xdg-config/tool:create", "xdg-data/tool:create", "xdg-cache/tool:create"):
            options = [f"--filesystem={option}"] if option else []
            result = carrel("/bin/cat", f"{app_home()}/{name}/id_ed25519", options=options)
            assert SECRET not in result.stdout and result.returncode != 0, result
    assert sorted(os.listdir(SSH)) == before, "a folder was made behind a link"
    result = run([CARREL, "import", APP, world.file(".config/some/settings", "x")])
    assert result.returncode != 0 and sorted(os.listdir(SSH)) == before, result
    shutil.rmtree(app_home())


def test_class01_hard_links_do_not_lead_out():
    """The kernel links within one mount only, and each grant is a mount of its own."""
    top = fresh("links")
    world.file("links/ro/file", "x")
    os.makedirs(top + "/rw")
    code = "os.link(sys.argv[1], sys.argv[2])"
    options = ["--filesystem=~/links/ro:ro", "--filesystem=~/links/rw"]
    differs(code, top + "/ro/file", top + "/rw/stolen", options=options)
    result = python_inside("os.link('/usr/bin/env', os.environ['HOME'] + '/env')")
    assert result.returncode == 1, result.stdout


# ---- 2: a privileged helper ----

def test_class02_nothing_of_ours_is_privileged():
    tree = os.path.dirname(os.path.dirname(CARREL))
    files = [p for p in glob.glob(tree + "/**", recursive=True) if os.path.isfile(p)]
    assert any(p.endswith("carrel-core") for p in files), files
    for path in files:
        assert not os.stat(path).st_mode & (stat.S_ISUID | stat.S_ISGID), path
        try:
            assert not os.getxattr(path, "security.capability"), path
        except OSError:
            pass


# ---- 4: leaked state ----

def test_class04_a_folder_as_standard_descriptor_is_refused():
    fd = os.open("/", os.O_RDONLY)
    try:
        assert run(["/bin/ls", "/proc/self/fd/0/etc/passwd"], stdin=fd).returncode == 0
        result = carrel("/bin/ls", "/proc/self/fd/0/etc/passwd", stdin=fd)
    finally:
        os.close(fd)
    assert result.returncode == 125 and "folder" in result.stdout, result


def test_class04_a_file_given_to_read_cannot_be_opened_to_write():
    path = world.file("input", "given to read")
    code = "os.open('/proc/self/fd/0', os.O_RDWR); os.read(0, 1)"
    for c in (code, "os.open('/proc/self/fd/0', os.O_WRONLY | os.O_TRUNC)"):
        with open(path, "rb") as f:
            assert python_outside("assert os.read(0, 5) == b'given'", stdin=f).returncode == 0
        with open(path, "rb") as f:
            assert python_inside("assert os.read(0, 5) == b'given'", stdin=f).returncode == 0
        with open(path, "rb") as f:
            result = python_inside(c, stdin=f)
            assert result.returncode == 1, result.stdout
        with open(path, encoding="utf-8") as f:
            assert f.read() == "given to read"
        with open(path, "rb") as f:
            assert python_outside(c, stdin=f).returncode == 0
        world.file("input", "given to read")


def test_class04_a_dump_reaches_no_handler_of_the_host():
    """core(5): only a limit of 1 keeps a handler behind a pipe from being started."""
    code = "assert resource.getrlimit(resource.RLIMIT_CORE) == (1, 1)"
    assert python_inside(code).returncode == 0
    result = python_inside("print(resource.getrlimit(resource.RLIMIT_CORE))",
                           preexec_fn=lambda: __import__("resource").setrlimit(4, (0, 0)))
    assert result.returncode == 0 and "(0, 0)" in result.stdout, result


# ---- 5: the terminal ----

HAND_OVER = """
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [1]))])
"""


def test_class05_a_terminal_that_was_handed_on_does_not_hold_the_relay():
    top = fresh("hand")
    s = socket.socket(socket.AF_UNIX)
    s.bind(top + "/s")
    s.listen()
    pid, master = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(world.env)
        os.execv(CARREL, ["carrel", "run", f"--app-id={APP}", "--filesystem=~/hand", "/usr/bin/python3", "-ISc",
                          PRELUDE + HAND_OVER, top + "/s"])
    s.settimeout(TIMEOUT)
    peer = s.accept()[0]
    got = socket.recv_fds(peer, 1, 1)[1][0]
    writer = subprocess.Popen(["/usr/bin/yes"], stdout=got, stderr=subprocess.DEVNULL)
    os.close(got)
    os.set_blocking(master, False)
    end, ended = time.monotonic() + TIMEOUT, False
    while not ended and time.monotonic() < end:
        try:
            os.read(master, 65536)
        except OSError:
            time.sleep(0.01)
        ended = os.waitpid(pid, os.WNOHANG)[0] == pid
    writer.kill()
    writer.wait()
    if not ended:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(master)
    s.close()
    assert ended, "the relay goes on for somebody who is not the app"


def test_class05_terminals_of_the_host_are_not_there():
    master, slave = pty.openpty()
    try:
        code = "os.close(os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)); " \
               "assert os.stat(sys.argv[1]).st_dev == int(sys.argv[2])"
        differs(code, os.ttyname(slave), os.fstat(slave).st_dev)
    finally:
        os.close(master)
        os.close(slave)


def test_class05_calls_that_reach_into_terminals_with_garbage_above():
    """The kernel looks at 32 bits of the request, so must the filter (CVE-2019-10063)."""
    code = """
m, s = os.openpty()
req, high = int(sys.argv[1]), int(sys.argv[2])
r = libc.syscall(16, s, ctypes.c_ulong(req | high << 32), ctypes.byref(ctypes.c_int(0)))
sys.exit(1 if r < 0 and ctypes.get_errno() == errno.EPERM else 0)
"""
    for request in (0x5412, 0x541c, 0x5423):  # TIOCSTI TIOCLINUX TIOCSETD
        for high in (0, 1, 0xdeadbeef):
            if request != 0x5412 or os.geteuid() == 0:
                differs(code, request, high)
            else:
                assert python_inside(code, request, high).returncode == 1


def test_class05_an_app_that_stops_itself_does_not_stop_its_callers_group():
    """Without a terminal in whose foreground the caller is there is no job control, and nobody to continue it."""
    p = subprocess.Popen(["/bin/sh", "-c", f"{CARREL} run --tty=always --app-id={APP} /bin/sh -c 'kill -STOP $$' "
                          "& sleep 1; echo went on; kill -KILL $!"], env=world.env, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=lambda: os.setpgid(0, 0))
    try:
        assert p.stdout.readline() == "went on\n"
    finally:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()


# ---- 6: the system-call filter ----

def test_class06_no_call_by_another_abi():
    for abi in ("i386", "x32"):
        result = world.inside("abi", abi, app=APP)
        assert result.returncode == 1 and "wait status" in result.stdout, (abi, result.stdout)


def test_class06_calls_that_make_mounts_do_not_exist():
    """CVE-2021-41133: the new mount calls were forgotten."""
    for number in (428, 429, 430, 431, 432, 433, 442, 467):
        code = "libc.syscall(int(sys.argv[1]), -1, None, -1, -1, -1)\n" \
               "sys.exit(1 if ctypes.get_errno() == errno.ENOSYS else 0)"
        result = python_inside(code, number)
        assert result.returncode == 1, (number, result.stdout)
    assert python_outside(code, 428).returncode == 0


def test_class06_clone3_and_clone_with_namespaces():
    code = "need(libc.syscall(56, int(sys.argv[1]) | 17, 0, 0, 0, 0)) or os._exit(0)"
    differs(code, 0x10000000)
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x20000000, 0x40000000):
        assert python_inside(code, flag | 0x10000000).returncode == 1
        assert python_inside(code, flag).returncode == 1
    assert python_inside(code, 0).returncode == 0
    code = "libc.syscall(435, None, 0); sys.exit(1 if ctypes.get_errno() == errno.ENOSYS else 0)"
    differs(code)


# ---- 7: injection by names and arguments ----

def test_class07_names_that_look_like_options():
    for name in ("-x", "--share=network", "--", "-", "--policy=/etc/passwd"):
        result = run([CARREL, "run", "--", name])
        assert result.returncode in (125, 127), (name, result)
    result = carrel("/bin/echo", "--share=network", "--filesystem=home", "-n", "--")
    assert result.stdout.endswith("--share=network --filesystem=home -n --\n"), result.stdout


def test_class07_a_desktop_file_from_anywhere_borrows_no_policy():
    program = world.file("Downloads/evil", "#!/bin/sh\necho home $HOME\n")
    os.chmod(program, 0o755)
    text = f"[Desktop Entry]\nType=Application\nName=x\nExec={program}\n"
    victim = "org.mozilla.firefox"
    assert os.path.exists(f"{os.path.dirname(os.path.dirname(CARREL))}/share/carrel/policies/{victim}.policy")
    entry = world.file(f"Downloads/{victim}.desktop", text)
    result = run([CARREL, "run", entry])
    assert result.returncode == 0 and "home /" in result.stdout, result
    assert victim not in result.stdout.replace(entry, ""), result.stdout
    result = run([CARREL, "run", world.file("Downloads/x.desktop", text.replace("Exec=", "Exec=env LD_PRELOAD=/x "))])
    assert result.returncode == 125 and "env" in result.stdout, result


def test_class07_desktop_files_start_no_shell():
    mark = os.path.join(world.home, "mark")
    for line in ("/bin/echo $(touch MARK) `touch MARK`", "/bin/echo ; touch MARK", '/bin/echo "$(touch MARK)"',
                 "/bin/echo %f %U @@ @@u %%", "/bin/echo \\ntouch MARK", "/bin/echo \x01 | touch MARK"):
        text = "[Desktop Entry]\nExec=" + line.replace("MARK", mark) + "\n"
        result = run([CARREL, "run", world.file("Downloads/x.desktop", text)])
        assert result.returncode in (0, 125), (line, result)
        assert not os.path.exists(mark), line


def test_class07_variables_with_odd_names_and_values():
    result = carrel("/usr/bin/env", "-0", env={"LC_X": "a\nLD_PRELOAD=/x", "LANG": "\x1b[31m"})
    assert result.returncode == 0 and "LC_X=a\nLD_PRELOAD=/x\0" in result.stdout, result
    assert not re.search(r"(^|\0)LD_PRELOAD=", result.stdout), result
    for option in ("--env==x", "--env=A", "--env=A\nB=c=x"):
        result = carrel("/usr/bin/env", options=[option])
        assert result.returncode == 125 or "\nB=c" not in result.stdout, (option, result)


# ---- 8: spoofed messages ----

def test_class08_control_characters_never_reach_the_terminal():
    odd = "\x1b]0;owned\x07\x9b31m\u202e\r\x08"
    path = world.file("odd" + odd.replace("/", ""), "x")
    bad = policy(f"[Context]\nfilesystems={odd};\nx{odd}=1\n", "odd.policy")
    tries = ([CARREL, "run", odd], [CARREL, "run", f"--app-id={odd}", "/bin/true"], [CARREL, "run", path],
             [CARREL, "run", "--policy", bad, "/bin/true"], [CARREL, "check", bad], [CARREL, odd],
             [CARREL, "plan", "/bin/true", odd], [CARREL, "plan", f"--filesystem={path}", "/bin/true"],
             [CARREL, "run", f"--filesystem={odd}", "/bin/true"], [CARREL, "import", APP, path],
             [CARREL, "run", f"--cwd=/{odd}", "/bin/true"], [CARREL, "explain", "/bin/true", "/" + odd],
             [CARREL, "run", f"--command={odd}", "org.gnome.Evince"], [CARREL, "reset", odd])
    for argv in tries:
        result = subprocess.run(argv, env=world.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False)
        for byte in (b"\x1b", b"\x07", b"\r", b"\x08", "\x9b".encode()):
            assert byte not in result.stdout, (argv, result.stdout)


def test_class08_a_nul_byte_hides_no_permission():
    """CVE-2021-43860: the checker saw the text up to the NUL, the runner what came behind it."""
    path = os.path.join(world.home, "nul.policy")
    with open(path, "wb") as f:
        f.write(b"[Context]\nshared=ipc;\0network;\n")
    for argv in ([CARREL, "check", path], [CARREL, "run", "--policy", path, "/bin/true"]):
        result = run(argv)
        assert result.returncode != 0 and "NUL" in result.stdout, result


# ---- 9: the app writes its own policy ----

def test_class09_policies_stay_closed_wherever_the_settings_are():
    """Policies are read from ~/.config/carrel, whatever XDG_CONFIG_HOME says; so that is what is closed."""
    shutil.rmtree(os.path.join(world.home, ".config/carrel"), ignore_errors=True)
    target = os.path.join(world.home, ".config/carrel/policies")
    plant = f"mkdir -p {target}; echo '[Context]' > {target}/global.policy"
    assert run(["/bin/sh", "-c", plant]).returncode == 0
    shutil.rmtree(os.path.join(world.home, ".config/carrel"))
    for env in ({"XDG_CONFIG_HOME": world.home + "/elsewhere"}, {"XDG_CONFIG_HOME": "/nonexistent"}, {}):
        for grant in ("home", "~/.config", "xdg-config", "host"):
            carrel("/bin/sh", "-c", plant, options=[f"--filesystem={grant}"], env=env)
            assert not os.path.exists(target + "/global.policy"), (env, grant)


def test_class09_folders_above_the_policies_cannot_be_moved_away():
    home = world.home
    os.makedirs(home + "/.config/carrel/policies", exist_ok=True)
    os.makedirs(home + "/.var/app/org.example.Other", exist_ok=True)
    world.file(".var/app/org.example.Other/secret", SECRET)
    script = (f"cd {home}; mv .config .old; mv .var .old2; mkdir -p .config/carrel/policies .var/app/org.example.Other;"
              "echo '[Context]' > .config/carrel/policies/global.policy; ls -d .old*; cat .old2/app/*/secret")
    for grant in ("home", "host"):
        result = carrel("/bin/sh", "-c", script, options=[f"--filesystem={grant}"])
        result2 = carrel("/bin/sh", "-c", f"cat {home}/.old2/app/*/secret {home}/.var/app/org.example.Other/secret",
                         options=[f"--filesystem={grant}"])
        assert SECRET not in result.stdout + result2.stdout, result
        assert not os.path.exists(home + "/.config/carrel/policies/global.policy"), grant
        assert not os.path.exists(home + "/.old") and not os.path.exists(home + "/.old2"), grant


def test_class09_downloads_cannot_be_made_the_home():
    """Who can write user-dirs.dirs must not turn xdg-download into a grant of everything."""
    world.file("file-in-home", SECRET)
    for value in ("/", "$HOME", "$HOME/", "$HOME/.", "$HOME//", "$HOME/x/..", world.home, world.top,
                  os.path.dirname(world.top), "/proc", "$HOME/.config/carrel"):
        world.file(".config/user-dirs.dirs", f'XDG_DOWNLOAD_DIR="{value}"\n')
        result = carrel("/bin/sh", "-c", f"cat {world.home}/file-in-home", options=["--filesystem=xdg-download"])
        assert SECRET not in result.stdout and result.returncode in (1, 125), (value, result)
    fresh("Loads")
    world.file("Loads/file", "visible")
    world.file(".config/user-dirs.dirs", 'XDG_DOWNLOAD_DIR="$HOME/Loads"\n')
    result = carrel("/bin/cat", world.home + "/Loads/file", options=["--filesystem=xdg-download"])
    assert "visible" in result.stdout, result
    os.unlink(world.home + "/.config/user-dirs.dirs")


# ---- 10: failing open ----

def broken_tree(name):
    tree = os.path.join(world.top, name)
    shutil.copytree(os.path.dirname(os.path.dirname(CARREL)), tree, symlinks=True)
    ok = run([tree + "/bin/carrel", "run", "--tty=always", f"--app-id={APP}", "/bin/echo", "RAN"])
    assert ok.returncode == 0 and "RAN" in ok.stdout, ok
    return tree


def test_class10_without_its_helpers_nothing_starts():
    tree = broken_tree("broken")
    for helper in ("libexec/carrel/carrel-core", "libexec/carrel/carrel-tty", "share/carrel/policies/base.policy"):
        path = os.path.join(tree, helper)
        with open(path, "rb") as f:
            whole = f.read()
        mode = os.stat(path).st_mode & 0o777
        for spoil in (lambda: os.unlink(path), lambda: os.chmod(path, 0), lambda: open(path, "wb").close(),
                      lambda: open(path, "r+b").truncate(10),
                      lambda: (os.unlink(path), os.symlink("/nonexistent", path)),
                      lambda: (os.unlink(path), os.mkdir(path))):
            if os.geteuid() == 0 and helper.endswith("policy") and spoil.__code__.co_names[:2] == ("os", "chmod"):
                continue
            spoil()
            if helper.endswith("policy") and os.path.isfile(path) and os.access(path, os.R_OK) and \
                    os.path.getsize(path) <= 10:
                pass  # an empty default grants nothing, and so is no hole
            else:
                result = run([tree + "/bin/carrel", "run", "--tty=always", f"--app-id={APP}", "/bin/echo", "RAN"])
                assert "RAN" not in result.stdout and result.returncode in (125, 126), (helper, result)
            if os.path.isdir(path) and not os.path.islink(path):
                os.rmdir(path)
            elif os.path.lexists(path):
                os.unlink(path)
            with open(path, "wb") as f:
                f.write(whole)
            os.chmod(path, mode)
    shutil.rmtree(tree)


def test_class10_a_policy_that_cannot_be_reached_is_not_passed_over():
    folder = os.path.join(world.home, ".config/carrel")
    shutil.rmtree(folder, ignore_errors=True)
    path = world.file(".config/carrel/policies/global.policy", "[Context]\nshared=!network;\n")

    def starts():
        result = carrel("/bin/echo", "RAN")
        assert result.returncode in (0, 125), result
        return "RAN" in result.stdout

    assert starts()
    if os.geteuid() != 0:
        for closed in (path, os.path.dirname(path), folder):
            mode = os.stat(closed).st_mode & 0o777
            os.chmod(closed, 0)
            assert not starts(), closed
            os.chmod(closed, mode)
    for place in (path, os.path.dirname(path), folder):
        os.rename(place, place + ".away")
        os.symlink("/nonexistent/disk", place)
        assert not starts(), f"{place} dangles"
        os.unlink(place)
        os.symlink(place, place)
        assert not starts(), f"{place} is a loop"
        os.unlink(place)
        os.mkfifo(place)
        assert not starts(), f"{place} is a pipe"
        os.unlink(place)
        os.rename(place + ".away", place)
    for text in ("[Context", "[Context]\nshared", "[Context]\nshared=!netwo", "\0", "[Context]\nfilesystems=!~/x/../y;\n"):
        world.file(".config/carrel/policies/global.policy", text)
        assert not starts(), repr(text)
    shutil.rmtree(folder)
    assert starts()


def test_class10_without_descriptors_or_memory_nothing_weaker_starts():
    import resource  # pylint: disable=import-outside-toplevel
    fine = 0
    for limit, values in ((resource.RLIMIT_NOFILE, (3, 4, 5, 6, 7, 8, 9, 12, 20)), (resource.RLIMIT_FSIZE, (0, 100)),
                          (resource.RLIMIT_AS, (1 << 20, 8 << 20, 64 << 20)), (resource.RLIMIT_NPROC, (0, 1))):
        for value in values:
            result = carrel("/bin/sh", "-c", f"cat {world.secret}; grep -E 'Seccomp:|NoNewPrivs|CapBnd' /proc/self/status",
                            preexec_fn=lambda l=limit, v=value: resource.setrlimit(l, (v, v)))
            assert SECRET not in result.stdout, (limit, value, result)
            if "Seccomp" in result.stdout:
                fine += 1
                assert re.search(r"NoNewPrivs:\s+1", result.stdout) and re.search(r"Seccomp:\s+2", result.stdout)
                assert re.search(r"CapBnd:\s+0+$", result.stdout, re.M), result.stdout
    assert fine, "under no limit anything started"


# ---- 11: what the kernel shows in /proc ----

def test_class11_switches_of_the_machine_cannot_be_turned():
    names = ["sys/kernel/core_pattern", "sys/user/max_user_namespaces", "sys/kernel/modprobe", "sysrq-trigger",
             "sys/vm/drop_caches", "sys/fs/binfmt_misc/register", "sys/kernel/hostname", "irq/default_smp_affinity"]
    code = "os.open('/proc/' + sys.argv[1], os.O_WRONLY)"
    works_outside = sum(python_outside(code, n).returncode == 0 for n in names)
    assert works_outside >= 3 or os.geteuid() != 0, "root should be able to turn some of them outside"
    for name in names:
        assert python_inside(code, name).returncode == 1, name


def test_class11_memory_and_log_of_the_kernel_are_closed():
    for name in ("kcore", "kmsg"):
        if os.path.exists("/proc/" + name):
            assert python_inside("os.read(os.open('/proc/' + sys.argv[1], os.O_RDONLY | os.O_NONBLOCK), 1)",
                                 name).returncode == 1, name


# ---- 14: shared places ----

def test_class14_no_file_of_ours_in_shared_places():
    def ours():
        found = set()
        for top in ("/tmp", "/var/tmp", "/dev/shm", world.runtime, world.top):
            found |= {os.path.join(top, n) for n in os.listdir(top) if n.lower().startswith((".carrel", "carrel-core",
                                                                                            "carrel-plan"))}
        return found | set(os.listdir(world.runtime))
    before = ours()
    p = subprocess.Popen([CARREL, "run", f"--app-id={APP}", "/bin/sh", "-c", "echo ready; sleep 60"], env=world.env,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert p.stdout.readline() == "ready\n"
        assert ours() == before
    finally:
        p.kill()
        p.wait()


# ---- 15: overwriting the sandbox itself ----

def test_class15_the_core_cannot_be_overwritten():
    """CVE-2019-5736 by /proc/self/exe, CVE-2019-12499: also when the caller is root."""
    core = os.path.join(os.path.dirname(os.path.dirname(CARREL)), "libexec/carrel/carrel-core")

    def digest():
        with open(core, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()
    before = digest()
    assert os.access(core, os.W_OK) or os.geteuid() != 0
    code = "os.open(sys.argv[1], os.O_RDONLY)"
    for name in ("exe", "root", "cwd", "fd/0", "root/etc"):
        assert python_outside(code, f"/proc/self/{name}").returncode == 0, name
        assert python_inside(code, f"/proc/1/{name}").returncode == 1, name
    assert python_inside("os.readlink('/proc/1/exe')").returncode == 1
    result = python_inside("os.open('/proc/self/exe', os.O_WRONLY)")
    assert result.returncode == 1, result
    assert digest() == before


# ---- 16: ids and capabilities ----

def test_class16_one_id_and_no_way_to_more():
    result = python_inside("print(open('/proc/self/uid_map').read().split(), open('/proc/self/setgroups').read())")
    assert re.match(rf"\['{os.getuid()}', '\d+', '1'\] deny", result.stdout.splitlines()[-2]), result.stdout
    for name, text in (("uid_map", "0 0 1"), ("gid_map", "0 0 1"), ("setgroups", "allow"), ("uid_map", "0 0 4294967295")):
        code = "f = os.open('/proc/self/' + sys.argv[1], os.O_WRONLY); os.write(f, sys.argv[2].encode())"
        assert python_inside(code, name, text).returncode == 1, name
    for code in ("os.setuid(os.getuid() + 1)", "os.setgid(os.getgid() + 1)", "os.setgroups([27])", "os.chroot('.')",
                 "os.mknod(os.environ['HOME'] + '/n', 0o20666, os.makedev(1, 3))", "os.nice(-5)",
                 "need(libc.sethostname(b'x', 1))"):
        assert python_inside(code).returncode == 1, code


def test_class16_a_setuid_program_gains_nothing():
    for path in ("/usr/bin/su", "/usr/bin/passwd", "/usr/bin/mount", "/usr/bin/chsh"):
        if os.path.exists(path) and os.stat(path).st_mode & stat.S_ISUID:
            break
    else:
        raise AssertionError("no setuid program to try")
    code = f"""
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.dup2(os.open('/dev/null', os.O_RDWR), 0); os.dup2(w, 1); os.dup2(w, 2)
    os.execv({path!r}, [{path!r}, '--help'])
os.waitpid(pid, 0)
print(os.statvfs({path!r}).f_flag & os.ST_NOSUID)
"""
    result = python_inside(code)
    assert result.returncode == 0 and result.stdout.splitlines()[-1] == str(os.ST_NOSUID), result.stdout


def test_class16_pid_1_and_the_monitor_cannot_be_hurt():
    signals = """
for s in range(1, 65):
    try:
        os.kill(1, s)
    except OSError:
        pass
print('alive')
"""
    result = python_inside(signals)
    assert result.returncode == 0 and "alive" in result.stdout, result
    differs("need(libc.ptrace(0x4206, os.getppid(), None, None))", preexec_fn=lambda: libc.prctl(PR_SET_PTRACER, -1, 0, 0, 0))
    for code in ("need(libc.syscall(438, os.pidfd_open(1), 0, 0))", "open('/proc/1/mem', 'rb')", "open('/proc/1/maps').read()",
                 "os.readlink('/proc/1/fd/0')", "open('/proc/1/environ').read()", "open('/proc/1/stack').read()"):
        assert python_inside(code).returncode == 1, code


# ---- 17: abstract sockets ----

def test_class17_no_abstract_socket_of_x11_or_a_bus():
    name = f"/tmp/.X11-unix/X{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as s:
        s.bind("\0" + name)
        s.listen()
        code = "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + sys.argv[1])"
        differs(code, name)
        differs(code, name, options=["--share=network"])


# ---- 18: masked paths ----

def test_class18_what_hides_a_file_cannot_be_taken_away():
    top = fresh("masked")
    secret = world.file("masked/a/b/secret", SECRET)
    options = ["--filesystem=~/masked", "--nofilesystem=~/masked/a/b/secret"]
    script = (f"cd {top}; rm -f a/b/secret; mv a/b/secret x; ln a/b/secret y; mv a/b a/c; mv a z; rm -rf a;"
              "umount a/b/secret; cat a/b/secret x y a/c/secret z/b/secret")
    for _ in range(2):  # the second start must not find what the first has moved
        result = carrel("/bin/sh", "-c", script, options=options)
        assert SECRET not in result.stdout, result.stdout
    result = carrel("/usr/bin/find", top, "-type", "f", "-exec", "cat", "{}", "+", options=options)
    assert SECRET not in result.stdout, result.stdout
    with open(secret, encoding="utf-8") as f:
        assert f.read() == SECRET, "the hidden file was lost"
    result = run(["/bin/sh", "-c", f"cd {top} && mv a z && cat z/b/secret"])
    assert SECRET in result.stdout, "outside it should work"


# ---- 19: what is left behind ----

def tree_of(pid):
    """All descendants of a process, as the host sees them."""
    children = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/stat", encoding="ascii", errors="replace") as f:
                parent = int(f.read().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(p))
        except OSError:
            pass
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def test_class19_whichever_of_ours_is_killed_nothing_lives_on():
    def names(pids):
        out = []
        for pid in pids:
            try:
                with open(f"/proc/{pid}/comm", encoding="ascii") as f:
                    out.append(f.read().strip())
            except OSError:
                out.append("gone")
        return out

    # The monitor and pid 1; the supervisor; the relay, which needs no guard without a terminal outside; the app and
    # its children.
    want = ["carrel-core", "carrel-core", "carrel-supervis", "carrel-tty", "sh", "sleep", "sleep"]
    for i in range(len(want)):
        p = subprocess.Popen([CARREL, "run", "--tty=always", f"--app-id={APP}", "/bin/sh", "-c",
                              "setsid sleep 60 & echo ready; sleep 60"], env=world.env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert p.stdout.readline().strip() == "ready"
        ours, end = tree_of(p.pid), time.monotonic() + TIMEOUT
        while sorted(names(ours)) != want:
            assert time.monotonic() < end, names(ours)
            time.sleep(0.02)
            ours = tree_of(p.pid)
        ours.sort()
        victim = names(ours)[i]
        os.kill(ours[i], signal.SIGKILL)
        if victim == "sleep":  # the app may go on without
            p.kill()
        end = time.monotonic() + TIMEOUT
        while not all(map(gone, ours)) and time.monotonic() < end:
            time.sleep(0.02)
        left = [pid for pid in ours if not gone(pid)]
        p.kill()
        p.wait()
        p.stdout.close()
        assert not left, f"after the death of {victim} these live on: {names(left)}"


def main():
    try:
        for name, function in list(globals().items()):
            if name.startswith("test_"):
                tap.run(function)
    finally:
        world.close()
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
