#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The promises of SECURITY.md, each as a probe that works outside and fails inside.

    promises.py CARREL PROBE

CARREL is the program in an installed tree, PROBE the statically linked tests/security/probe."""

import ctypes
import os
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..")]
from host import landlock_has_scopes  # noqa: E402
from tap import Skip, Tap  # noqa: E402
from world import APP, TIMEOUT, World  # noqa: E402

CARREL, PROBE = (os.path.abspath(p) for p in sys.argv[1:3])

libc = ctypes.CDLL(None, use_errno=True)
tap = Tap()


world = World(CARREL, PROBE)
worked, refused, differs = world.worked, world.refused, world.differs


# ---- files ----

def test_secret_in_home_cannot_be_read():
    differs("read", world.secret)


def test_home_does_not_show_its_files():
    differs("list", world.home, "notes.txt")


def test_of_the_persons_settings_only_looks_are_known():
    """Each file may be read in part, or is near one that may be; the word stands where nothing may be."""
    word = "hunter2-of-the-person"
    planted = {
        ".config/gtk-3.0/settings.ini": f"[Settings]\ngtk-theme-name=Known\ngtk-modules={word}\n[{word}]\na={word}\n",
        ".config/gtk-3.0/bookmarks": f"file:///{word}\n",
        ".config/gtk-3.0/gtk.css": f"@import url('{word}');\n",
        ".config/gtk-4.0/settings.ini": f"[Settings]\ngtk-im-module={word}\n",
        ".gtkrc-2.0": f'gtk-theme-name="/{word}"\ninclude "{word}"\n',
        ".config/kdeglobals": f"[Recent]\nFiles={word}\n[General]\nColorScheme=Known\nBrowserApplication={word}\n",
        ".config/kwalletrc": f"[Wallet]\nDefault={word}\n",
        ".config/qt5ct/qt5ct.conf": f"[Interface]\nstylesheets=/home/{word}\n[Appearance]\nstyle=/home/{word}\n",
        ".config/Trolltech.conf": f"[qt]\nfiledialog={word}\n",
        ".config/mimeapps.list": f"[Default Applications]\nx-scheme-handler/{word}=a.desktop\ntext/plain=/{word}\n",
        ".config/user-dirs.dirs": f'XDG_MUSIC_DIR="$HOME/{word}"\n',
        ".config/goa-1.0/accounts.conf": f"[Account]\nIdentity={word}\n",
        ".config/enchant/en_US.dic": word,
        ".local/share/recently-used.xbel": word,
        ".local/share/keyrings/login.keyring": word,
        ".Xdefaults": f"Xft.dpi: 96\nApp*password: {word}\n",
        ".netrc": f"machine x password {word}\n",
    }
    for name, text in planted.items():
        world.file(name, text)
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "all"), "w", encoding="utf-8") as f:
            f.write("[org/gnome/desktop/interface]\ngtk-theme='Known'\n"
                    f"[system/proxy/http]\nauthentication-password='{word}'\n"
                    f"[org/gnome/desktop/background]\npicture-uri='{word}'\n")
        os.makedirs(os.path.join(world.home, ".config/dconf"), exist_ok=True)
        if shutil.which("dconf"):
            subprocess.run(["dconf", "compile", os.path.join(world.home, ".config/dconf/user"), folder], check=True)
    look = ("/bin/grep", "-rlas", word, "--exclude-dir=proc", "--exclude-dir=sys", "--exclude-dir=usr")
    outside = subprocess.run([*look, world.home], stdout=subprocess.PIPE, text=True, check=True)
    assert len(outside.stdout.splitlines()) >= len(planted), outside.stdout
    shows = {"DISPLAY": ":77"}
    known = world.run_inside("/bin/grep", "-rls", "Known", "/run/carrel", "/etc/glib-2.0", env=shows)
    assert len(known.stdout.splitlines()) == (3 if shutil.which("dconf") else 2), known.stdout
    inside = world.run_inside(*look, "/dev/shm", "/etc", "/home", "/media", "/mnt", "/opt", "/root", "/run", "/srv",
                              "/tmp", "/var", world.home, env=shows)
    assert inside.returncode in (1, 2) and not inside.stdout, inside.stdout
    told = world.run_inside("/bin/sh", "-c", f"env | grep {word}; find / -xdev -name '*{word}*' 2> /dev/null", env=shows)
    assert not told.stdout, told.stdout


def test_other_apps_home_cannot_be_read():
    other = world.file(".var/app/org.example.Other/secret", "x")
    differs("read", other)


def test_temporary_files_of_the_host_are_out_of_sight():
    with tempfile.NamedTemporaryFile(dir="/tmp") as f:
        f.write(b"x")
        f.flush()
        differs("read", f.name)


def test_granted_read_only_folder_cannot_be_written():
    path = world.file("shared/doc.txt", "text")
    grant = [f"--filesystem={world.home}/shared:ro"]
    worked(world.inside("read", path, options=grant))
    differs("write", path, options=grant)
    differs("chmod", path, options=grant)


def test_read_only_is_recursive():
    """A file system mounted below a read-only grant is read-only too."""
    shared = os.path.join(world.home, "shared")
    os.makedirs(os.path.join(shared, "sub"), exist_ok=True)
    script = (f"mount -t tmpfs tmpfs {shared}/sub; echo x > {shared}/sub/file; exec \"$@\"")
    def in_own_mount_namespace(argv):
        return subprocess.run(["/usr/bin/unshare", "-Urm", "/bin/sh", "-ec", script, "sh", *argv], env=world.env,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=TIMEOUT, check=False)
    confined = [CARREL, "run", f"--app-id={APP}", f"--filesystem={world.probe}:ro", f"--filesystem={shared}:ro"]
    worked(in_own_mount_namespace([world.probe, "write", f"{shared}/sub/file"]))
    worked(in_own_mount_namespace([*confined, world.probe, "read", f"{shared}/sub/file"]))
    refused(in_own_mount_namespace([*confined, world.probe, "write", f"{shared}/sub/file"]))


def test_hidden_file_stays_hidden():
    """Where Flatpak hides folders only, a single file is hidden too."""
    secret = world.file("granted/secret.txt", "x")
    open_one = world.file("granted/open.txt", "x")
    options = ["--filesystem=~/granted", "--nofilesystem=~/granted/secret.txt"]
    worked(world.inside("read", open_one, options=options))
    differs("read", secret, options=options)


def test_system_files_cannot_be_changed():
    if os.geteuid() != 0:
        # An ordinary user cannot outside either; what counts is that root cannot inside.
        refused(world.inside("write", "/usr/bin/env"))
        refused(world.inside("create", "/usr/carrel-test"))
        return
    differs("write", "/usr/bin/env")
    differs("write", "/etc/ld.so.cache")


def test_passwords_and_machine_identity_are_not_there():
    for path in ("/etc/shadow", "/etc/ssh", "/etc/sudoers", "/root/.bashrc", "/boot"):
        if os.path.lexists(path):
            refused(world.inside("exists", path))
    for path in ("/media", "/mnt", "/srv"):  # places for grants to a running app, and nothing of the host's
        shown = world.run_inside("/bin/ls", "-A", path)
        assert shown.returncode == 0 and not shown.stdout, shown


PERSISTENCE = """
.bashrc .bash_profile .bash_login .bash_logout .profile .zshrc .zshenv .zprofile .zlogin .kshrc .cshrc .login
.xinitrc .xsession .xsessionrc .xprofile .Xresources .xbindkeysrc .pam_environment .inputrc .netrc .gitconfig
.vimrc .emacs .nanorc .tmux.conf .screenrc .curlrc .wgetrc .npmrc .pythonrc .gdbinit .psqlrc .my.cnf .ssh/authorized_keys
.ssh/config .ssh/rc .gnupg/gpg-agent.conf .config/autostart/x.desktop .config/autostart-scripts/x.sh
.config/systemd/user/x.service .config/systemd/user/default.target.wants/x.service .config/environment.d/x.conf
.config/fish/config.fish .config/plasma-workspace/env/x.sh .config/openbox/autostart .config/i3/config
.config/sway/config .config/git/config .config/nvim/init.vim .config/mimeapps.list .config/user-dirs.dirs
.config/carrel/policies/global.policy .config/dconf/user .local/bin/ls .local/share/applications/x.desktop
.local/share/dbus-1/services/x.service .local/share/systemd/user/x.service .local/share/flatpak/overrides/global
.local/share/nautilus/scripts/x .mozilla/firefox/profiles.ini .vim/plugin/x.vim bin/ls
""".split()


def test_nothing_that_starts_programs_later_can_be_planted():
    """About sixty places from which a login, a shell or a desktop starts programs."""
    assert len(PERSISTENCE) >= 60
    planted = []
    for name in PERSISTENCE:
        path = os.path.join(world.home, name)
        if os.path.exists(path):
            os.unlink(path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
    for name in PERSISTENCE:
        path = os.path.join(world.home, name)
        worked(world.outside("create", path))
        os.unlink(path)
    script = "; ".join(f"{world.probe} create {world.home}/{name}" for name in PERSISTENCE)
    world.inside("read", world.probe)
    process = world.start_inside("/bin/sh", "-c", script, stdout=subprocess.DEVNULL)
    process.wait(TIMEOUT)
    planted = [n for n in PERSISTENCE if os.path.lexists(os.path.join(world.home, n))]
    assert not planted, f"planted: {planted}"


def test_home_grant_does_not_open_the_policies_or_other_apps():
    policy = world.file(".config/carrel/policies/org.example.Other.policy", "[Context]\n")
    other = world.file(".var/app/org.example.Other/data/secret", "x")
    options = ["--filesystem=home"]
    worked(world.inside("read", world.secret, options=options))
    differs("write", policy, options=options)
    differs("read", other, options=options)


def test_policies_cannot_be_named_and_homes_of_all_apps_not_without_a_word():
    other = world.file(".var/app/org.example.Other/data/secret", "x")
    worked(world.inside("read", other, options=["--filesystem=~/.var/app/org.example.Other"]))
    for word in ("~/.var/app", "~/.var/app/", f"{world.home}/.var/app:ro"):  # as Flatpak has it, and told
        result = world.inside("read", other, options=[f"--filesystem={word}"])
        assert "opens the homes of all apps" in result.stdout, f"{word}: {result.stdout}"
    for word in ("~/.config/carrel", "xdg-config/carrel:create"):
        result = world.inside("read", other, options=[f"--filesystem={word}"])
        assert result.returncode == 125 and "would" in result.stdout, f"{word}: {result.returncode}: {result.stdout}"


def test_policies_cannot_be_planted_where_no_folder_was():
    shutil.rmtree(os.path.join(world.home, ".config/carrel"), ignore_errors=True)
    target = os.path.join(world.home, ".config/carrel/policies")
    script = f"mkdir -p {target} && {world.probe} create {target}/global.policy"
    process = world.start_inside("/bin/sh", "-c", script, options=["--filesystem=home"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.wait(TIMEOUT)
    assert not os.path.exists(os.path.join(target, "global.policy"))


def test_app_home_that_became_a_link_is_refused():
    home = os.path.join(world.home, ".var/app/org.carrel.test.Link")
    os.makedirs(os.path.dirname(home), exist_ok=True)
    os.symlink(world.home, home)
    result = world.inside("read", world.secret, app="org.carrel.test.Link")
    assert result.returncode == 125, f"{result.returncode}: {result.stdout}"
    assert "symbolic link" in result.stdout or "symlink" in result.stdout, result.stdout


# ---- processes ----

def test_other_processes_cannot_be_seen():
    differs("exists", f"/proc/{world.victim.pid}/status")
    others = [subprocess.Popen(["sleep", "600"]) for _ in range(6)]
    try:
        differs("many-processes", 6)
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_other_processes_cannot_be_signalled():
    differs("kill", world.victim.pid)


def test_other_processes_cannot_be_traced_or_read():
    if os.path.exists("/proc/sys/kernel/yama/ptrace_scope"):
        with open("/proc/sys/kernel/yama/ptrace_scope", encoding="ascii") as f:
            if f.read().strip() != "0":
                raise Skip("Yama forbids it outside too")
    differs("ptrace", world.victim.pid)
    differs("ptrace-child")


def test_kill_zero_stays_inside():
    """kill(0, …) reached the launcher's process group in other sandboxes (CVE-2026-97029)."""
    code = ("import os,signal,subprocess,sys,time\n"
            "hits=[]\n"
            "signal.signal(signal.SIGUSR2, lambda *a: hits.append(1))\n"
            "subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL)\n"
            "time.sleep(0.1)\n"
            "sys.exit(0 if hits else 1)\n")
    def reached(argv):
        return subprocess.run([sys.executable, "-c", code, *argv], env=world.env, timeout=TIMEOUT,
                              stdout=subprocess.DEVNULL, start_new_session=True, check=False).returncode == 0
    assert reached([world.probe, "kill-group"]), "outside it should reach the caller"
    assert not reached([CARREL, "run", f"--app-id={APP}", f"--filesystem={world.probe}:ro",
                        world.probe, "kill-group"])


def test_environment_and_arguments_of_the_caller_are_not_readable():
    marker = "CarrelMarker" + os.urandom(6).hex()
    env = {"CARREL_TEST_SECRET": marker}
    sleeper = subprocess.Popen(["/bin/sleep", "1000"], env={**world.env, **env})
    try:
        worked(world.outside("proc-marker", marker[::-1], env=env))
        refused(world.inside("proc-marker", marker[::-1], env=env))
        worked(world.outside("environment", "CARREL_TEST_SECRET", env=env))
        refused(world.inside("environment", "CARREL_TEST_SECRET", env=env))
    finally:
        sleeper.kill()
        sleeper.wait()


def test_init_of_the_sandbox_cannot_be_read():
    for name in ("environ", "mem", "maps", "auxv"):
        refused(world.inside("read", f"/proc/1/{name}"))
    worked(world.outside("read", "/proc/self/environ"))


# ---- privileges ----

def test_no_capability_is_left():
    """Outside even an ordinary user has a full bounding set."""
    differs("capabilities")


def test_no_new_privileges():
    differs("new-privileges")


def test_no_nested_user_namespace():
    differs("userns")
    differs("userns-clone")


def test_no_mount():
    worked(world.outside("mount", "in-a-new-namespace"))
    refused(world.inside("mount"))
    refused(world.inside("mount", "in-a-new-namespace"))


def test_nested_namespace_when_allowed_still_cannot_mount():
    options = ["--policy", world.file("nested.policy", "[Carrel Sandbox]\nnested-sandbox=userns\n")]
    worked(world.inside("userns", options=options))
    refused(world.inside("mount", "in-a-new-namespace", options=options))


SYSCALLS = {  # x86-64 numbers; what they open is in src/seccomp/groups.c
    "io_uring_setup": 425, "bpf": 321, "userfaultfd": 323, "add_key": 248, "keyctl": 250,
    "open_by_handle_at": 304, "process_vm_readv": 310, "kcmp": 312, "ptrace": 101,
}


def test_dangerous_system_calls_are_refused():
    works_outside = 0
    for name, number in SYSCALLS.items():
        works_outside += world.outside("syscall", number).returncode == 0
        result = world.inside("syscall", number)
        assert result.returncode == 1, f"{name}: {result.stdout}"
    assert works_outside >= 4, f"only {works_outside} of these calls work outside"


def test_odd_socket_families_are_refused():
    worked(world.outside("socket-family", socket.AF_NETLINK, socket.SOCK_RAW, 9))
    refused(world.inside("socket-family", socket.AF_NETLINK, socket.SOCK_RAW, 9))
    for family in (40, 38, 31, 17):  # VSOCK ALG BLUETOOTH PACKET
        refused(world.inside("socket-family", family, socket.SOCK_STREAM, 0))


# ---- leaks ----

def test_inherited_descriptors_are_closed():
    r, w = os.pipe()
    os.dup2(r, 77)
    try:
        differs("descriptor", 77, pass_fds=(77,))
    finally:
        for fd in (r, w, 77):
            os.close(fd)


def test_session_keyring_is_not_shared():
    name = b"carrel-test-" + os.urandom(4).hex().encode()
    if libc.syscall(248, b"user", name, b"secret", 6, -3) < 0:
        raise Skip(f"add_key: {os.strerror(ctypes.get_errno())}")
    differs("keyring", name.decode())


def test_shared_memory_of_the_host_cannot_be_attached():
    shm = libc.shmget(0, 4096, 0o1600)
    if shm < 0:
        raise Skip("no System V shared memory")
    try:
        differs("shm", shm)
    finally:
        libc.shmctl(shm, 0, None)


def test_devices_of_the_host_are_not_there():
    found = [d for d in ("/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/mem", "/dev/loop-control",
                         "/dev/uinput", "/dev/net/tun", "/dev/kvm", "/dev/fuse")
             if os.path.exists(d)]
    if not found:
        raise Skip("this host has none of them")
    for device in found:
        worked(world.outside("exists", device))
        refused(world.inside("exists", device))


# ---- network and sockets ----

def listen(family, address):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.bind(address)
    s.listen(8)
    return s


def test_network_is_out_of_reach():
    with listen(socket.AF_INET, ("127.0.0.1", 0)) as s:
        differs("connect-tcp", "127.0.0.1", s.getsockname()[1])


def test_abstract_sockets_are_out_of_reach():
    name = "carrel-test-" + os.urandom(4).hex()
    with listen(socket.AF_UNIX, "\0" + name):
        differs("connect-unix", "@" + name)


def test_abstract_sockets_are_out_of_reach_with_the_network_shared():
    name = "carrel-test-" + os.urandom(4).hex()
    options = ["--share=network"]
    with listen(socket.AF_INET, ("127.0.0.1", 0)) as s, listen(socket.AF_UNIX, "\0" + name):
        if not landlock_has_scopes():  # then nothing starts that would reach them
            r = world.inside("connect-tcp", "127.0.0.1", s.getsockname()[1], options=options)
            assert r.returncode == 125 and "cannot keep abstract sockets apart" in r.stdout, r
            return
        worked(world.inside("connect-tcp", "127.0.0.1", s.getsockname()[1], options=options))
        differs("connect-unix", "@" + name, options=options)


def test_session_bus_is_out_of_reach():
    path = os.path.join(world.runtime, "bus")
    with listen(socket.AF_UNIX, path):
        env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={path}"}
        differs("connect-unix", path, env=env)
    os.unlink(path)


def test_runtime_folder_shows_nothing_of_the_host():
    path = os.path.join(world.runtime, "gnupg")
    os.makedirs(path, exist_ok=True)
    with listen(socket.AF_UNIX, os.path.join(path, "S.gpg-agent")) as s:
        differs("connect-unix", s.getsockname())


def test_system_sockets_are_out_of_reach():
    paths = [p for p in ("/run/dbus/system_bus_socket", "/run/docker.sock", "/dev/log") if os.path.exists(p)]
    for path in [*paths, "/run/systemd", "/run/user/0"]:
        refused(world.inside("exists", path) if path != "/run/user/0" or os.getuid() else
                world.inside("list", path, "bus"))


# ---- terminal ----

class Terminal:
    """Runs argv on a pseudo terminal of its own and can tell what is left in its input queue."""

    def __init__(self, argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            # The shell reads what was injected after the command has ended.
            os.environ.clear()
            os.environ.update(world.env)
            command = " ".join(f"'{a}'" for a in argv)
            os.execv("/bin/sh", ["sh", "-c", f"{command}; echo ended $?; read -r line; echo \"got=$line\""])

    def transcript(self, timeout=TIMEOUT):
        data, end = b"", time.monotonic() + timeout
        sent = False
        while time.monotonic() < end:
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    chunk = os.read(self.fd, 4096)
                except OSError:
                    break
                if not chunk:
                    break
                data += chunk
            elif b"ended" in data and not sent:
                os.write(self.fd, b"\n")
                sent = True
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL) if not os.waitpid(self.pid, os.WNOHANG)[0] else None
        return data.decode(errors="replace")


def inject(argv, *more):
    return Terminal([*argv, "tiocsti", "injected\n", *more]).transcript()


def test_terminal_input_cannot_be_injected():
    try:
        with open("/proc/sys/dev/tty/legacy_tiocsti", encoding="ascii") as f:
            if f.read().strip() == "0":
                raise Skip("the kernel refuses TIOCSTI to everybody")
    except FileNotFoundError:
        pass
    inside = [CARREL, "run", f"--app-id={APP}", f"--filesystem={world.probe}:ro", world.probe]
    for more in ((), ("garbage",)):
        outside = inject([world.probe], *more)
        assert "got=injected" in outside, f"outside it should work: {outside!r}"
        got = inject(inside, *more)
        assert "ended 1" in got, f"the probe should fail inside: {got!r}"
        assert "got=injected" not in got, f"injected: {got!r}"


def test_terminal_is_not_the_callers():
    master, slave = pty.openpty()
    st = os.fstat(slave)
    argv = [world.probe, "terminal-is", f"{st.st_dev}:{st.st_ino}"]
    inside = [CARREL, "run", f"--app-id={APP}", f"--filesystem={world.probe}:ro", *argv]
    def run(a):
        return subprocess.run(a, stdin=slave, stdout=subprocess.PIPE, env=world.env, text=True,
                              timeout=TIMEOUT, check=False, start_new_session=True)
    try:
        worked(run(argv))
        refused(run(inside))
    finally:
        os.close(master)
        os.close(slave)


# ---- lifetimes ----

def processes_with(marker):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if marker.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def wait_for(condition, timeout=TIMEOUT):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return False


def test_killing_the_supervisor_ends_the_app():
    seconds = f"98{os.getpid()}"
    process = world.start_inside("/bin/sh", "-c", f"sleep {seconds} & sleep {seconds}; true")
    assert wait_for(lambda: len(processes_with(f"sleep\0{seconds}")) == 2), "the app did not start"
    process.kill()
    process.wait()
    assert wait_for(lambda: not processes_with(f"sleep\0{seconds}")), "the app lives on"


def test_nothing_outlives_the_app():
    seconds = f"97{os.getpid()}"
    process = world.start_inside("/bin/sh", "-c", f"setsid sleep {seconds} & exit 7")
    assert process.wait(TIMEOUT) == 7
    assert wait_for(lambda: not processes_with(f"sleep\0{seconds}")), "a background process lives on"


def test_nothing_is_left_on_the_host():
    def mounts():
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as f:
            return f.read()
    before = (mounts(), sorted(os.listdir(world.runtime)))
    world.inside("read", "/etc/passwd")
    assert (mounts(), sorted(os.listdir(world.runtime))) == before


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
