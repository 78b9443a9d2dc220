# SPDX-License-Identifier: LGPL-2.1-or-later
"""A person's session with a stock xdg-desktop-portal, whose backend answers without a screen."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "..", "dbus")]
from lib import Bus, wait_for  # noqa: E402
from tap import Skip  # noqa: E402

APP = "org.example.Accept"
SECONDS = 90
POLICY = f"""[Application]
name={APP}
command=/usr/bin/python3
[Context]
shared=network;
[Carrel Bus]
session=filtered
log=refused
[Carrel Sandbox]
optional=landlock-scope
"""
with open(os.path.join(HERE, "client.py"), encoding="utf-8") as text:
    CLIENT = text.read()


def need():
    for path in ("/usr/bin/dbus-daemon", "/usr/bin/fusermount3", "/usr/bin/gdbus",
                 "/usr/libexec/xdg-desktop-portal", "/usr/libexec/xdg-document-portal"):
        if not os.path.exists(path):
            raise Skip(f"{path} is not there")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        raise Skip("/dev/fuse is closed")


def version():
    """Of the portal, as (1, 16)."""
    done = subprocess.run(["/usr/libexec/xdg-desktop-portal", "--version"], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
    digits = [int(p) for p in done.stdout.split()[-1].split(".") if p.isdigit()]
    return tuple(digits[:2])


class World:
    """carrel is the installed program."""

    def __init__(self, carrel):
        need()
        self.carrel = carrel
        self.top = tempfile.mkdtemp(prefix="carrel-portals.")
        self.home, self.runtime = os.path.join(self.top, "home"), os.path.join(self.top, "run")
        for folder in (self.home, self.runtime):
            os.mkdir(folder, 0o700)
        self.file = self.write("chosen.txt", "host secret\n")
        self.started = []
        self.bus = Bus(self.runtime)
        self.env = {"HOME": self.home, "PATH": "/usr/bin:/bin", "USER": "somebody", "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": self.runtime, "DBUS_SESSION_BUS_ADDRESS": self.bus.address,
                    "XDG_CURRENT_DESKTOP": "mock", "XDG_DESKTOP_PORTAL_DIR": os.path.join(self.top, "portals"),
                    "GIO_USE_VFS": "local"}
        self.policy(POLICY)
        try:
            self.start_portals()
        except BaseException:
            self.__exit__()
            raise

    def write(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def policy(self, text, name=APP):
        self.write(f".config/carrel/policies/{name}.policy", text)

    # ---- what runs beside ----

    def spawn(self, name, *argv):
        with open(os.path.join(self.top, name + ".log"), "wb") as log:
            child = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     cwd=self.home)
        self.started.append(child)
        return child

    def start_portals(self):
        where = self.env["XDG_DESKTOP_PORTAL_DIR"]
        os.mkdir(where)
        sys.path.insert(0, HERE)
        import backend
        names = "".join(backend.IMPL + name + ";" for name in backend.INTERFACES)
        with open(os.path.join(where, "mock.portal"), "w", encoding="ascii") as f:
            f.write(f"[portal]\nDBusName={backend.IMPL}desktop.mock\nInterfaces={names}\nUseIn=mock\n")
        with open(os.path.join(where, "mock-portals.conf"), "w", encoding="ascii") as f:
            f.write("[preferred]\ndefault=mock\n")
        for name, bus_name, *argv in (
                ("store", "org.freedesktop.impl.portal.PermissionStore", "/usr/libexec/xdg-permission-store"),
                ("backend", backend.IMPL + "desktop.mock", "/usr/bin/python3", os.path.join(HERE, "backend.py"),
                 self.file, os.path.join(self.runtime, ".flatpak")),
                ("documents", "org.freedesktop.portal.Documents", "/usr/libexec/xdg-document-portal"),
                ("desktop", "org.freedesktop.portal.Desktop", "/usr/libexec/xdg-desktop-portal")):
            self.spawn(name, *argv)
            subprocess.run(["gdbus", "wait", "--session", "--timeout", str(SECONDS), bus_name], env=self.env,
                           check=True, timeout=SECONDS + 10)

    def log(self, name):
        with open(os.path.join(self.top, name + ".log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def asked(self, method):
        """What the backend saw of that method: [who, registry] for each call."""
        lines = [json.loads(line) for line in self.log("backend").splitlines() if line.startswith("[")]
        return [line[1:] for line in lines if line[0] == method]

    def host(self, name, path, method, *args):
        """gdbus call by somebody outside."""
        return subprocess.run(["gdbus", "call", "--session", "-d", name, "-o", path, "-m", method, *args],
                              env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS, check=False)

    # ---- the app ----

    def command(self, script, *options, app=APP):
        return [self.carrel, "run", *options, app, "-c", CLIENT + script]

    def run(self, script, *options, app=APP, fails=False):
        done = subprocess.run(self.command(script, *options, app=app), env=self.env, text=True, cwd=self.home,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS, check=False)
        assert fails or done.returncode == 0, f"status {done.returncode}\n{done.stdout}{done.stderr}"
        return done if fails else done.stdout

    def outside(self, script):
        """The same client, not confined."""
        done = subprocess.run(["/usr/bin/python3", "-c", CLIENT + script], env=self.env, text=True, cwd=self.home,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=SECONDS, check=False)
        assert done.returncode == 0, done
        return done.stdout

    def start(self, script, *options):
        child = subprocess.Popen(self.command(script, *options), env=self.env, stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, cwd=self.home)
        self.started.append(child)
        return child

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self.started):
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe:
                    pipe.close()
        self.bus.stop()
        subprocess.run(["fusermount3", "-uzq", os.path.join(self.runtime, "doc")], check=False,
                       stderr=subprocess.DEVNULL)
        time.sleep(0.1)
        shutil.rmtree(self.top, ignore_errors=True)
        return False
