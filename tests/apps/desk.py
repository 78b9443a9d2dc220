# SPDX-License-Identifier: LGPL-2.1-or-later
"""A desktop for tests: Xvfb with its own cookie, openbox, a session bus, a home of its own.

Xvfb listens on its abstract socket too, as Debian's Xorg does: an app that shares the host's
network could reach the display that way, and the confinement has to cope with it.

An app with an X server of its own is looked at and used in there (nested.py), as if its windows
were on the desktop itself: what stands for all of them outside is passed over.
"""
import ctypes
import os
import re
import secrets
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import nested  # noqa: E402

WIDTH, HEIGHT = 1200, 800
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games"
PR_SET_CHILD_SUBREAPER = 36
TOOLS = ("Xvfb", "openbox", "xdotool", "wmctrl", "xprop", "xclip", "dbus-daemon", "import", "compare",
         "convert")


def missing_tools():
    return [t for t in TOOLS if not shutil.which(t)]


def around(size):
    """Of such a desktop an app's own X server takes a window of this size (src/xserver/main.c), so that it
    needs no other: programs that measure the screen's dots take them for smaller ones afterwards.
    Small windows get the usual place."""
    fits = size[0] * 5 // 4, size[1] * 5 // 4
    return fits if fits[0] >= 1000 and fits[1] >= 700 else (WIDTH, HEIGHT)


def become_subreaper():
    """Whatever a program leaves behind becomes our child, so that it can be seen and ended."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def patience():
    """How much longer everything may take here than on a machine that has nothing else to do."""
    return min(max(1, os.getloadavg()[0] / (os.cpu_count() or 1)), 6)


def wait_for(what, probe, seconds, step=0.1):
    """Polls probe() until it gives something true, and returns that. On a busy machine it gets longer."""
    began, limit = time.monotonic(), seconds
    while True:
        found = probe()
        if found:
            return found
        limit = max(limit, seconds * patience())
        if time.monotonic() - began > limit:
            raise AssertionError(f"waited {limit:.0f} s in vain for {what}")
        time.sleep(step)


def processes():
    """{pid: (parent, start time, command)} of everything that /proc shows."""
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as f:
                head, _, rest = f.read().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        if fields[0] not in "ZX":
            table[int(name)] = (int(fields[1]), int(fields[19]), head.partition("(")[2])
    return table


def work(pids):
    """(ticks of processor time that these processes have used, whether one has or waits for a processor
    or a disk)."""
    ticks, busy = 0, False
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
                fields = f.read().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8", errors="replace") as f:
                    busy = busy or f.read().rpartition(")")[2].split()[0] in "RD"
        except OSError:
            continue  # it has just ended
    return ticks, busy


def descendants(root):
    """The processes below root, without it."""
    table = processes()
    found, grew = {root}, True
    while grew:
        more = {p for p, (parent, _, _) in table.items() if parent in found} - found
        found |= more
        grew = bool(more)
    return {p: table[p] for p in found - {root} if p in table}


def cookie_entry(number, key):
    """One Xauthority entry, FamilyWild: it fits whatever the host is called."""
    def counted(data):
        return struct.pack(">H", len(data)) + data
    return (struct.pack(">H", 0xFFFF) + counted(b"") + counted(str(number).encode()) +
            counted(b"MIT-MAGIC-COOKIE-1") + counted(key))


class Desk:
    def __init__(self, width=WIDTH, height=HEIGHT, bus=True, home=None, sound=False):
        self.width, self.height, self.bus, self.home = width, height, bus, home
        self.sound = sound
        self.own, self.folder = [], None
        self.env = {}  # what the apps get
        self.screen = self.env  # what the tools get that look at the X display and act on it
        self.active = None  # the window that has the focus: keys go to its display

    def __enter__(self):
        become_subreaper()
        base = os.path.expanduser("~")
        self.folder = tempfile.mkdtemp(prefix="carrel-desk-",
                                       dir=base if os.access(base, os.W_OK) else None)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self):
        runtime = os.path.join(self.folder, "run")
        os.mkdir(runtime, 0o700)
        if not self.home:
            self.home = os.path.join(self.folder, "home")
            os.mkdir(self.home, 0o700)
        self.env = {
            "PATH": PATH,
            "HOME": self.home, "USER": _user(), "LOGNAME": _user(), "SHELL": "/bin/sh",
            "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": runtime,
            "XDG_SESSION_TYPE": "x11", "NO_AT_BRIDGE": "1",
        }
        self.screen = self.env
        self._start_display()
        if self.bus:
            self._start_bus()
        if self.sound:
            self._start_sound()
        self._start_manager()

    def _start_display(self):
        auth = os.path.join(self.folder, "Xauthority")
        key = secrets.token_bytes(16)
        # The server chooses its number after it has read the file; it goes by the key alone.
        _write(auth, cookie_entry(0, key))
        read_end, write_end = os.pipe()
        try:
            self._spawn(["Xvfb", "-displayfd", str(write_end), "-screen", "0",
                         f"{self.width}x{self.height}x24", "-auth", auth, "-nolisten", "tcp",
                         "-noreset"], pass_fds=[write_end])
        finally:
            os.close(write_end)
        with os.fdopen(read_end) as f:
            number = f.readline().strip()
        if not number.isdigit():
            raise AssertionError(f"Xvfb did not start; see {self.folder}/Xvfb.log")
        _write(auth, cookie_entry(number, key))
        self.env.update(DISPLAY=f":{number}", XAUTHORITY=auth)

    def _start_manager(self):
        """It is there when it has started its own start-up command. Its mark on the root window comes
        earlier, and a window that is shown in between is never managed."""
        ready = os.path.join(self.folder, "managed")
        self._spawn(["openbox", "--sm-disable", "--startup", f"touch {ready}"])
        wait_for("the window manager", lambda: os.path.exists(ready), 20)

    def _start_bus(self):
        address = "unix:path=" + os.path.join(self.env["XDG_RUNTIME_DIR"], "bus")
        self._spawn(["dbus-daemon", "--session", "--nofork", "--nopidfile",
                     f"--address={address}"])
        self.env["DBUS_SESSION_BUS_ADDRESS"] = address
        wait_for("the session bus", lambda: os.path.exists(address.partition("=")[2]), 10)

    def _start_sound(self):
        """A sound server whose only loudspeaker is a null sink."""
        socket = os.path.join(self.env["XDG_RUNTIME_DIR"], "pulse/native")
        self._spawn(["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1",
                     "--disable-shm=yes", "--use-pid-file=no", "-L", "module-null-sink",
                     "-L", "module-native-protocol-unix"])
        wait_for("the sound server", lambda: os.path.exists(socket), 20)

    def _spawn(self, argv, **more):
        with open(os.path.join(self.folder, os.path.basename(argv[0]) + ".log"), "wb") as log:
            child = subprocess.Popen(argv, env=self.screen, stdin=subprocess.DEVNULL, stdout=log,
                                     stderr=log, start_new_session=True, **more)
        self.own.append(child)
        return child

    def __exit__(self, *_):
        for child in reversed(self.own):
            child.terminate()
        for child in self.own:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        end_processes(descendants(os.getpid()))
        if self.folder:
            nested.forget(self.folder)
            for name in ("doc", "gvfs"):  # what portals and gvfs have mounted outlives them
                if shutil.which("fusermount3"):
                    subprocess.run(["fusermount3", "-uzq", os.path.join(self.folder, "run", name)],
                                   check=False, timeout=20, stderr=subprocess.DEVNULL)
            shutil.rmtree(self.folder, ignore_errors=True)
        return False

    # ---- looking and acting ----

    def drawing(self):
        """The processes that show what apps draw."""
        return [c.pid for c in self.own if os.path.basename(c.args[0]) in ("Xvfb", "openbox", "weston")]

    def ask(self, *argv, seconds=20):
        """The output of a small X tool; empty when it fails or takes too long. It acts on the display
        of the window among its words."""
        try:
            done = subprocess.run(argv, env=self._where(argv), stdin=subprocess.DEVNULL, text=True,
                                  errors="replace", stdout=subprocess.PIPE, check=False,
                                  stderr=subprocess.DEVNULL, timeout=seconds * patience())
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout if done.returncode == 0 else ""

    def _where(self, argv):
        return next((w.screen for w in argv if isinstance(w, nested.Window)), self.screen)

    def _listed(self, screen, frame=None):
        """What the window manager of one display shows."""
        with_root = nested.window("-root", screen)
        text = self.ask("xprop", with_root, "_NET_CLIENT_LIST").partition("#")[2]
        return [nested.window(w.strip(), screen, frame) for w in text.split(",")
                if w.strip().startswith("0x")]

    def _inside(self, frame):
        """The windows of an app that has its own server; None when this is no such window."""
        app = nested.MARK.match(Desk.title(self, frame)) if self._is_frame(frame) else None
        if not app:
            return None
        found = []
        for more in nested.screens(self.env["XDG_RUNTIME_DIR"], self.folder, app[1]).values():
            found += self._listed({**self.screen, **more}, frame)
        return found

    def _is_frame(self, window):
        return Desk.window_class(self, window)[:1] == ["carrel"]

    def windows(self):
        """Ids of the top-level windows that window managers show, oldest first."""
        found = []
        for window in self._listed(self.screen):
            inside = self._inside(window)
            found += [window] if inside is None else inside
        return list(dict.fromkeys(found))

    def outside(self, window):
        """What stands for it on the desktop: itself, or the window of the app's own server."""
        return getattr(window, "frame", None) or window

    def title(self, window):
        text = self.ask("xprop", "-id", window, "_NET_WM_NAME", "WM_NAME")
        found = re.findall(r'^\S+\(\w+\) = "(.*)"$', text, re.M)
        return found[0].encode().decode("unicode_escape").encode("latin-1", "replace").decode(
            "utf-8", "replace") if found and "\\" in found[0] else (found[0] if found else "")

    def window_class(self, window):
        return re.findall(r'"([^"]*)"', self.ask("xprop", "-id", window, "WM_CLASS"))

    def find_window(self, pattern=None, klass=None):
        """The newest window whose title and class match the regular expressions."""
        for window in reversed(self.windows()):
            if klass and not any(re.search(klass, c, re.I) for c in self.window_class(window)):
                continue
            if pattern is None or re.search(pattern, self.title(window)):
                return window
        return None

    def wait_window(self, pattern=None, klass=None, seconds=60):
        try:
            return wait_for(f"a window with title /{pattern}/ and class /{klass}/",
                            lambda: self.find_window(pattern, klass), seconds)
        except AssertionError as e:
            seen = [(self.window_class(w), self.title(w)) for w in self.windows()]
            raise AssertionError(f"{e}; there are {seen}") from None

    def focus(self, window):
        frame = getattr(window, "frame", None)
        if frame:
            self.ask("xdotool", "windowactivate", "--sync", frame)
        self.ask("xdotool", "windowactivate", "--sync", window)
        self.active = window if frame else None

    def _keys_to(self):
        """The display where keys go now."""
        return self.active.screen if self.active else self.screen

    def place(self, window, width, height):
        """Puts a window at a fixed place, so that pictures can be compared, and whatever else is there
        (a dialog over it) where the window is not. A single window fills its own server's."""
        frame = getattr(window, "frame", None)
        if frame:
            self.ask("xdotool", "windowsize", "--sync", frame, str(width), str(height))
            self.ask("xdotool", "windowmove", frame, "10", "10")
        else:  # as some make themselves at their first start
            self.ask("wmctrl", "-i", "-r", window, "-b", "remove,maximized_vert,maximized_horz")
        if not frame or self.geometry(window)[2:] != (width, height):
            if frame:
                self.ask("xdotool", "windowsize", "--sync", frame, str(self.width - 40),
                         str(self.height - 60))
            self.ask("xdotool", "windowsize", window, str(width), str(height))
            self.ask("xdotool", "windowmove", window, "40", "40")
        for other in self.windows():
            if other != window and getattr(other, "frame", None) == frame:
                self.ask("xdotool", "windowmove", other, str(self.width - 30), str(self.height - 30))

    def geometry(self, window):
        """Its left and upper edge, width and height; () when it is gone."""
        text = self.ask("xdotool", "getwindowgeometry", "--shell", window)
        found = dict(line.split("=") for line in text.split() if "=" in line)
        return tuple(int(found[key]) for key in ("X", "Y", "WIDTH", "HEIGHT")) if found else ()

    def key(self, *keys):
        """What the desktop itself listens to goes there, and the rest to the active window."""
        for of_desktop in (True, False):
            some = [k for k in keys if (k == "alt+F4") == of_desktop]
            screen = self.screen if of_desktop else self._keys_to()
            if some:
                self.ask(nested.window("xdotool", screen), "key", "--clearmodifiers", "--delay", "60",
                         *some)

    def type(self, text):
        """A new line is the key Return: xdotool's own is Linefeed, which only terminals know."""
        for i, line in enumerate(text.split("\n")):
            if i:
                self.key("Return")
            if line:
                self.ask(nested.window("xdotool", self._keys_to()), "type", "--clearmodifiers", "--delay",
                         "25", line, seconds=60)

    def confirm(self, window, seconds=20):
        """Presses Return until a dialog is gone: a file chooser swallows it while it completes."""
        def gone():
            if window not in self.windows():
                return True
            self.key("Return")
            time.sleep(0.3)
            return window not in self.windows()
        wait_for("the dialog to close", gone, seconds, step=0.5)

    def clipboard(self, selection="clipboard"):
        return self.ask(nested.window("xclip", self._keys_to()), "-o", "-selection", selection, seconds=5)

    def picture(self, path, window="root"):
        subprocess.run(["import", "-silent", "-window", window, path], env=self._where([window]), check=True,
                       timeout=10 * patience(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return path

    def settled_picture(self, path, window, seconds=15, limit=0.002, step=0.5):
        """A picture of a window that has stopped to change (a blinking cursor may)."""
        other = path + ".before.png"
        self.picture(other, window)

        def still():
            time.sleep(step)
            self.picture(path, window)
            same = difference(path, other) <= limit
            if not same:
                shutil.copyfile(path, other)
            return same
        end = time.monotonic() + seconds
        while not still() and time.monotonic() < end:
            pass  # what never is still is an animation: the comparison will judge
        os.unlink(other)
        return path


def difference(a, b):
    """Root mean square difference of two pictures, 0 … 1; 1 when their sizes differ."""
    done = subprocess.run(["compare", "-metric", "RMSE", a, b, "null:"], text=True, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60 * patience())
    found = re.search(r"\(([\d.e+-]+)\)", done.stderr)
    return float(found.group(1)) if found else 1.0


def contrast(path):
    """Standard deviation of the grey values, 0 … 1: a blank picture has 0."""
    done = subprocess.run(["convert", path, "-colorspace", "Gray", "-format",
                           "%[fx:standard_deviation]", "info:"], text=True, check=True,
                          stdout=subprocess.PIPE, timeout=60 * patience())
    return float(done.stdout)


def end_processes(table):
    """SIGKILLs exactly the processes in the table (same pid and start time)."""
    for pid, (_, start, _) in table.items():
        now = processes().get(pid)
        if now and now[1] == start:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _user():
    import pwd
    return pwd.getpwuid(os.getuid()).pw_name


def _write(path, data):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
        f.write(data)
