#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people type, the wrong things too: output, hint and exit code.

    cli_commands.py BUILD POLICIES [TEST...]
"""
import errno
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage, inside, same  # noqa: E402
from tap import Skip, Tap  # noqa: E402

S = Stage(*sys.argv[1:3])
tap = Tap()
# Programs of the tests run without a window: no display is asked for.
NO_NOTE = "no policy for"


def listed():
    """An environment with a registry of running apps, without which each run has a note more."""
    os.makedirs(S.path("listed"), 0o700, exist_ok=True)
    return S.env(XDG_RUNTIME_DIR=S.path("listed"))


# ---- messages: words typed → exit code, message, hint (golden) ----

TOPICS = "PATH|network|devices|home|bus|sound|camera|limits|environment|kernel|display"

MESSAGES = [
    ((), 125, "which command?", "see carrel --help"),
    (("rnu",), 125, 'unknown command "rnu"', "to start an app, write: carrel run APP; see carrel --help"),
    (("chekc",), 125, 'unknown command "chekc"', None),
    (("expalin",), 125, 'unknown command "expalin"', 'did you mean "explain"?'),
    (("help", "docter"), 125, 'unknown command "docter"', 'did you mean "doctor"?'),
    (("run",), 125, "APP is missing", "usage: carrel run APP [--] [ARGUMENT...]"),
    (("run", "--"), 125, "APP is missing", None),
    (("run", "--fliesystem=home", "id"), 125, "unknown option --fliesystem", "did you mean --filesystem?"),
    (("run", "--zzz", "id"), 125, "unknown option --zzz", "see carrel run --help"),
    (("run", "--filesystem"), 125, "--filesystem needs a value",
     "write --filesystem=LOCATION[:ro|:rw|:create]"),
    (("run", "-x", "id"), 125, "unknown option -x",
     "options are written --NAME=VALUE, and stand before the app's name"),
    (("run", "--verbose=1", "id"), 125, "--verbose takes no value", None),
    (("run", "--metadata=Context=filesystem=!~/x", "id"), 125, '"filesystem" is no key of [Context]',
     'did you mean "filesystems"?'),
    (("run", "--metadata=A=B", "id"), 125, "[A] is no group that Carrel knows", None),
    (("run", "--filesystem=../x", "id"), 125, '"../x" holds ".."', "write the path without it"),
    (("run", "--share=netwrok", "id"), 125, '"netwrok" is no word of shared', 'did you mean "network"?'),
    (("run", "firfox"), 127, 'no program and no policy is called "firfox"', 'did you mean "firefox"?'),
    (("run", "FIREFOX-ESR"), 127, 'no program and no policy is called "FIREFOX-ESR"', 'did you mean "firefox-esr"?'),
    (("run", "--SHARE=network", "id"), 125, "unknown option --SHARE", "did you mean --share?"),
    (("run", "bash.desktop"), 127, 'no program and no policy is called "bash.desktop"', None),
    (("run", "x\x1b[31m"), 127, 'no program and no policy is called "x\\x1b[31m"', None),
    (("run", "/nowhere/prog"), 127, 'cannot find "/nowhere/prog": No such file or directory',
     "check the path"),
    (("run", "--command=nope", "id"), 127, "the program of org.debian.id, nope, is not installed",
     "install it, or say where it is: --command=/PATH"),
    (("run", "--command=nope", "--env=PATH=/usr/bin:/opt", "id"), 127,
     'cannot start "nope": No such file or directory (execve); it is not there', None),
    (("run", "/etc/passwd"), 126, '"/etc/passwd" is no program',
     "if it is one, make it executable: chmod +x"),
    (("run", "/usr"), 126, '"/usr" is no program', None),
    (("run", "--app-id=x", "id"), 125,
     '"x" is no app id: it needs two elements at least, with a dot between them',
     "an app id looks like org.example.App"),
    (("run", "--app-id=../../x.y", "id"), 125, '"../../x.y" is no app id', None),
    (("run", "--tty=maybe", "id"), 125, '"maybe" is no value of --tty',
     "write --tty=auto, --tty=always or --tty=never"),
    (("run", "--cwd=/nowhere", "id"), 125,
     'cannot use "/nowhere" as the folder to start in: No such file or directory', None),
    (("run", "--cwd=/etc/passwd", "id"), 125,
     'cannot use "/etc/passwd" as the folder to start in: Not a directory', None),
    (("run", "--policy=/nowhere", "id"), 125, "/nowhere: error: cannot read it", None),
    (("run", "--finish-args-from=/dev/zero", "id"), 125, "not an ordinary file", None),
    (("run", "--command=/nowhere/x", "id"), 127, "No such file or directory", None),
    (("plan", "--json", "--seccomp", "id"), 125, "--json and --seccomp exclude each other",
     "give one of them"),
    (("explain", "id"), 125, TOPICS + " is missing", "usage: carrel explain APP " + TOPICS),
    (("enter", "xterm"), 125, "COMMAND is missing", "usage: carrel enter APP|INSTANCE [--] COMMAND [ARGUMENT...]"),
    (("explain", "id", "/a", "/b"), 125, 'one argument too many: "/b"', None),
    (("list", "x"), 125, 'one argument too many: "x"', "usage: carrel list"),
    (("import", "id"), 125, "PATH is missing", "usage: carrel import APP PATH..."),
    (("check",), 125, "FILE|APP is missing", "usage: carrel check FILE|APP..."),
    (("reset", "nosuch"), 127, 'no program and no policy is called "nosuch"', None),
    (("doctor", "--jsn"), 125, "unknown option --jsn", "did you mean --json?"),
]


def a_program_that_is_not_installed_is_told_with_its_package():
    policy = S.write("home/doc.policy", "[Application]\nname=org.example.Doc\ncommand=nope\n"
                     "[Carrel Application]\npackage=nope-gtk\n")
    done = S.run("run", "--policy=" + policy, "org.example.Doc")
    same((done.returncode, done.stdout, done.stderr),
         (127, "", "carrel: error: the program of org.example.Doc, nope, is not installed\n  hint: apt install nope-gtk\n"))


def wrong_words_get_one_message_with_a_hint():
    for words, code, message, hint in MESSAGES:
        done = S.run(*words, env=listed())
        what = "carrel " + " ".join(words)
        same(done.returncode, code, what)
        same(done.stdout, "", what)
        lines = [line for line in done.stderr.splitlines() if NO_NOTE not in line]
        inside(message, done.stderr)
        assert 1 <= len(lines) <= 2, (what, lines)
        if hint:
            same(lines[-1], "  hint: " + hint, what)
        assert "\x1b" not in done.stderr, done.stderr


# ---- help ----

def help_is_there_for_every_command():
    words = S.run("--words").stdout.splitlines()
    commands = [w for w in words if " " not in w]
    same(commands, ["run", "plan", "explain", "list", "import", "reset", "check", "doctor", "desktop", "new", "ps", "kill", "enter",
                    "grant", "revoke", "grants", "limit", "permissions", "copy", "clip", "attach", "detach"])
    for args in (["--help"], ["help"], ["-h"]):
        done = S.run(*args)
        same((done.returncode, done.stderr), (0, ""))
        for command in commands:
            inside(f"\n  {command} ", done.stdout)
    for command in commands:
        for args in ([command, "--help"], ["help", command], [command, "-h"]):
            done = S.run(*args)
            same((done.returncode, done.stderr), (0, ""), str(args))
            inside(f"Usage: carrel {command}", done.stdout)
            inside(f"carrel-{command}(1)", done.stdout)
    for args in (["version"], ["--version"]):
        assert S.run(*args).stdout.startswith("carrel "), args


def options_behind_the_app_belong_to_it():
    for args in (["--help", "--json", "-x"], ["--", "--help"], ["--share=network"]):
        done = S.run("run", "printf", "--", "%s|", *args)
        same(done.stdout, "".join(a + "|" for a in args))
    same(S.run("run", "printf", "%s|", "a", "--", "b").stdout, "a|--|b|")


# ---- run ----

def exit_codes_and_signals_pass_through():
    for code in (0, 1, 42, 125, 255):
        same(S.run("run", "sh", "-c", f"exit {code}").returncode, code)
    for signo in (1, 6, 9, 11, 15):
        same(S.run("run", "sh", "-c", f"kill -{signo} $$").returncode, -signo)


def one_line_says_that_there_is_no_policy():
    done = S.run("run", "true", env=listed())
    same(done.stderr, "carrel: note: no policy for org.debian.true: strict default (a window, no network, "
                      "a home of its own); carrel new true writes one\n")
    named = S.run("run", "--app-id=org.example.Other", "true", env=listed()).stderr
    same(named, "carrel: note: no policy for org.example.Other: strict default (a window, no network, a home of its own)\n")
    empty = S.write("empty.policy", "")
    same(S.run("run", "--policy=" + empty, "true", env=listed()).stderr, "")


def warnings_are_told_with_verbose():
    policy = S.write("warn.policy", "[Context]\nnonsense=1\n")
    same(S.run("run", "--policy=" + policy, "true", env=listed()).stderr, "")
    inside("warn.policy:2:1: warning:", S.run("run", "--verbose", "--policy=" + policy, "true").stderr)


def a_fault_in_a_policy_stops_the_start():
    for text, message in (("[Context]\nfilesystems=/a/../b\n", ":2:"), ("junk\n", ":1:"),
                          ("[Carrel Sandbox]\nnested-sandbox=perhaps\n", ":2:")):
        policy = S.write("broken.policy", text)
        done = S.run("run", "--policy=" + policy, "true")
        same(done.returncode, 125)
        inside("broken.policy" + message, done.stderr)


def permissions_come_from_the_command_line():
    done = S.run("run", "--env=A=b c", "--env", "D=e", "sh", "-c", 'echo "$A|$D"')
    same(done.stdout, "b c|e\n")
    secret = S.write("home/shared/f", "content\n")
    same(S.run("run", "cat", secret).returncode, 1)
    same(S.run("run", f"--filesystem={secret}:ro", "cat", secret).stdout, "content\n")
    args = S.write("args", f"--filesystem={os.path.dirname(secret)}:ro\n--env=X=y\n")
    same(S.run("run", "--finish-args-from=" + args, "cat", secret).stdout, "content\n")


def documents_are_granted_where_the_policy_says_so():
    name = "home/a : \\ b\n.txt"
    path = S.write(name, "text\n")
    for value, reads, writes in (("none", False, False), ("ro", True, False), ("rw", True, True)):
        policy = S.write("doc.policy", f"[Carrel Application]\ndocuments={value}\n")
        done = S.run("run", "--policy=" + policy, "cat", path)
        same(done.stdout, "text\n" if reads else "", value)
        done = S.run("run", "--policy=" + policy, "cat", os.path.basename(path))
        same(done.stdout, "text\n" if reads else "", "by its bare name")
        S.run("run", "--policy=" + policy, "sh", "-c", 'echo more >> "$0"', path)
        with open(path) as f:
            same(f.read(), "text\nmore\n" if writes else "text\n", value)
        uri = "file://" + path.replace(" ", "%20").replace("\n", "%0a").replace("\\", "%5C")
        done = S.run("run", "--policy=" + policy, "sh", "-c", 'cat "$1"', uri, path)
        same(done.returncode == 0, reads, value)
    policy = S.write("doc.policy", "[Carrel Application]\ndocuments=rw\n")
    done = S.run("run", "--policy=" + policy, "ls", S.home)
    assert done.returncode != 0 or "a : " not in done.stdout, "a folder as argument opened it"


def no_link_of_the_app_leads_to_a_document():
    """Wherever the link is in the argument's path, and however the path is written."""
    key = S.write("home/.ssh/id", "KEY\n")
    docs = os.path.join(S.home, "Docs")
    S.write("home/Docs/deep/er/plain", "plain\n")
    policy = S.write("led.policy", "[Application]\nname=org.example.Led\n[Context]\nfilesystems=~/Docs\n"
                     "[Carrel Application]\ndocuments=rw\n")
    led = ["run", "--app-id=org.example.Led", "--policy=" + policy]
    same(S.run(*led, "sh", "-c", f"cd {docs} && ln -s ../.ssh reports && ln -s ../.ssh/id key && ln -s deep/er near")
         .returncode, 0)
    write = 'for f; do cat "$f"; echo PWNED >>"$f"; done'
    home = S.env(HOME=S.home)
    for words, cwd, env in (((docs + "/reports/id",), S.home, home), (("Docs/reports/id",), S.home, home),
                            (("file://" + docs + "/reports/id",), S.home, home), ((docs + "/key",), S.home, home),
                            ((docs + "/./near/../../reports//id",), S.home, home),
                            (("../Docs/reports/id",), docs, home), (("id",), docs + "/reports", dict(home, PWD=docs + "/reports"))):
        done = S.run(*led, "sh", "-c", write, "sh", *words, cwd=cwd, env=env)
        with open(key) as f:
            same(f.read(), "KEY\n", (words, done))
        assert "KEY" not in done.stdout, (words, done)
        if ".." not in words[0]:
            same(done.returncode, 125, words)
            inside("link", done.stderr)
    # what lies open to it anyway, by a link of its own, and the person's link elsewhere
    done = S.run(*led, "sh", "-c", write, "sh", docs + "/near/plain", "Docs/near/plain", cwd=S.home, env=home)
    same(done.stdout, "plain\nplain\nPWNED\n", done)
    os.symlink(S.path("home/elsewhere"), S.path("home/mine"))
    S.write("home/elsewhere/deep/file", "file\n")
    done = S.run(*led, "cat", "mine/deep/../deep/file", cwd=S.home, env=home)
    same(done.stdout, "file\n", done)


def a_document_that_is_more_than_that_is_told_of():
    policy = S.write("led.policy", "[Carrel Application]\ndocuments=rw\n")
    start = S.write("home/.bashrc", "start\n")
    S.write("home/Papers/note", "note\n")
    done = S.run("run", "--policy=" + policy, "cat", start)
    same((done.returncode, done.stdout), (0, "start\n"))
    inside("what every shell runs, which org.debian.cat may change in this run", done.stderr)
    os.symlink("../.bashrc", S.path("home/Papers/todo"))
    done = S.run("run", "--policy=" + policy, "cat", S.path("home/Papers/todo"))
    same((done.returncode, done.stdout), (125, ""))
    inside("Papers/todo is a symbolic link, which leads to", done.stderr)
    done = S.run("run", "--policy=" + policy, "ls", S.path("home/Papers"))
    inside("Papers is out of the app's sight", done.stderr)
    done = S.run("run", "--policy=" + policy, "cat", S.path("home/Papers/note"), env=listed())
    same((done.stderr, done.stdout), ("", "note\n"))


def programs_of_ones_own_run_with_homes_of_their_own():
    tool = S.write("home/bin/tool", "#!/bin/sh\necho \"$0 $HOME $*\"\n", 0o755)
    other = S.write("home/bin/other", "#!/bin/sh\necho \"$HOME\"\n", 0o755)
    done = S.run("run", "./bin/tool", "x")
    first, home, arg = done.stdout.split()
    same((first, arg), (tool, "x"))
    assert home.startswith(S.home + "/.var/app/local."), home
    assert S.run("run", other).stdout.strip() != home
    fake = S.write("home/bin/firefox", "#!/bin/sh\necho \"$HOME\"\n", 0o755)
    inside("/.var/app/local.", S.run("run", fake).stdout)


def desktop_files_can_be_run():
    path = S.write("home/.local/share/applications/org.example.Echo.desktop",
                   "[Desktop Entry]\nName=x\nExec=env E=f sh -c 'x' \"\" %U\n".replace("'x'", '"printf \'%%s|\' \\\\"\\\\$E\\\\" \\\\"\\\\$@\\\\""'))
    for name in ("org.example.Echo", "org.example.Echo.desktop", path):
        done = S.run("run", name, "a b", "$(id)")
        same(done.stdout, "f|a b|$(id)|", name)
        inside("org.example.Echo", done.stderr)
        assert "org.debian.sh" not in done.stderr, done.stderr


def a_policy_given_by_hand_names_its_app():
    text = "[Application]\nname=org.example.Doc\ncommand=printenv\n"
    policy = S.write("home/doc.policy", text)
    done = S.run("run", "--policy=" + policy, "org.example.Doc", "HOME")
    same((done.returncode, done.stdout), (0, S.path("home/.var/app/org.example.Doc\n")), done.stderr)
    inside("\nexec printenv ", S.run("plan", "--policy=" + policy, "org.example.Doc").stdout)
    for name, words in (("org.example.Doc", text.replace("command=printenv\n", "")),
                        ("org.example.Doc", text.replace("Doc", "Dog")), ("org.example.Other", text)):
        done = S.run("run", "--policy=" + S.write("home/doc.policy", words), name, "HOME")
        same(done.returncode, 127, words)
        inside(f'no program and no policy is called "{name}"', done.stderr)
    # What is there under that name is not replaced by the file's program.
    S.write("home/doc.policy", text)
    entry = S.write("home/.local/share/applications/org.example.Doc.desktop",
                    "[Desktop Entry]\nName=x\nExec=/usr/bin/id\n")
    inside("\nexec /usr/bin/id ", S.run("plan", "--policy=" + policy, "org.example.Doc").stdout)
    os.unlink(entry)


def the_tree_can_be_moved():
    moved = S.path("moved")
    os.rename(S.tree, moved)
    try:
        done = subprocess.run([moved + "/bin/carrel", "run", "echo", "there"], env=S.env(), cwd=S.home,
                              capture_output=True, text=True, timeout=30)
        same(done.stdout, "there\n")
    finally:
        os.rename(moved, S.tree)


def an_incomplete_tree_is_refused():
    for name in ("libexec/carrel/carrel-core", "share/carrel/policies/base.policy"):
        path = os.path.join(S.tree, name)
        os.rename(path, path + ".away")
        try:
            done = S.run("run", "true")
            same(done.returncode, 125, name)
            inside("install it again", done.stderr)
        finally:
            os.rename(path + ".away", path)


def closed_and_leaked_descriptors_do_no_harm():
    done = subprocess.run(["/bin/sh", "-c", f'exec "{S.carrel}" run ls -l /proc/self/fd <&- 2>&-'], env=S.env(),
                          capture_output=True, text=True, timeout=30, cwd=S.home)
    same(done.returncode, 0)
    inside("0 -> /dev/null", done.stdout)
    leak = os.open(S.write("home/leaked", "secret"), os.O_RDONLY)
    os.dup2(leak, 77)
    try:
        done = S.run("run", "ls", "-l", "/proc/self/fd", pass_fds=[leak, 77])
        assert "leaked" not in done.stdout and " 77 " not in done.stdout, done.stdout
        bare = subprocess.run(["ls", "-l", "/proc/self/fd"], pass_fds=[77], capture_output=True, text=True)
        inside("leaked", bare.stdout)
    finally:
        os.close(leak)
        os.close(77)


def json_is_one_line():
    good = S.write("good.policy", "[Context]\n")
    for words in (["plan", "--json", "true"], ["explain", "--json", "true", "/etc"], ["list", "--json"], ["ps", "--json"],
                  ["grants", "--json"], ["permissions", "--json"], ["doctor", "--json"], ["check", "--json", good]):
        said = S.run(*words, env=listed()).stdout
        assert said.endswith("\n") and said.count("\n") == 1, (words, said[-80:])
        json.loads(said)


def output_that_nobody_gets_is_told_of():
    """A script that lists what an app may do must not take silence for an answer."""
    words = (["list"], ["plan", "true"], ["--help"], ["--version"], ["help", "run"], ["check", "--help"], ["list", "--json"],
             ["explain", "true", "/etc"])
    for how, why in ((">&-", "Bad file descriptor"), (">/dev/full", "No space left on device")):
        for argv in words:
            done = subprocess.run(["/bin/sh", "-c", f'exec "$@" {how}', "sh", S.carrel, *argv], env=S.env(),
                                  capture_output=True, text=True, timeout=30, cwd=S.home)
            same(done.returncode, 125, (argv, how))
            inside("error: cannot write to the standard output: " + why, done.stderr)
    for how in (">&-", ">/dev/null"):  # nothing is said, so nothing is lost
        done = subprocess.run(["/bin/sh", "-c", f'exec "$@" {how}', "sh", S.carrel, "run", "true"], env=listed(),
                              capture_output=True, text=True, timeout=30, cwd=S.home)
        same(done.returncode, 0, how)


def nothing_of_the_caller_s_environment_gets_in():
    done = S.run("run", "sh", "-c", "cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; env",
                 env=S.env(SECRET_TOKEN="s3cr3t", LD_PRELOAD="", BASH_ENV="x"))
    assert "s3cr3t" not in done.stdout, done.stdout


def a_folder_out_of_sight_is_told_of():
    seen = os.path.dirname(S.write("home/seen/x", ""))
    hidden = os.path.dirname(S.write("home/hidden/x", ""))
    note = f"{hidden} is out of the app's sight, which starts in {S.home}/.var/app/"
    done = S.run("run", "--filesystem=" + seen, "--cwd=" + seen, "pwd")
    same(done.stdout, seen + "\n")
    assert "sight" not in done.stderr, done.stderr
    done = S.run("run", "--filesystem=" + seen, "--cwd=" + hidden, "pwd")
    inside(S.home + "/.var/app/", done.stdout)
    inside(note, done.stderr)
    inside(f"--filesystem={hidden}:ro shows it", done.stderr)
    done = S.run("run", "pwd", cwd=hidden)  # only what was asked for is worth a line at each start
    inside(S.home + "/.var/app/", done.stdout)
    assert "sight" not in done.stderr, done.stderr


# ---- plan, explain, list, check ----

def plan_prints_what_run_carries_out():
    text = S.run("plan", "--env=A=b", "echo", "x").stdout
    same(text.splitlines()[0], "carrel-plan 1")
    inside("env A=b # command line, argument 2", text)
    inside("\nexec ", text)
    inside("\narg x", text)
    steps = json.loads(S.run("plan", "--env=A=b", "--json", "echo", "x").stdout)["steps"]
    same([s["verb"] for s in steps], [line.split()[0] for line in text.splitlines()[1:] if line])
    filter_text = S.run("plan", "--seccomp", "echo").stdout
    inside("openat", filter_text)
    assert not os.path.exists(S.home + "/.var/app/org.debian.ed"), "plan made something"
    S.run("plan", "ed")
    assert not os.path.exists(S.home + "/.var/app/org.debian.ed"), "plan made something"


def explain_tells_why():
    path = S.write("home/pictures/p", "x")
    done = S.run("explain", "echo", path)
    same(done.returncode, 0)
    inside("not visible", done.stdout)
    done = S.run("explain", f"--filesystem={S.home}/pictures:ro", "echo", "~/pictures/p")
    inside("command line, argument 2", done.stdout)
    answer = json.loads(S.run("explain", "--json", f"--filesystem={S.home}/pictures:ro", "echo", path).stdout)
    same((answer["visible"], answer["readable"], answer["writable"]), (True, True, False))


def faults_of_the_host_are_told_with_what_to_do():
    """What is in the way, whose path it is, and what to do about it."""
    runtime, app = S.path("told-run"), "home/.var/app/org.debian.xterm"
    os.mkdir(runtime, 0o700)
    registry, env = os.path.join(runtime, ".flatpak"), S.env(XDG_RUNTIME_DIR=runtime)

    def fails(*argv, says, hint, **more):
        done = S.run(*argv, env={**env, **more})
        same(done.returncode, 125, argv)
        inside(says, done.stderr)
        inside(hint, done.stderr)
    S.write("told-run/.flatpak", "")
    fails("run", "true", says=f"cannot use {registry} for the registry of running apps", hint="move away what is there")
    os.unlink(registry)
    os.mkdir(registry)
    os.chmod(registry, 0o777)
    fails("run", "true", says="it is not yours alone", hint="chmod go-w")
    os.rmdir(registry)
    for name in (app, "home/.var/app/org.xfce.mousepad"):
        os.makedirs(S.path(name), exist_ok=True)
    fails("copy", "xterm:../x", "mousepad", says="it does not lie in the app's home", hint="")
    done = S.run("run", "true", env=S.env(DISPLAY=":4711"))
    same(done.returncode, 0)
    inside("note: no window can be shown: the X display :4711 has no socket", done.stderr)
    if os.getuid() != 0:  # whom no mode keeps from anything
        policy = S.write("home/.config/carrel/policies/org.debian.xterm.policy", "", 0)
        fails("run", "xterm", says=f"{policy}: error: cannot read the policy", hint="chmod u+r")
        os.unlink(policy)
        S.write(app + "/d/f", "")
        os.chmod(S.path("home/.var/app"), 0o500)
        fails("reset", "--yes", "xterm", says=f"{S.path(app)}: error: cannot remove it", hint="")
        os.chmod(S.path("home/.var/app"), 0o700)
    shutil.rmtree(S.path(app))
    shutil.rmtree(S.path("home/.var/app/org.xfce.mousepad"))
    os.rmdir(runtime)


def explain_sees_a_whole_bus_anywhere():
    """Outside /run too, by its own file or by a folder around it; the start says the same."""
    bus = S.path("home/bus.socket")
    env = S.env(DBUS_SESSION_BUS_ADDRESS=f"unix:path={bus}")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(bus)
        for grant, way in ((f"--filesystem={bus}", "whole"), (f"--filesystem={S.home}", "whole"),
                           (f"--filesystem={S.home}/elsewhere:create", "none")):
            done = S.run("explain", "--json", grant, "echo", "display", env=env)
            same((json.loads(done.stdout)["session_bus"], "the whole session bus" in done.stderr),
                 (way, way == "whole"), grant)
    os.unlink(bus)


def list_shows_each_app_with_its_names():
    S.write("home/.config/carrel/policies/org.mozilla.firefox.policy", "[Context]\nshared=!network;\n")
    lines = S.run("list").stdout.splitlines()
    rows = {line.split()[0]: line.split(maxsplit=2)[1:] for line in lines}
    same(rows["org.mozilla.firefox"], ["shipped,user", "firefox-esr, firefox"])
    apps = json.loads(S.run("list", "--json").stdout)
    same(sorted(rows), [a["id"] for a in apps])
    firefox = [a for a in apps if a["id"] == "org.mozilla.firefox"][0]
    same((firefox["layers"], firefox["names"]), ("shipped,user", ["firefox-esr", "firefox"]))
    text = S.run("plan", "firefox").stdout
    inside("net", text.split("\nunshare ")[1].split("#")[0])
    os.unlink(S.path("home/.config/carrel/policies/org.mozilla.firefox.policy"))


def check_finds_faults():
    good = S.write("good.policy", "[Context]\nsockets=wayland;\n")
    same(S.run("check", good).stdout, "")
    same(S.run("check", good).returncode, 0)
    risky = S.write("risky.policy", "[Context]\nfilesystems=host;\n")
    done = S.run("check", risky)
    same(done.returncode, 0)
    inside("risky.policy:2:13: warning:", done.stdout)
    bad = S.write("bad.policy", "[Context]\nfilesystems=/x/../y;\n")
    done = S.run("check", good, bad, risky)
    same(done.returncode, 1)
    inside("bad.policy:2:13: error:", done.stdout)
    found = json.loads(S.run("check", "--json", bad, risky).stdout)
    same([(f["severity"], f["line"]) for f in found][:2], [("error", 2), ("warning", 2)])
    for path in (S.write("nul.policy", b"[Context]\n\0\n"), S.write("big.policy", b"#" * (2 << 20)),
                 S.write("bytes.policy", bytes(range(256))), "/", "/dev/zero", "/nowhere"):
        done = S.run("check", path)
        same(done.returncode, 1, path)
        assert len(done.stdout.splitlines()) >= 1
    same(json.loads(S.run("check", "--json", good).stdout), [])
    options = S.write("options.policy", "[Carrel Display]\nno-window=-nw;file;\n")
    inside('options.policy:2:15: error: "file" is no option of a command line', S.run("check", options).stdout)
    other = S.write("org.example.One.policy", "[Application]\nname=org.example.Two\n")
    inside("name=org.example.Two, but by its name this file is the policy of org.example.One", S.run("check", other).stdout)


def check_takes_an_app_by_its_name():
    """All policies that its start reads, and no other's; a file of that name comes before."""
    own = S.write("home/.config/carrel/policies/org.mozilla.firefox.policy", "[Context]\nfilesystems=host;\n")
    try:
        done = S.run("check", "firefox")
        same(done.returncode, 0)
        inside(own + ":2:13: warning:", done.stdout)
        same(S.run("check", "org.mozilla.firefox").stdout, done.stdout)
        S.write("home/.config/carrel/policies/org.mozilla.firefox.policy", "[Context]\nfilesystems=/x/../y;\n")
        done = S.run("check", "firefox", "xterm")
        same(done.returncode, 1)
        inside(own + ":2:13: error:", done.stdout)
    finally:
        os.unlink(own)
    same(S.run("check", "firefox").returncode, 0)
    S.write("firefox", "[Context]\nnonsense=1\n")
    try:
        inside("firefox:2:1: warning:", S.run("check", "firefox", cwd=S.top).stdout)
    finally:
        os.unlink(S.path("firefox"))
    done = S.run("check", "true")
    same((done.returncode, done.stdout), (1, "carrel: error: there is no policy for org.debian.true\n"
                                             "  hint: carrel new true writes a first one\n"))
    done = S.run("check", "firfox")
    same(done.returncode, 1)
    inside('no program and no policy is called "firfox"', done.stdout)
    same(json.loads(S.run("check", "--json", "true").stdout)[0]["severity"], "error")


def check_finds_what_no_start_would_take():
    """Word by word: what ends the start is an error of the linter, too, and the other way round."""
    os.makedirs(S.home + "/dir", exist_ok=True)
    os.makedirs(S.home + "/wide", exist_ok=True)
    if not os.path.islink(S.home + "/wide/link"):
        os.symlink(S.home + "/dir", S.home + "/wide/link")
    words = ("/etc/foo", "/proc", "/usr/share", "/dev/sda", "/app", "/run/host", "/.flatpak-info", "/run/user", "/",
             "~/.var/app", "~/.config/carrel", "/tmp/.X11-unix", "~/wide;~/wide/link", "~/../x",
             "~/dir", "~/nowhere", "/srv", "home", "host", "xdg-documents", "~/wide;~/dir", S.home + "/dir")
    refused = 0
    for word in words:
        path = S.write("word.policy", f"[Application]\nname=org.example.Word\n[Context]\nfilesystems={word};\n")
        started, checked = S.run("run", "--policy=" + path, "true"), S.run("check", path)
        same(checked.returncode, {0: 0, 125: 1}[started.returncode], f"{word}: {started.stderr}{checked.stdout}")
        if started.returncode:
            refused += 1
            told = [line for line in started.stderr.splitlines() if ": error: " in line]
            same([line for line in checked.stdout.splitlines() if ": error: " in line], told, word)
            inside("word.policy:4:", told[0])
    same(refused, 13)
    inside("word.policy:2:13: warning:", S.run("check", S.write("word.policy", f"[Context]\nfilesystems={S.home};\n")).stdout)


def every_shipped_policy_is_free_of_errors():
    files = [os.path.join(S.shipped, n) for n in os.listdir(S.shipped) if n.endswith(".policy")]
    assert len(files) > 5
    done = S.run("check", *files)
    same(done.returncode, 0, done.stdout)


# ---- import and reset ----

def make_settings():
    top = S.path("home/.config/tool")
    S.write("home/.config/tool/plain", "hello", 0o640)
    S.write("home/.config/tool/run", "#!/bin/sh\n", 0o4755)
    S.write("home/.config/tool/sub/deep/file", "x", 0o600)
    os.symlink("/etc/passwd", top + "/link")
    os.symlink("nowhere", top + "/dangling")
    os.link(top + "/plain", top + "/sub/hard")
    with open(top + "/sparse", "wb") as f:
        f.seek(50 << 20)
        f.write(b"end")
    os.mkfifo(top + "/fifo")
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(top + "/socket")
    unix.close()
    try:
        os.setxattr(top + "/plain", "user.note", b"kept")
    except OSError as e:
        if e.errno != errno.ENOTSUP:
            raise
    os.chmod(top + "/sub", 0o750)
    os.utime(top + "/plain", ns=(10**18 + 123456789, 10**18 + 987654321))
    os.utime(top + "/link", ns=(10**18 + 1, 10**18 + 2), follow_symlinks=False)
    os.utime(top + "/sub", ns=(10**18 + 3, 10**18 + 4))
    return top


def import_copies_exactly():
    top = make_settings()
    done = S.run("import", "id", "~/.config/tool".replace("~", S.home))
    same(done.returncode, 0, done.stderr)
    inside("fifo: warning: left out: a FIFO cannot be imported", done.stderr)
    inside("socket: warning: left out: a socket cannot be imported", done.stderr)
    copy = S.path("home/.var/app/org.debian.id/config/tool")
    same(sorted(os.listdir(copy)), ["dangling", "link", "plain", "run", "sparse", "sub"])
    same(os.readlink(copy + "/link"), "/etc/passwd")
    same(open(copy + "/sub/deep/file").read(), "x")
    for name in ("plain", "sub", "sub/deep", "sub/deep/file", "sparse"):
        a, b = os.lstat(f"{top}/{name}"), os.lstat(f"{copy}/{name}")
        same((b.st_mode, b.st_uid, b.st_gid, b.st_size), (a.st_mode, a.st_uid, a.st_gid, a.st_size), name)
        same(b.st_mtime_ns, a.st_mtime_ns, name)
    same(os.lstat(copy + "/plain").st_atime_ns, 10**18 + 123456789)
    same(os.lstat(copy + "/link").st_mtime_ns, 10**18 + 2)
    same(stat.S_IMODE(os.stat(copy + "/run").st_mode), 0o755, "set-id bits are dropped")
    same(os.stat(copy + "/plain").st_ino, os.stat(copy + "/sub/hard").st_ino, "hard link")
    assert os.stat(copy + "/sparse").st_blocks * 512 < 1 << 20, "holes were filled"
    if "user.note" in os.listxattr(top + "/plain"):
        same(os.getxattr(copy + "/plain", "user.note"), b"kept")
    same([n for n in os.listdir(os.path.dirname(copy)) if n.startswith(".carrel")], [])


def import_knows_the_places():
    for source, target in ((".local/share/t1", "data/t1"), (".cache/t2", "cache/t2"),
                           (".local/state/t3", ".local/state/t3"), (".t4", ".t4"),
                           ("Projects/t5", "Projects/t5")):
        path = S.write(f"home/{source}/f", source)
        same(S.run("import", "env", path.rsplit("/", 1)[0]).returncode, 0, source)
        same(open(S.path(f"home/.var/app/org.debian.env/{target}/f")).read(), source)
    path = S.write("elsewhere/conf/t6", "6")
    done = S.run("import", "env", path, env=S.env(XDG_CONFIG_HOME=os.path.dirname(path)))
    same(done.returncode, 0, done.stderr)
    same(open(S.path("home/.var/app/org.debian.env/config/t6")).read(), "6")


def import_overwrites_only_when_told():
    path = S.write("home/.config/once", "new")
    same(S.run("import", "tty", path).returncode, 0)
    S.write("home/.var/app/org.debian.tty/config/once", "changed")
    done = S.run("import", "tty", path)
    same(done.returncode, 125)
    inside("to replace it, give --force", done.stderr)
    same(open(S.path("home/.var/app/org.debian.tty/config/once")).read(), "changed")
    same(S.run("import", "--force", "tty", path).returncode, 0)
    same(open(S.path("home/.var/app/org.debian.tty/config/once")).read(), "new")
    same(os.listdir(S.path("home/.var/app/org.debian.tty/config")), ["once"])


def import_follows_no_link_of_the_app():
    """Root cause 1: the app owns its home and may have put links there."""
    victim = S.path("home/victim")
    os.makedirs(victim, exist_ok=True)
    path = S.write("home/.config/trap", "x")
    app = S.path("home/.var/app/org.debian.sync")
    os.makedirs(app)
    os.symlink(victim, app + "/config")
    done = S.run("import", "sync", path)
    same(done.returncode, 125)
    same(os.listdir(victim), [])
    os.rename(app, S.path("home/real"))
    os.symlink(S.path("home/real"), app)
    same(S.run("import", "sync", path).returncode, 125)
    os.unlink(app)


def import_takes_no_key_by_a_link():
    S.write("home/.ssh/id", "KEY\n")
    S.write("home/dotfiles/prog/rc", "rc\n")
    for link, target in (("Mail/in", "../.ssh"), ("Mail/key", "../.ssh/id"), (".config/linked", "../dotfiles/prog")):
        path = S.path("home/" + link)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)
    for word in ("Mail/in/id", "Mail/in", "Mail/key"):
        done = S.run("import", "xcalc", word, cwd=S.home)
        same(done.returncode, 125, done)
        inside("is a symbolic link, which leads to", done.stderr)
    same(S.run("import", "xcalc", ".config/linked", cwd=S.home).returncode, 0)
    with open(os.path.join(S.home, ".var/app/org.debian.xcalc/config/linked/rc"), encoding="utf-8") as f:
        same(f.read(), "rc\n")


def import_refuses_too_much():
    for path in (S.home, S.home + "/.config", S.home + "/.local", S.home + "/.local/share",
                 S.home + "/.var", S.home + "/.var/app", S.home + "/.var/app/org.debian.id",
                 "/etc/passwd", S.home + "/.config/../.ssh", S.home + "/nowhere"):
        os.makedirs(S.home + "/.local/share", exist_ok=True)
        done = S.run("import", "true", path)
        same(done.returncode, 125, path)
        assert len(done.stderr.splitlines()) <= 2, done.stderr


def nest(path, depth):
    fd = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)


def a_failed_import_leaves_nothing():
    S.write("home/.config/half/a", "a")
    nest(S.path("home/.config/half"), 300)  # deeper than anybody needs, and than we follow
    done = S.run("import", "yes", S.home + "/.config/half")
    same(done.returncode, 125)
    inside("folders too deep in each other", done.stderr)
    same(os.listdir(S.path("home/.var/app/org.debian.yes/config")), [])
    subprocess.run(["rm", "-rf", S.home + "/.config/half"], check=True)


def reset_asks_and_deletes():
    S.run("run", "head", "-c0", "/dev/null")
    home = S.path("home/.var/app/org.debian.head")
    S.write("home/.var/app/org.debian.head/data/f", "x" * 5000)
    outside = S.write("home/outside/kept", "kept")
    os.symlink(os.path.dirname(outside), home + "/link")
    locked = home + "/data/locked"
    os.makedirs(locked + "/inner")
    os.chmod(locked, 0)
    for answer in ("n\n", "\n", "", "no way\n", "yesterday\n"):
        done = S.run("reset", "head", input=answer)
        same(done.returncode, 125, repr(answer))
        inside("[y/N]", done.stderr)
        inside("KiB", done.stderr)
        assert os.path.exists(home + "/data/f")
        os.chmod(locked, 0)
    done = S.run("reset", "org.debian.head", input="y\n")
    same(done.returncode, 0, done.stderr)
    assert not os.path.lexists(home)
    same(open(outside).read(), "kept")
    done = S.run("reset", "--yes", "head")
    same(done.returncode, 0)
    inside("nothing to do", done.stderr)


def reset_follows_no_link():
    victim = S.write("home/precious/f", "f")
    link = S.path("home/.var/app/org.debian.tail")
    os.symlink(os.path.dirname(victim), link)
    same(S.run("reset", "--yes", "tail").returncode, 125)
    assert os.path.exists(victim)
    os.unlink(link)


def reset_is_not_kept_from_its_work_by_depth():
    home = S.path("home/.var/app/org.debian.wc")
    os.makedirs(home)
    nest(home, 3000)
    done = S.run("reset", "wc", input="y\n")
    same(done.returncode, 0, done.stderr)
    assert not os.path.lexists(home)


def reset_takes_read_only_folders_too():
    """As Go's modules are, on all levels, also where it is too deep to be walked. Root may write there anyhow."""
    home = S.path("home/.var/app/org.debian.nl")
    S.write("home/.var/app/org.debian.nl/go/pkg/mod/f", "f")
    nest(home + "/go/pkg", 300)
    for folder, _, _ in os.walk(home + "/go", topdown=False):
        os.chmod(folder, 0o500)
    done = S.run("reset", "--yes", "nl")
    same(done.returncode, 0, done.stderr)
    assert not os.path.lexists(home)
    S.write("home/.config/locked/a/f", "f")
    S.write("home/.config/locked/b", "b")
    os.chmod(S.path("home/.config/locked/b"), 0)
    os.chmod(S.path("home/.config/locked/a"), 0o500)
    if not os.access(S.path("home/.config/locked/b"), os.R_OK):
        same(S.run("import", "nl", S.home + "/.config/locked").returncode, 125)
        same(os.listdir(home + "/config"), [], "half an import")
    os.chmod(S.path("home/.config/locked/a"), 0o700)
    S.run("reset", "--yes", "nl")


def reset_waits_for_the_app_to_end():
    app = subprocess.Popen([S.carrel, "run", "sleep", "60"], env=S.env(), cwd=S.home,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 20
        while True:
            done = S.run("reset", "sleep", input="n\n")
            if "is running" in done.stderr:
                break
            assert time.monotonic() < end, done.stderr
            time.sleep(0.1)
        same(done.returncode, 125)
        assert os.path.isdir(S.path("home/.var/app/org.debian.sleep"))
    finally:
        app.kill()
        app.wait()
    end = time.monotonic() + 20
    while S.run("reset", "--yes", "sleep").returncode != 0:
        assert time.monotonic() < end, "still said to be running"
        time.sleep(0.1)


# ---- doctor ----

SWITCHES = {
    "proc/sys/kernel/osrelease": ("6.1.0-18-amd64", {"5.10.0": "kernel", "3.2": "kernel"}),
    "proc/sys/user/max_user_namespaces": ("15000", {"0": "userns-max", "1": "userns-max"}),
    "proc/sys/kernel/unprivileged_userns_clone": ("1", {"0": "userns-clone"}),
    "proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("0", {"1": "userns-apparmor"}),
    "proc/sys/kernel/seccomp/actions_avail": ("kill_process trap errno trace log allow", {None: "seccomp"}),
    "proc/self/ns/user": ("", {None: "userns"}),
}


def doctor_names_each_switch_and_its_remedy():
    def host():
        for name, (value, _) in SWITCHES.items():
            S.write("host/" + name, value + "\n")
        S.write("host/proc/filesystems", "nodev\toverlay\n")
        S.write("host/proc/self/mountinfo", "1 1 0:1 / / rw - tmpfs x rw\n")
        S.write("host/sys/kernel/security/lsm", "lockdown,landlock\n")

    def look():
        done = S.run("doctor", "--json", "--root=" + S.path("host"))
        findings = {f["id"]: f for f in json.loads(done.stdout)}
        return done.returncode, {k for k, f in findings.items() if f["health"] == "bad"}, findings
    host()
    same(look()[:2], (0, set()))
    for name, (_, wrong) in SWITCHES.items():
        for value, check in wrong.items():
            host()
            if value is None:
                os.unlink(S.path("host/" + name))
            else:
                S.write("host/" + name, value + "\n")
            code, bad, findings = look()
            same((code, bad), (1, {check}), f"{name}={value}")
            assert findings[check]["remedy"], findings[check]
            text = S.run("doctor", "--root=" + S.path("host"))
            same(text.returncode, 1)
            inside("remedy: " + findings[check]["remedy"], text.stdout)
    host()
    S.write("host/proc/self/mountinfo", "1 1 0:1 / / rw - tmpfs x rw\n2 1 0:2 / /proc/kcore rw - tmpfs x rw\n")
    same(look()[2]["proc"]["health"], "weak")
    S.write("host/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    same(look()[2]["lockdown"]["state"], "integrity")
    S.write("host/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c", b"\6\0\0\0\1")
    same(look()[2]["secure-boot"]["state"], "on")


def doctor_tells_who_makes_control_groups():
    uid, top = os.getuid(), "groups/sys/fs/cgroup"
    users = f"{top}/user.slice/user-{uid}.slice/user@{uid}.service"

    def groups(*paths, kinds="cpu io memory pids"):
        for path in paths:
            for name, text in (("controllers", kinds), ("subtree_control", ""), ("procs", ""), ("type", "domain")):
                S.write(f"{path}/cgroup.{name}", text + "\n" if text else "")

    def look(health, *says, remedy=None, environment=None):
        env = S.env(XDG_RUNTIME_DIR="/run/user/7") if environment is None else environment
        done = S.run("doctor", "--json", "--root=" + S.path("groups"), env=env)
        found = {f["id"]: f for f in json.loads(done.stdout)}["control-groups"]
        same(found["health"], health, str(found))
        for part in says:
            inside(part, found["state"] + "|" + found.get("meaning", ""))
        if remedy:
            inside(remedy, found["remedy"])
        else:
            same(found.get("remedy"), None)
    os.makedirs(S.path("groups"))
    look("info", "none of version 2", "does not start", remedy="unified_cgroup_hierarchy=1")
    # Version 1 in the first place, and 2 without anything to limit beside it.
    groups(f"{top}/unified", kinds="")
    look("info", "none of version 2", remedy="cgroup_no_v1=all")
    shutil.rmtree(S.path(f"{top}/unified"))
    # Not in it: its group lies outside. Then it is, and one folder is the person's.
    groups(top, f"{top}/mine", f"{top}/mine/shell")
    S.write("groups/proc/self/cgroup", "0::/../elsewhere\n")
    look("info", "none that are yours", remedy=f"chown -R {uid}")
    S.write("groups/proc/self/cgroup", "0::/mine/shell\n")
    look("good", "a part of the tree is yours, /sys/fs/cgroup", ": cpu io memory pids")
    groups(top, f"{top}/mine", f"{top}/mine/shell", kinds="memory pids")
    look("info", "a part of the tree is yours", ": memory pids", "cannot be limited: cpu, cpu-weight, io-weight", remedy="subtree_control")
    # The person's systemd, first with a folder of one's own to stand in for it, then alone.
    S.write("groups/run/user/7/systemd/private", "")
    look("good", "by your systemd, else /sys/fs/cgroup")
    groups(users, kinds="cpu memory pids")
    look("info", "by your systemd, else", ": cpu memory pids", "cannot be limited: io-weight", remedy="Delegate=cpu io memory pids")
    S.write("groups/proc/self/cgroup", "0::/../elsewhere\n")
    look("info", "by your systemd:", ": cpu memory pids", remedy="user@.service.d")
    groups(users)
    look("good", "by your systemd: cpu io memory pids")
    look("info", "none that are yours", remedy="libpam-systemd", environment=S.env())


def doctor_finds_this_host_able():
    done = S.run("doctor")
    if done.returncode != 0:
        raise Skip("this host cannot run apps: " + done.stdout)
    inside("Nothing that is needed is missing.", done.stdout)
    same(S.run("run", "true").returncode, 0)


TESTS = [
    wrong_words_get_one_message_with_a_hint, help_is_there_for_every_command,
    options_behind_the_app_belong_to_it, exit_codes_and_signals_pass_through,
    one_line_says_that_there_is_no_policy, warnings_are_told_with_verbose,
    a_fault_in_a_policy_stops_the_start, permissions_come_from_the_command_line,
    documents_are_granted_where_the_policy_says_so, no_link_of_the_app_leads_to_a_document,
    a_document_that_is_more_than_that_is_told_of, programs_of_ones_own_run_with_homes_of_their_own,
    desktop_files_can_be_run, a_policy_given_by_hand_names_its_app, a_program_that_is_not_installed_is_told_with_its_package,
    the_tree_can_be_moved,
    an_incomplete_tree_is_refused, closed_and_leaked_descriptors_do_no_harm,
    json_is_one_line, output_that_nobody_gets_is_told_of, nothing_of_the_caller_s_environment_gets_in,
    a_folder_out_of_sight_is_told_of, plan_prints_what_run_carries_out, explain_tells_why,
    faults_of_the_host_are_told_with_what_to_do, explain_sees_a_whole_bus_anywhere,
    list_shows_each_app_with_its_names,
    check_finds_faults, check_takes_an_app_by_its_name, check_finds_what_no_start_would_take, every_shipped_policy_is_free_of_errors, import_copies_exactly,
    import_knows_the_places, import_overwrites_only_when_told, import_follows_no_link_of_the_app,
    import_takes_no_key_by_a_link, import_refuses_too_much, a_failed_import_leaves_nothing, reset_asks_and_deletes,
    reset_follows_no_link, reset_is_not_kept_from_its_work_by_depth, reset_takes_read_only_folders_too, reset_waits_for_the_app_to_end, doctor_names_each_switch_and_its_remedy,
    doctor_tells_who_makes_control_groups,
    doctor_finds_this_host_able,
]

if __name__ == "__main__":
    only = sys.argv[3:]
    for test in TESTS:
        if not only or test.__name__ in only:
            tap.run(test)
    S.close()
    sys.exit(tap.done())
