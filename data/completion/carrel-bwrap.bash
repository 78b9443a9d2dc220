# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of carrel-bwrap for bash. The options come from the program itself (--help).

_carrel_bwrap() {
    local cur=${COMP_WORDS[COMP_CWORD]} bwrap=${COMP_WORDS[0]}
    COMPREPLY=()
    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$("$bwrap" --help 2> /dev/null | grep -oE '^    --[a-z0-9-]+')" -- "$cur")
    else
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur"; compgen -c -- "$cur")
    fi
}

complete -F _carrel_bwrap carrel-bwrap
