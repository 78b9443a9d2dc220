# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of carrel for bash. What it offers comes from the program itself (carrel --words), so
# it never lags behind: commands, "COMMAND --OPTION", "COMMAND =OPTION VALUE", and "COMMAND :N KIND"
# for what operand N may be, where ":N+" can be said again.

# Sets operand to the number of the operand at the cursor; the app's own arguments are none of ours.
_carrel_count() {
    local i
    operand=0
    for ((i = 2; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]] || ((operand++))
    done
}

# Adds the lines of standard input that begin with the word. Not by compgen -W, which would expand
# what a policy file calls an app.
_carrel_offer() {
    local line
    while IFS= read -r line; do
        [[ $line == "$cur"* ]] && COMPREPLY+=("$line")
    done
}

_carrel_apps() {
    "$carrel" list 2> /dev/null | sed -E 's/ +[a-z,]+( +|$)/, /; s/, $//' | tr -d ' ' | tr , '\n'
}

_carrel_running() {
    "$carrel" ps 2> /dev/null | sed -nE '2,$s/^([^ ]+) +([^ ]+).*/\2\n\1/p' | sort -u
}

_carrel_files() {
    compopt -o filenames 2> /dev/null
    mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$cur")
}

# What the operand at the cursor may be.
_carrel_operand() {
    local kinds
    kinds=$(sed -nE "s/^$command :$operand\+? //p" <<< "$words")
    [[ $kinds ]] || kinds=$(sed -nE "s/^$command :[0-9]+\+ //p" <<< "$words")
    _carrel_offer < <(grep '^[a-z]' <<< "$kinds")
    case $kinds in
    *INSTANCE*) _carrel_offer < <(_carrel_running) ;;&
    *APP*) ((${#COMPREPLY[@]})) || _carrel_offer < <(_carrel_apps) ;;&
    *PATH* | *FILE* | *ARGUMENT*) _carrel_files ;;&
    *COMMAND*) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;&
    *) [[ $kinds ]] || _carrel_files ;;
    esac
    # A program by its name or path, once there is something to go by.
    if [[ $operand == 0 && $cur && $command == @(run|plan|explain) ]]; then
        mapfile -t COMPREPLY < <({ printf '%s\n' "${COMPREPLY[@]}"; compgen -c -- "$cur"; compgen -f -- "$cur"; } |
            grep . | sort -u)
    fi
}

_carrel() {
    local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} option=
    local command=${COMP_WORDS[1]} carrel=${COMP_WORDS[0]} operand words
    COMPREPLY=()
    words=$("$carrel" --words 2> /dev/null)
    if ((COMP_CWORD == 1)); then
        _carrel_offer < <(grep -v ' ' <<< "$words"; printf '%s\n' help --help --version)
        return
    fi
    _carrel_count
    if [[ $operand != 0 && $command == @(run|plan) ]]; then
        compopt -o default 2> /dev/null
        return
    fi
    # bash takes --OPTION=VALUE for three words.
    if [[ $cur == = && $before == --* ]]; then
        option=${before#--} cur=
    elif [[ $before == = ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]#--}
    fi
    if [[ $option ]]; then
        _carrel_offer < <(sed -n "s/^$command =$option //p" <<< "$words")
        ((${#COMPREPLY[@]})) || _carrel_files
    elif [[ $cur == -* ]]; then
        _carrel_offer < <(sed -n "s/^$command \(--[^ ]*\).*/\1/p" <<< "$words")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2> /dev/null
    else
        _carrel_operand
    fi
}

complete -F _carrel carrel
