# SPDX-License-Identifier: LGPL-2.1-or-later
"""A home with secrets in it, a runtime folder and a victim process, and the two ways to run a probe."""

import os
import shutil
import subprocess
import tempfile

APP = "org.carrel.test.Promises"
TIMEOUT = 20


class World:
    """A home with secrets in it, a runtime folder, and a victim process: what an app shall not reach."""

    def __init__(self, carrel, probe):
        self.carrel = carrel
        self.top = tempfile.mkdtemp(prefix="carrel-promises-")
        self.home = os.path.join(self.top, "home")
        self.runtime = os.path.join(self.top, "run")
        os.makedirs(os.path.join(self.home, ".ssh"), 0o700)
        os.makedirs(self.runtime, 0o700)
        self.secret = self.file(".ssh/id_ed25519", "PRIVATE KEY\n")
        self.file("notes.txt", "notes\n")
        self.file(".bashrc", "# shell start-up\n")
        self.probe = os.path.join(self.top, "probe")
        shutil.copy(probe, self.probe)
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.home, "LANG": "C.UTF-8",
                    "XDG_RUNTIME_DIR": self.runtime, "USER": os.environ.get("USER", "user")}
        self.victim = subprocess.Popen(["/bin/sleep", "1000"])

    def file(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def close(self):
        self.victim.kill()
        self.victim.wait()
        shutil.rmtree(self.top, ignore_errors=True)

    def outside(self, *args, env=None, **kw):
        return self._run([self.probe, *map(str, args)], env, kw)

    def inside(self, *args, options=(), env=None, app=APP, **kw):
        return self._run([self.carrel, "run", f"--app-id={app}", f"--filesystem={self.probe}:ro",
                          *options, self.probe, *map(str, args)], env, kw)

    def _run(self, argv, env, kw):
        return subprocess.run(argv, env={**self.env, **(env or {})}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                              timeout=TIMEOUT, text=True, errors="replace", check=False, **kw)

    def run_inside(self, *argv, env=None):
        """A program of the system's; only what it prints itself counts."""
        return subprocess.run([self.carrel, "run", f"--app-id={APP}", *argv], env={**self.env, **(env or {})},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=6 * TIMEOUT, text=True, errors="replace", check=False)

    def start_inside(self, *argv, options=(), env=None, app=APP, **kw):
        return subprocess.Popen([self.carrel, "run", f"--app-id={app}", f"--filesystem={self.probe}:ro",
                                 *options, *argv], env={**self.env, **(env or {})}, text=True, **kw)


    def worked(self, result):
        assert result.returncode == 0, f"outside it should work: {result.returncode}: {result.stdout}"

    def refused(self, result):
        # 1 is the probe's own "it did not work"; anything else is a fault of the test or of Carrel.
        assert result.returncode == 1, f"inside it should fail: {result.returncode}: {result.stdout}"

    def differs(self, *args, options=(), **kw):
        """The heart of every promise."""
        self.worked(self.outside(*args, **kw))
        self.refused(self.inside(*args, options=options, **kw))
