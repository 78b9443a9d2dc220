#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""carrel desktop and carrel new: what they write, that it confines, and what they leave alone.

    cli_desktop.py BUILD POLICIES
"""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage  # noqa: E402
from tap import Skip, Tap  # noqa: E402

S = Stage(*sys.argv[1:3])
tap = Tap()
ID = "org.example.Print"
POLICY = f"""[Application]
name={ID}
command=printenv
[Carrel Application]
names=printenv;no-such-program;
"""
XTERM = "/usr/share/applications/debian-xterm.desktop"


def own(name):
    return os.path.join(S.home, name)


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def files():
    return sorted(os.path.relpath(os.path.join(d, f), S.home)
                  for d, _, names in os.walk(S.home) for f in names
                  if "/policies" not in d and "/.var" not in d)


def carrel(*args, status=0, path="/usr/bin:/bin"):
    done = S.run(*args, env=S.env(PATH=path))
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def a_shim_starts_the_confined_app():
    S.write(f"home/.config/carrel/policies/{ID}.policy", POLICY)
    outside = subprocess.run(["printenv", "HOME"], env=S.env(), stdout=subprocess.PIPE, text=True,
                             check=True).stdout.strip()
    assert outside == S.home
    carrel("desktop", "enable", ID)
    assert files() == [".local/bin/printenv"], files()
    done = subprocess.run([own(".local/bin/printenv"), "HOME"], env=S.env(), text=True, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert done.stdout.strip() == own(f".var/app/{ID}"), (done.stdout, done.stderr)


def arguments_pass_through_a_shim_as_they_are():
    S.write(f"home/.config/carrel/policies/{ID}.policy", POLICY.replace("printenv", "printf"))
    carrel("desktop", "enable", ID)
    words = ["a b", "*", "$HOME", "", "-n", "file:///x%20y", "\"'"]
    done = subprocess.run([own(".local/bin/printf"), "<%s>", *words], env=S.env(), text=True,
                          timeout=30, stdout=subprocess.PIPE, check=True)
    assert done.stdout == "".join(f"<{w}>" for w in words), done.stdout


def the_shell_is_told_of():
    assert "is not before /usr/bin in PATH" in carrel("desktop", "enable", ID)
    before = own(".local/bin") + ":/usr/bin:/bin"
    assert "PATH" not in carrel("desktop", "enable", ID, path=before)
    assert "PATH" in carrel("desktop", "enable", ID, path="/usr/bin:" + own(".local/bin"))


def status_tells_what_is_missing():
    before = own(".local/bin") + ":/usr/bin:/bin"
    carrel("desktop", "enable", ID, path=before)
    assert own(".local/bin/printf") in carrel("desktop", "status", path=before)
    carrel("desktop", "status", ID, path=before)
    with open(own(".local/bin/printf"), "a", encoding="utf-8") as f:
        f.write("echo changed\n")
    assert "out of date" in carrel("desktop", "status", ID, status=1, path=before)


def disable_takes_back_what_enable_wrote():
    S.write("home/.local/bin/mine", "#!/bin/sh\n", 0o755)
    carrel("desktop", "disable", ID)
    assert files() == [".local/bin/mine"], files()
    assert "not enabled" in carrel("desktop", "disable", ID)
    assert "no app is enabled" in carrel("desktop", "status")


def an_app_that_is_gone_can_be_disabled():
    carrel("desktop", "enable", ID)
    os.unlink(own(f".config/carrel/policies/{ID}.policy"))
    carrel("desktop", "disable", ID)
    assert files() == [".local/bin/mine"], files()


def a_foreign_file_is_never_replaced():
    S.write(f"home/.config/carrel/policies/{ID}.policy", POLICY)
    foreign = S.write("home/.local/bin/printenv", "#!/bin/sh\necho mine\n", 0o755)
    assert "not Carrel's" in carrel("desktop", "enable", ID, status=125)
    assert text(foreign).endswith("echo mine\n")
    carrel("desktop", "disable", ID)
    assert os.path.exists(foreign)
    os.unlink(foreign)
    os.symlink("/nowhere", foreign)
    carrel("desktop", "enable", ID, status=125)
    assert os.readlink(foreign) == "/nowhere"
    os.unlink(foreign)


def a_desktop_file_takes_the_original_s_place():
    if not os.path.exists(XTERM):
        raise Skip("xterm is not installed")
    carrel("desktop", "enable", "xterm")
    copy = text(own(".local/share/applications/debian-xterm.desktop"))
    lines, original = copy.splitlines(), text(XTERM).splitlines()
    execs = [line for line in lines if line.startswith("Exec")]
    assert execs and all(line.startswith(f"Exec={S.carrel} run --app-id=org.debian.xterm ")
                         for line in execs), execs
    rest = [line.lstrip() for line in original if not line.startswith("Exec")]
    assert [line for line in lines[1:] if not line.startswith("Exec")] == rest
    assert os.access(own(".local/bin/xterm"), os.X_OK)
    # Carrel itself still finds the program behind it, by all names.
    for name in ("xterm", "org.debian.xterm", "debian-xterm.desktop"):
        assert "\nexec xterm" in carrel("plan", name) or "/xterm " in carrel("plan", name), name
    carrel("desktop", "disable", "xterm")


def a_name_of_a_policy_starts_that_program():
    S.write("tree/share/carrel/policies/org.example.Two.policy",
            "[Application]\nname=org.example.Two\ncommand=true\n[Carrel Application]\n"
            "names=true;false;\n")
    os.symlink("../org.example.Two.policy", S.path("tree/share/carrel/policies/names/false"))
    assert "\nexec /usr/bin/false " in carrel("plan", "false")
    assert "\nexec true " in carrel("plan", "org.example.Two")
    S.write("home/.config/carrel/policies/org.example.Two.policy", "[Application]\ncommand=id\n")
    assert "\nexec id " in carrel("plan", "false")


def mistakes_are_told():
    for args, status, part in ((("desktop",), 125, "is missing"), (("desktop", "on", "x"), 125, "enable, disable"),
                               (("desktop", "enable"), 125, "which app"),
                               (("desktop", "enable", "nosuch"), 127, "nosuch"),
                               (("new", "nosuch"), 127, "nosuch"), (("new",), 125, "is missing"),
                               (("new", ID), 125, "has a policy already")):
        assert part in carrel(*args, status=status), args


def a_first_policy_is_written_once_and_read_without_complaint():
    printed = carrel("new", "--print", "/usr/bin/id")
    assert "package=coreutils\n" in printed and "documents=ro\n" in printed, printed
    assert "\n#filesystems=xdg-documents:ro;\n" in printed, printed
    assert "\nends-with=tell\n" in printed, printed
    path = own(".config/carrel/policies/org.debian.id.policy")
    assert not os.path.exists(path)
    carrel("new", "id")
    assert text(path) == printed
    assert carrel("check", path) == ""
    carrel("new", "id", status=125)
    assert "\nexec /usr/bin/id " in carrel("plan", "id")


def first_policy(depends, entries=None):
    """Of /usr/bin/nproc, were it of a package that depends on these; and were these all the .desktop files there
    are, those that do not begin with "alien" of the package."""
    entries = entries or {}
    names = [f"/usr/share/applications/{n}\n" for n in entries if not n.startswith("alien")]
    S.write("dpkg/info/carrel-trial.list", "/.\n/usr/bin/nproc\n" + "".join(names))
    shutil.rmtree(S.path("entries"), ignore_errors=True)
    for name, words in entries.items():
        S.write(f"entries/{name}", words)
    bound = f"mount --bind {S.path('entries')} /usr/share/applications && " if entries else ""
    S.write("dpkg/status", "Package: carrel-trial\nStatus: install ok installed\nSection: utils\n"
            f"Depends: libc6 (>= 2.34), {depends}\n\n")
    script = f"{bound}mount --bind {S.path('dpkg')} /var/lib/dpkg && exec \"$@\""
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script, "sh", S.carrel, "new", "--print", "/usr/bin/nproc"],
                          env=S.env(), stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return done.stdout


def what_a_package_depends_on_is_proposed():
    """Sound for what plays it by SDL; the network, for what can fetch things, as a comment, and once."""
    printed = first_policy("zlib1g")
    assert "package=carrel-trial\n" in printed and "pulseaudio" not in printed and "network" not in printed, printed
    for words in ("libsdl2-mixer-2.0-0 (>= 2.0.2), zlib1g", "zlib1g, libsfml-audio2.5"):
        assert "\nsockets=pulseaudio;\n" in first_policy(words), words
    for words in ("gir1.2-soup-3.0", "libcurl4 (>= 7.16.2), libwebkit2gtk-4.1-0"):
        printed = first_policy(words)
        assert printed.count("shared=network;") == 1 and "\n#shared=network;\n" in printed, (words, printed)


def an_entry_whose_command_is_a_wrapper_is_found():
    """It names the program in TryExec= or in an action (Remmina's), and is of its package."""
    entry = "[Desktop Entry]\nName=Trial\nExec={}\nCategories={};\n{}\n"
    action = "[Desktop Action New]\nName=New\nExec=/usr/bin/nproc --new\n"
    foreign = {"alien.desktop": entry.format("alien %U", "Network", action)}
    for more in ("TryExec=nproc", action):
        printed = first_policy("zlib1g", {**foreign, "trial.wrapped.desktop": entry.format("trial-wrap %U", "Email", more)})
        assert "\ndesktop=trial.wrapped.desktop\n" in printed and "calls it Email." in printed, (more, printed)
    printed = first_policy("zlib1g", foreign)
    assert "desktop=" not in printed and "network" not in printed, printed
    # What starts it itself comes first, whatever its name.
    printed = first_policy("zlib1g", {"a.desktop": entry.format("trial-wrap", "Email", action),
                                      "longer.desktop": entry.format("nproc %F", "Maps", "")})
    assert "\ndesktop=longer.desktop\n" in printed and "\nshared=network;\n" in printed, printed


def a_file_manager_is_given_a_folder_to_show():
    entry = "[Desktop Entry]\nName=Trial\nExec=nproc %U\nCategories=System;FileManager;\nMimeType=inode/directory;\n"
    printed = first_policy("zlib1g", {"trial.desktop": entry})
    assert "\nfilesystems=xdg-download;\n" in printed, printed


def every_first_policy_is_right():
    """Of up to 40 programs that are installed here: no complaint but those about what X11 is."""
    folder, tried = "/usr/share/applications", 0
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if not name.endswith(".desktop") or tried == 40:
            continue
        done = S.run("new", "--print", name)
        if done.returncode != 0:  # it has a policy, or its program is not there
            assert done.stderr.startswith("carrel: error: ") or ".desktop:" in done.stderr, done
            continue
        tried += 1
        told = S.run("check", S.write("home/first.policy", done.stdout))
        for line in told.stdout.splitlines() + told.stderr.splitlines():
            assert "stands twice" not in line and "error" not in line, (name, line, done.stdout)
    os.unlink(S.path("home/first.policy"))


def what_a_shell_starts_is_not_the_shell():
    """An entry with Exec=sh -c … has its own id and home; no policy for the shell is made of it."""
    entry = "home/.local/share/applications/org.example.Shelled.desktop"
    S.write(entry, "[Desktop Entry]\nType=Application\nName=Shelled\nCategories=Network;\n"
            "Exec=sh -c \"printenv HOME\" %u\n")
    assert S.run("run", "org.example.Shelled").stdout.strip() == own(".var/app/org.example.Shelled")
    assert S.run("run", "sh", "-c", "printenv HOME").stdout.strip() == own(".var/app/org.debian.sh")
    printed = carrel("new", "--print", "org.example.Shelled.desktop")
    assert "\nname=org.example.Shelled\n" in printed, printed
    assert "\ndesktop=org.example.Shelled.desktop\n" in printed, printed
    assert "\ncommand=" not in printed, printed
    assert "carrel run org.example.Shelled.desktop\n" in printed, printed
    for shell in ("sh", "bash"):  # whatever entries of the system have Exec=sh -c
        printed = carrel("new", "--print", shell)
        assert "\ndesktop=" not in printed and "\nshared=" not in printed, printed
    carrel("new", "org.example.Shelled.desktop")
    assert S.run("run", "org.example.Shelled.desktop").stdout.strip() == \
        own(".var/app/org.example.Shelled")
    os.unlink(own(".config/carrel/policies/org.example.Shelled.policy"))
    os.unlink(S.path(entry))


for function in (a_shim_starts_the_confined_app, arguments_pass_through_a_shim_as_they_are,
                 the_shell_is_told_of, status_tells_what_is_missing,
                 disable_takes_back_what_enable_wrote, an_app_that_is_gone_can_be_disabled,
                 a_foreign_file_is_never_replaced, a_desktop_file_takes_the_original_s_place,
                 a_name_of_a_policy_starts_that_program, mistakes_are_told,
                 a_first_policy_is_written_once_and_read_without_complaint,
                 what_a_shell_starts_is_not_the_shell, what_a_package_depends_on_is_proposed,
                 an_entry_whose_command_is_a_wrapper_is_found,
                 a_file_manager_is_given_a_folder_to_show,
                 every_first_policy_is_right):
    tap.run(function)
S.close()
sys.exit(tap.done())
