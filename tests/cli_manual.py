#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command, option and verb stands in its manual page, and nothing else does; the completion
offers them.      cli_manual.py CARREL SOURCE"""
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Skip, Tap  # noqa: E402

CARREL, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
tap = Tap()
WORDS = subprocess.run([CARREL, "--words"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
COMMANDS = [w for w in WORDS if " " not in w]
# For plan and explain the permissions stand in the manual of run.
SHARED = {"plan", "explain"}


def page(name):
    with open(os.path.join(SOURCE, "doc", name + ".scd"), encoding="utf-8") as f:
        return f.read()


def described(text):
    return set(re.findall(r"\*--([a-z0-9][a-z0-9-]*)\*", text))


def options(command, flatpak):
    rows = [w.split() for w in WORDS if w.startswith(command + " --")]
    return {r[1][2:].rstrip("=") for r in rows if (r[-1] == "flatpak") == flatpak}


def faults(command, text):
    """Options without a description, and descriptions without an option."""
    need = options(command, False) | (options(command, True) if command not in SHARED else {"command"})
    known = options(command, False) | options(command, True) | {w for c in COMMANDS for w in options(c, False)}
    found = described(text)
    return sorted(need - found), sorted(found - known)


def every_option_stands_in_its_manual():
    assert len(COMMANDS) == 22, COMMANDS
    for command in COMMANDS:
        text = page(f"carrel-{command}.1")
        assert faults(command, text) == ([], []), (command, faults(command, text))
        assert f"carrel-{command} - " in text and f"*carrel {command}*" in text, command


def a_missing_or_an_invented_option_would_be_found():
    text = page("carrel-run.1")
    assert faults("run", text.replace("*--verbose*", "")) == (["verbose"], [])
    assert faults("run", text + "*--invented*") == ([], ["invented"])


def every_command_stands_in_the_first_page():
    text = page("carrel.1")
    for command in COMMANDS:
        assert f"\n*{command}*" in text and f"*carrel-{command}*(1)" in text, command


def readme(text=None):
    """Commands without a row in the table of the first file that anybody reads; rows without a command."""
    if text is None:
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as f:
            text = f.read()
    told = set(re.findall(r"`carrel ([a-z]+)", "\n".join(re.findall(r"^\|.*$", text, re.M))))
    named = set(re.findall(r"`carrel ([a-z]+)", text))
    return sorted(set(COMMANDS) - told), sorted(named - set(COMMANDS))


def every_command_stands_in_the_readme_s_table():
    assert readme() == ([], []), readme()
    assert readme("| `carrel run APP` | |\n`carrel frob`, `carrel ps`") == (sorted(set(COMMANDS) - {"run"}), ["frob"])


def every_verb_stands_in_the_plan_s_page():
    with open(os.path.join(SOURCE, "src/plan/verbs.h"), encoding="utf-8") as f:
        verbs = re.findall(r'\n    V\([A-Z_]+, "([a-z-]+)"', f.read())
    text = page("carrel-plan.5")
    assert len(verbs) > 20
    for verb in verbs:
        assert re.search(rf"(^|, )\*{verb}\* ", text, re.M), verb
    for line in re.findall(r"^\*.*$", text, re.M):
        for verb in re.findall(r"(?:^|, )\*([a-z-]+)\* _", line):
            assert verb in verbs, verb


def summaries_agree():
    top = subprocess.run([CARREL, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for command in COMMANDS:
        summary = re.search(rf"^  {command} +(.*)$", top, re.M).group(1)
        said = re.search(rf"carrel-{command} - (.*)", page(f"carrel-{command}.1")).group(1)
        assert summary.startswith(said) or said.startswith(summary), (summary, said)


def complete(shell_line, empty=False, program=None):
    words = shell_line.split() + ([""] if empty else [])
    script = (f'source "{SOURCE}/data/completion/carrel.bash"; COMP_WORDS=("$@"); '
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _carrel; printf "%s\\n" "${COMPREPLY[@]}"')
    words[0] = program or CARREL
    out = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], stdout=subprocess.PIPE, text=True,
                         stderr=subprocess.PIPE, check=True)
    assert not out.stderr, out.stderr
    return out.stdout.split("\n")[:-1]


def bash_completes_commands_and_options():
    assert set(COMMANDS) <= set(complete("carrel", True))
    assert complete("carrel exp") == ["explain"]
    assert "network" in complete("carrel explain firefox net")
    for command in COMMANDS:
        offered = set(complete(f"carrel {command} --"))
        want = {w.split()[1] for w in WORDS if w.startswith(command + " --")}
        assert offered == want, (command, offered ^ want)
    assert complete("carrel run --nofile") == ["--nofilesystem="]
    assert "--json" not in complete("carrel run xterm --j"), "behind the app options are the app's"


def an_app_s_home(folder):
    """A home whose person has a policy for org.example.Zebra, which both shells shall offer."""
    policies = os.path.join(folder, ".config/carrel/policies")
    os.makedirs(policies)
    with open(os.path.join(policies, "org.example.Zebra.policy"), "w", encoding="utf-8") as f:
        f.write("[Application]\nname=org.example.Zebra\ncommand=/usr/bin/true\n")
    return {"HOME": folder, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TERM": "dumb"}


def bash_completes_app_names():
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(an_app_s_home(folder))
        assert "org.example.Zebra" in complete("carrel run org.example.Z")
        assert "org.example.Zebra" not in complete("carrel run org.example.Zebra org.example.Z")


def bash_completes_values_and_operands():
    """As readline has it: --OPTION=VALUE comes as three words."""
    assert complete("carrel run --socket = way") == ["wayland"]
    assert {"nested", "headless", "none", "shared"} <= set(complete("carrel plan --x11 =")), complete("carrel plan --x11 =")
    assert complete("carrel run --tty = al") == ["always"]
    assert set(complete("carrel kill --signal =")) >= {"TERM", "KILL", "STOP"}
    for name in complete("carrel kill --signal ="):
        said = subprocess.run([CARREL, "kill", f"--signal={name}", "org.example.Nobody"], stderr=subprocess.PIPE, text=True)
        assert "signal" not in said.stderr, said
    assert complete("carrel desktop", True) == ["enable", "disable", "status"]
    assert complete("carrel clip org.example.App", True) == ["in", "out"]
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(an_app_s_home(folder))
        offered = complete("carrel run", True)
        assert "org.example.Zebra" in offered and "sed" not in offered and len(offered) < 1000, len(offered)
        assert "org.example.Zebra" in complete("carrel desktop enable org.example.Z")
        program = os.path.join(folder, "carrel")
        with open(program, "w", encoding="utf-8") as f:
            f.write(f'#!/bin/sh\n[ "$1" = ps ] || exec {CARREL} "$@"\n'
                    "printf 'INSTANCE  APP\\n4711  org.example.Running  9\\n'\n")
        os.chmod(program, 0o755)
        for command in ("enter", "kill", "clip", "attach", "detach", "limit", "grant", "revoke", "ps"):
            assert complete(f"carrel {command}", True, program) == ["4711", "org.example.Running"], command
        assert complete("carrel kill org.ex", program=program) == ["org.example.Running"]
        assert "org.example.Zebra" in complete("carrel grant org.example.Z", program=program), "not running"


def zsh_line(typed, env):
    """What zsh makes of a line when Tab is pressed behind it."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], env)
    seen = ""

    def send(text):
        os.write(terminal, text.encode())

    def until(pattern):
        nonlocal seen
        end = time.monotonic() + 60
        while not re.search(pattern, seen):
            assert time.monotonic() < end, (pattern, seen)
            if select.select([terminal], [], [], 0.2)[0]:
                seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(terminal, 4096).decode(errors="replace"))
        return seen

    try:
        send(f"fpath=({SOURCE}/data/completion $fpath); path=({os.path.dirname(CARREL)} $path); unsetopt beep; "
             "autoload -Uz compinit; compinit -u -D; PS1=; print rea''dy\n")
        until("\nready\r")
        seen = ""
        # The line is taken out of the editor by a widget that prints it: nothing is guessed from the screen.
        send("show() { print -r -- \"<<$BUFFER>>\"; BUFFER= }; zle -N show; bindkey '^X' show; print do''ne\n")
        until("\ndone\r")
        seen = ""
        send(typed + "\t\x18")
        return re.search("<<(.*)>>", until("<<.*>>")).group(1)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def zsh_completes_commands_options_and_apps():
    if not shutil.which("zsh"):
        raise Skip("no zsh")
    with tempfile.TemporaryDirectory() as folder:
        env = an_app_s_home(folder)
        for typed, want in (("carrel exp", "carrel explain "),
                            ("carrel run --nofile", "carrel run --nofilesystem="),
                            ("carrel run org.example.Z", "carrel run org.example.Zebra "),
                            ("carrel kill --sig", "carrel kill --signal="),
                            ("carrel kill --signal=HU", "carrel kill --signal=HUP "),
                            ("carrel run --socket=way", "carrel run --socket=wayland "),
                            ("carrel desktop en", "carrel desktop enable "),
                            ("carrel desktop enable org.example.Z", "carrel desktop enable org.example.Zebra "),
                            ("carrel frob", "carrel frob")):
            assert zsh_line(typed, env) == want, (typed, zsh_line(typed, env))


for test in (every_option_stands_in_its_manual, a_missing_or_an_invented_option_would_be_found,
             every_command_stands_in_the_first_page, every_command_stands_in_the_readme_s_table,
             every_verb_stands_in_the_plan_s_page, summaries_agree,
             bash_completes_commands_and_options, bash_completes_app_names, bash_completes_values_and_operands, zsh_completes_commands_options_and_apps):
    tap.run(test)
sys.exit(tap.done())
