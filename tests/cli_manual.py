#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command, option and verb stands in its manual page, and nothing else does; the completion
offers them.      cli_manual.py CARREL SOURCE"""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import Tap  # noqa: E402

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
    assert len(COMMANDS) == 16, COMMANDS
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


def complete(shell_line, empty=False):
    words = shell_line.split() + ([""] if empty else [])
    script = (f'source "{SOURCE}/data/completion/carrel.bash"; COMP_WORDS=("$@"); '
              'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _carrel; printf "%s\\n" "${COMPREPLY[@]}"')
    words[0] = CARREL
    out = subprocess.run(["bash", "--norc", "-c", script, "bash", *words], stdout=subprocess.PIPE, text=True,
                         stderr=subprocess.PIPE, check=True)
    assert not out.stderr, out.stderr
    return out.stdout.split("\n")[:-1]


def bash_completes_commands_and_options():
    assert set(COMMANDS) <= set(complete("carrel", True))
    assert complete("carrel exp") == ["explain"]
    for command in COMMANDS:
        offered = set(complete(f"carrel {command} --"))
        want = {w.split()[1] for w in WORDS if w.startswith(command + " --")}
        assert offered == want, (command, offered ^ want)
    assert complete("carrel run --nofile") == ["--nofilesystem="]
    assert "--json" not in complete("carrel run xterm --j"), "behind the app options are the app's"


def zsh_accepts_the_completion():
    try:
        done = subprocess.run(["zsh", "-n", f"{SOURCE}/data/completion/_carrel"], stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        # Not needed to build or to run: only what zsh itself would say is left unchecked.
        with open(f"{SOURCE}/data/completion/_carrel", encoding="utf-8") as f:
            assert f.readline() == "#compdef carrel\n"
        return
    assert done.returncode == 0, done.stderr


for test in (every_option_stands_in_its_manual, a_missing_or_an_invented_option_would_be_found,
             every_command_stands_in_the_first_page, every_verb_stands_in_the_plan_s_page, summaries_agree,
             bash_completes_commands_and_options, zsh_accepts_the_completion):
    tap.run(test)
sys.exit(tap.done())
