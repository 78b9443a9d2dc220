#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Homes, names and hosts that are not as usual, and what is said of them.

    cli_host.py BUILD POLICIES [TEST...]
"""
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cli_lib import Stage, inside, same  # noqa: E402
from tap import Tap  # noqa: E402

S = Stage(*sys.argv[1:3])
tap = Tap()


def listed(**more):
    """An environment with a registry of running apps, without which each run has a note more."""
    os.makedirs(S.path("listed"), 0o700, exist_ok=True)
    return S.env(XDG_RUNTIME_DIR=S.path("listed"), **more)


def refused(done, says, hint):
    same((done.returncode, done.stdout), (125, ""), done)
    same(done.stderr, f"carrel: error: {says}\n  hint: {hint}\n")


# ---- homes ----

def a_home_that_cannot_be_meant_is_refused():
    """Not passed over for the one in /etc/passwd, with other policies and files in it."""
    hint = 'write it from the root on, without ".."'
    for home in (S.home + "/../home", "home", "./home", ".."):
        for words in (("run", "true"), ("plan", "true"), ("list",), ("ps",), ("reset", "--yes", "true")):
            refused(S.run(*words, env=listed(HOME=home)), f'HOME="{home}" cannot be used', hint)
    same(S.run("run", "true", env=listed(HOME=S.home + "/./")).returncode, 0)
    same(S.run("run", "true", env=listed(HOME="/nowhere")).returncode, 125)
    if os.getuid() != 0:
        refused(S.run("run", "true", env=listed(HOME="/")), "the home folder / is not yours", "set HOME to your home folder")


def a_link_to_nowhere_is_no_place_for_an_app_s_home():
    for link, place in ((".var", ""), (".var/app", ""), (".var/app/org.debian.true", " is a symbolic link")):
        home = S.path("linked")
        os.makedirs(os.path.dirname(os.path.join(home, link)), exist_ok=True)
        os.symlink(S.path("nowhere"), os.path.join(home, link))
        done = S.run("run", "true", env=listed(HOME=home))
        if place:  # whatever it leads to
            inside(f"the app's home {home}/{link} is a symbolic link", done.stderr)
        else:
            refused(done, f"{home}/{link}, where the app's home lies, is a link to a folder that is not there",
                    "make that folder, or take the link away")
        os.unlink(os.path.join(home, link))
    os.rmdir(S.path("linked/.var/app"))
    os.makedirs(S.path("elsewhere"))
    os.symlink(S.path("elsewhere"), S.path("linked/.var/app"))
    same(S.run("run", "true", env=listed(HOME=S.path("linked"))).returncode, 0)
    assert os.path.isdir(S.path("elsewhere/org.debian.true")), "no home"


# ---- names ----

def an_id_without_a_policy_can_be_typed():
    """As carrel ps, the notes and the folders in ~/.var/app show it."""
    tool = S.write("home/bin/a tool", "#!/bin/sh\necho \"$0 $HOME\"\n", 0o755)
    said = S.run("run", tool).stdout
    ident = os.path.basename(said.strip())
    assert ident.startswith("local."), said
    same(S.run("run", ident).stdout, said)
    same(S.run("run", "org.debian.printf", "%s", "x").stdout, "x")
    same(S.run("new", "--print", "org.debian.printf").stdout, S.run("new", "--print", "printf").stdout)
    policy = S.write("home/.config/carrel/policies/org.debian.printf.policy", "[Context]\nshared=ipc;\n")
    same(S.run("run", "org.debian.printf", "%s", "x", env=listed()).stderr, "")
    same(S.run("run", "org.debian.printf", "%s", "x").stdout, "x")
    os.unlink(policy)


# ---- what is typed ----

def an_option_without_effect_is_told_of_at_the_start():
    """Warnings about files wait for carrel check; what was typed just now is no file."""
    args = S.write("args", "--filesystem=~/*.pdf\n")
    policy = S.write("home/star.policy", "[Context]\nfilesystems=~/*.pdf;\n")
    words = 'command line, argument 3: warning: "~/*.pdf": patterns have no meaning'
    inside(words, S.run("run", "--policy=" + policy, "--filesystem=~/*.pdf", "true", env=listed()).stderr)
    for option in ("--policy=" + policy, "--finish-args-from=" + args):
        done = S.run("run", "--policy=" + policy, option, "true", env=listed())
        same((done.returncode, done.stderr), (0, ""), option)


# ---- limits of the caller ----

def a_table_of_descriptors_that_is_too_small_is_told_of():
    """Whatever number is the first that cannot be had: one line, with what to do, and nothing is left behind."""
    started, registry = 0, os.path.join(S.path("listed"), ".flatpak")

    def gone(most):  # a supervisor may just be ending
        end = time.monotonic() + 20
        while os.path.isdir(registry) and os.listdir(registry):
            assert time.monotonic() < end, (most, os.listdir(registry))
            time.sleep(0.02)
    for most in range(4, 40):
        done = S.run("run", "--policy=" + S.write("empty.policy", ""), "echo", "x", env=listed(),
                     preexec_fn=lambda most=most: resource.setrlimit(resource.RLIMIT_NOFILE, (most, most)))
        if done.returncode == 0:
            started += 1
            same(done.stdout, "x\n")
            continue
        same(done.returncode, 125, most)
        assert 1 <= done.stderr.count("\n") <= 2, (most, done.stderr)
        inside("raise the limit of open files", done.stderr)
        gone(most)
    assert 0 < started < 36, started


def other_limits_that_are_too_small_are_told_of():
    """A limit of the size of files holds for memory files too, and its signal would end the start without a word."""
    def limited(kind, most, *words):
        return S.run("run", "--policy=" + S.write("empty.policy", ""), *words, env=listed(),
                     preexec_fn=lambda: resource.setrlimit(kind, (most, most)))
    refused(limited(resource.RLIMIT_FSIZE, 100, "true"), "cannot hand over the plan: File too large",
            "raise the limit of the size of files: ulimit -f")
    done = limited(resource.RLIMIT_FSIZE, 1 << 20, "grep", "SigIgn", "/proc/self/status")
    same((done.stdout, done.stderr), ("SigIgn:\t0000000000000000\n", ""))
    done = limited(resource.RLIMIT_FSIZE, 1 << 20, "sh", "-c", "head -c 2M /dev/zero > big; echo $?")
    same(done.stdout, f"{128 + signal.SIGXFSZ}\n", "the app's own writes end as ever")


# ---- files of the person's ----

def a_folder_that_cannot_be_made_is_told_of_by_its_line():
    """Not by a line of the plan; nothing is started, and check knows it too."""
    hint = "have it made by who may, or take :create away: the app runs without it then"
    closed = S.path("home/closed")
    os.mkdir(closed)
    os.chmod(closed, 0o500)
    file = S.write("home/file", "")
    for place, why in ((closed + "/a/b", f"you may not make it in {closed}"), (file + "/a", f"{file} is no folder"), ("/new", "you may not make it in /")):
        policy = S.write("home/create.policy", f"[Context]\nfilesystems={place}:create;\n")
        if os.geteuid() == 0 and "may not" in why:
            continue  # root may
        done = S.run("run", "--policy=" + policy, "true", env=listed())
        same((done.returncode, done.stderr), (125, f"{policy}:2:13: error: filesystems={place}:create: {place} is not there, and {why}\n  hint: {hint}\n"))
    os.chmod(closed, 0o700)
    policy = S.write("home/create.policy", f"[Context]\nfilesystems={closed}/a/b:create;\n")
    done = S.run("run", "--policy=" + policy, "sh", "-c", f"echo x > {closed}/a/b/c", env=listed())
    same((done.returncode, done.stderr), (0, ""))
    assert os.path.exists(closed + "/a/b/c")


USER = "home/.config/carrel/policies"


def grants_for_ever_of_the_same_moment_are_all_written():
    paths = [S.write(f"home/many/{i}", "") for i in range(16)]
    running = [subprocess.Popen([S.carrel, "grant", "--always", "xterm", path], env=listed()) for path in paths]
    same([p.wait(60) for p in running], [0] * len(paths))
    with open(S.path(USER + "/org.debian.xterm.policy"), encoding="utf-8") as f:
        text = f.read()
    same([path for path in paths if f"{path}:ro;" not in text], [], text)
    os.unlink(S.path(USER + "/org.debian.xterm.policy"))


def a_policy_that_is_a_link_stays_one():
    """As with those who keep their settings in a repository."""
    kept, link, path = S.write("home/dots/xterm", "[Context]\n"), S.path(USER + "/org.debian.xterm.policy"), S.write("home/f", "")
    os.makedirs(os.path.dirname(link), exist_ok=True)
    os.symlink(kept, link)
    same(S.run("grant", "--always", "xterm", path, env=listed()).returncode, 0)
    same(os.readlink(link), kept)
    with open(kept, encoding="utf-8") as f:
        inside(f"filesystems={path}:ro;", f.read())
    same(os.listdir(S.path("home/dots")), ["xterm"])
    os.unlink(link)


def a_policy_that_is_no_file_ends_the_start():
    """At once, and told as what it is: a FIFO would wait for ever for somebody to write it."""
    place = S.path(USER + "/org.debian.true.policy")
    for make, says in ((os.mkfifo, "not an ordinary file"), (os.mkdir, "Is a directory"),
                       (lambda path: os.symlink("/nowhere", path), "No such file or directory"),
                       (lambda path: os.symlink(path, path), "")):  # each C library has its words
        make(place)
        done = S.run("run", "true", env=listed())
        same((done.returncode, done.stdout), (125, ""), says)
        inside(f"{place}: error: cannot read the policy: {says}", done.stderr)
        (os.rmdir if os.path.isdir(place) and not os.path.islink(place) else os.unlink)(place)


def a_full_disk_leaves_no_half_files():
    """A limit on the size of files, of one byte, ends each write as a full disk does."""
    path = S.write("home/f", "")
    for words in (("new", "printf"), ("grant", "--always", "xterm", path)):
        done = S.run(*words, env=listed(), preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                                                 resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))))
        same(done.returncode, 125, words)
        inside("cannot write " + S.path(USER), done.stderr)
        same(os.listdir(S.path(USER)), [], words)


def a_file_that_is_yet_to_be_made_is_told_of():
    """An editor started with its name would keep it in the app's own home, or lose it with its /tmp."""
    policy = S.write("home/edit.policy", "[Carrel Application]\ndocuments=rw\n")
    folder = os.path.dirname(S.write("home/texts/there.txt", ""))
    edit = ("run", "--policy=" + policy)
    for words, path in (((folder + "/new",), folder + "/new"), (("texts/new.txt",), folder + "/new.txt"),
                        (("new.txt",), S.home + "/new.txt"), (("/tmp/new.txt",), "/tmp/new.txt")):
        done = S.run(*edit, "true", *words, env=listed(HOME=S.home), cwd=S.home)
        same(done.stderr, f"carrel: note: {path} is not there, and the app cannot make it there\n"
                          f"  hint: make it first (touch), or: --filesystem={os.path.dirname(path)}\n")
    for words in (("texts/there.txt",), ("5",), ("-x.y",), ("http://a.b/c.d",), ("nowhere/new.txt",), ("s/a/b c/",), ("A=b.c",)):
        same(S.run(*edit, "true", *words, env=listed(HOME=S.home), cwd=S.home).stderr, "", words)
    for options in (("--filesystem=" + folder,), ("--metadata=Carrel Application=documents=ro",)):
        same(S.run(*edit, *options, "true", folder + "/new", env=listed(HOME=S.home)).stderr, "", options)


def a_pipe_is_shown_with_its_folder():
    """By itself it stays out, so the note must not say that granting it would help; what the note says does."""
    folder = os.path.dirname(S.write("home/pipes/there.txt", ""))
    os.mkfifo(folder + "/pipe")
    policy = S.write("empty.policy", "")
    done = S.run("run", "--policy=" + policy, "test", "-p", folder + "/pipe", env=listed())
    same((done.returncode, done.stderr), (1, f"carrel: note: {folder}/pipe is out of the app's sight\n"
                                             "  hint: a pipe is shown with the folder that it lies in: --filesystem=FOLDER\n"))
    same(S.run("run", "--policy=" + policy, "--filesystem=" + folder, "test", "-p", folder + "/pipe", env=listed()).returncode, 0)


def an_address_with_a_nul_names_no_file():
    """What stands before it is another file."""
    policy, path = S.write("home/edit.policy", "[Carrel Application]\ndocuments=ro\n"), S.write("home/texts/key", "KEY\n")
    show = ("run", "--policy=" + policy, "sh", "-c", f"cat {path}", "sh")
    same(S.run(*show, f"file://{path}").stdout, "KEY\n")
    same(S.run(*show, f"file://{path}%00.txt").stdout, "")


def doctor_looks_at_the_folders_of_the_person():
    def row(name, **env):
        return {f["id"]: f for f in json.loads(S.run("doctor", "--json", env=S.env(**env)).stdout)}[name]
    runtime = listed()["XDG_RUNTIME_DIR"]
    same((row("runtime", XDG_RUNTIME_DIR=runtime)["health"], row("runtime", XDG_RUNTIME_DIR=runtime)["state"]), ("good", runtime))
    open_to_all = S.path("open-run")
    os.mkdir(open_to_all)
    for env, state in (({}, "$XDG_RUNTIME_DIR is not set"), ({"XDG_RUNTIME_DIR": "/nowhere"}, "/nowhere is no folder of yours alone"),
                       ({"XDG_RUNTIME_DIR": open_to_all}, f"{open_to_all} is no folder of yours alone")):
        told = row("runtime", **env)
        same((told["health"], told["state"]), ("weak", state))
        inside("set XDG_RUNTIME_DIR", told["remedy"])
    told = row("home", HOME="/nowhere")
    same((told["health"], told["remedy"]), ("bad", "set HOME to your home folder"))


def explain_says_what_a_word_is_taken_for():
    words = listed()
    refused(S.run("explain", "true", "", env=words), "the path is empty", "write the path of a file or folder")
    S.write("home/network", "")
    for word in ("network", "internet"):
        same(S.run("explain", "true", word, env=words).stdout.partition("\n")[0], "org.debian.true: network")
    inside(S.home + "/network: not visible", S.run("explain", "true", "./network", env=words).stdout)
    inside(S.home + "/netw: not visible", S.run("explain", "true", "netw", env=words).stdout)
    os.unlink(S.path("home/network"))
    gone = S.path("gone")
    os.mkdir(gone)
    done = S.run("explain", "true", "x", env=words, cwd=gone, preexec_fn=lambda: os.rmdir(gone))
    refused(done, 'cannot tell which file "x" is: the current folder is gone', "write the path from the root on")


def topics_are_told_by_the_policy_s_lines():
    """What is allowed, by which line; what is not; and what would change it, which then does."""
    folder = os.path.dirname(S.write("home/topics/f", ""))
    policy = S.write("home/topic.policy", f"[Context]\nshared=network;\nfilesystems={folder}:ro;!{folder}/f;\n"
                     "[Environment]\nTOPIC=1\n[Carrel Sandbox]\nmax-processes=77\nnested-sandbox=userns\n"
                     "[Carrel Ask]\nat-start=devices;microphone;\n")

    def told(topic, *options):
        answer = json.loads(S.run("explain", "--json", "--policy=" + policy, *options, "true", topic, env=listed()).stdout)
        same(sorted(answer), sorted(["app", "topic", "lines", "allow", "deny", "policy_lines", "policy_file"]))
        same(answer["policy_file"], S.home + "/.config/carrel/policies/org.debian.true.policy")
        return {(line["state"], line["what"]): line.get("why") for line in answer["lines"]}

    def state(topic, what, *options):
        return [(s, why) for (s, w), why in told(topic, *options).items() if what in w]
    same(state("network", "other computers"), [("allowed", f"{policy}:2: shared=network")])
    same(state("network", "other computers", "--unshare=network"), [("denied", "command line, argument 4: shared=!network")])
    same(state("home", folder + ": read"), [("allowed", f"{policy}:3: filesystems={folder}:ro")])
    same(state("files", folder + "/f"), [("denied", f"{policy}:3: filesystems=!{folder}/f")])
    same(state("home", folder + ": read", "--nofilesystem=" + folder), [])
    same(state("environment", "TOPIC=1"), [("allowed", f"{policy}:5: environment=TOPIC")])
    same(state("limits", "nproc"), [("allowed", f"{policy}:7: max-processes=77")])
    same(state("kernel", "sandboxes"), [("allowed", f"{policy}:8: nested-sandbox=userns")])
    same(state("kernel", "sandboxes", "--metadata=Carrel Sandbox=nested-sandbox=none")[0][0], "denied")
    same(state("devices", "you are asked"), [("asked", f"{policy}:10: at-start=devices;microphone;")])
    same([s for s, _ in state("devices", "all others")], [])
    same([s for s, _ in state("devices", "all others", "--metadata=Carrel Ask=at-start=")], ["denied"])
    same([s for s, _ in state("devices", "", "--device=all", "--metadata=Carrel Ask=at-start=")], ["allowed", "allowed"])
    same(state("home", "/.config/carrel", "--filesystem=home"), [("denied", "base: no app writes policies")])
    same(state("home", S.home + ": ", "--filesystem=home:ro"), [("allowed", "command line, argument 4: filesystems=home:ro")])
    same(state("camera", "none"), [("denied", None)])
    same(state("camera", "every camera", "--device=all"), [("allowed", "command line, argument 4: devices=all")])
    same([s for s, _ in state("microphone", "you are asked")], ["asked"])
    text = S.run("explain", "--policy=" + policy, "true", "network", env=listed()).stdout
    for part in (f"  allowed     other computers, and what listens on this one, as you reach them\n              by {policy}:2: shared=network\n",
                 "  to deny     --unshare=network\n", "  for good    [Context] shared=network; or shared=!network;\n"):
        inside(part, text)


def topics_tell_of_the_rules_of_a_bus():
    """The names that a filter lets through, each by its line; and the whole bus as what it is."""
    runtime = listed()["XDG_RUNTIME_DIR"]
    with socket.socket(socket.AF_UNIX) as bus:
        path = os.path.join(runtime, "bus")
        bus.bind(path)
        try:
            policy = S.write("home/bus.policy", "[Session Bus Policy]\n# Why.\norg.example.Talk.*=talk\norg.example.No=none\n")
            env = listed(DBUS_SESSION_BUS_ADDRESS="unix:path=" + path)

            def lines(*options):
                done = S.run("explain", "--json", *options, "true", "bus", env=env)
                return [(x["state"], x["what"], x.get("why")) for x in json.loads(done.stdout)["lines"]]
            told = lines("--policy=" + policy)
            inside(("allowed", "session bus: talk to org.example.Talk.*", policy + ":3"), told)
            inside(("denied", "session bus: talk to org.example.No", policy + ":4"), told)
            inside(("denied", "session bus: all other names", None), told)
            inside(("denied", "system bus: nothing of it", None), told)
            whole = lines("--socket=session-bus")
            inside(("allowed", "session bus: all of it, with every service that trusts you", "command line, argument 3: sockets=session-bus"), whole)
            os.unlink(path)
            same([w for s, w, _ in lines("--policy=" + policy) if "ession" in w], ["Session Bus Policy"])
        finally:
            if os.path.exists(path):
                os.unlink(path)


TESTS = [
    a_pipe_is_shown_with_its_folder,
    a_folder_that_cannot_be_made_is_told_of_by_its_line,
    other_limits_that_are_too_small_are_told_of, topics_are_told_by_the_policy_s_lines, topics_tell_of_the_rules_of_a_bus,
    a_home_that_cannot_be_meant_is_refused, a_link_to_nowhere_is_no_place_for_an_app_s_home,
    an_id_without_a_policy_can_be_typed, an_option_without_effect_is_told_of_at_the_start,
    a_table_of_descriptors_that_is_too_small_is_told_of, grants_for_ever_of_the_same_moment_are_all_written,
    a_policy_that_is_a_link_stays_one, a_policy_that_is_no_file_ends_the_start, a_full_disk_leaves_no_half_files,
    doctor_looks_at_the_folders_of_the_person, explain_says_what_a_word_is_taken_for, a_file_that_is_yet_to_be_made_is_told_of, an_address_with_a_nul_names_no_file,
]

if __name__ == "__main__":
    only = sys.argv[3:]
    for test in TESTS:
        if not only or test.__name__ in only:
            tap.run(test)
    S.close()
    sys.exit(tap.done())
