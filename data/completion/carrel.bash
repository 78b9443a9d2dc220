# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of carrel for bash. What it offers comes from the program itself (carrel --words), so
# it never lags behind.

_carrel_app_at() { # sets app to the index of the first operand of COMP_WORDS, or to -1
    local i
    app=-1
    for ((i = 2; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -* || ${COMP_WORDS[i]} == = || ${COMP_WORDS[i - 1]} == = ]] && continue
        app=$i
        return
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

_carrel() {
    local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} carrel=${COMP_WORDS[0]} app
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        _carrel_offer < <("$carrel" --words 2> /dev/null | grep -v ' '; printf '%s\n' help --help --version)
        return
    fi
    _carrel_app_at
    case $command:$app:$cur in
    run:-1:-* | plan:-1:-* | [!rp]*:*:-* | reset:*:-* | revoke:*:-* | ps:*:-* | permissions:*:-*)
        _carrel_offer < <("$carrel" --words 2> /dev/null | sed -n "s/^$command \(--[^ ]*\).*/\1/p")
        [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace 2> /dev/null
        ;;
    run:-1:* | plan:-1:* | explain:-1:* | import:-1:* | reset:-1:* | grant:-1:*)
        _carrel_offer < <({ _carrel_apps; compgen -c -- "$cur"; compgen -f -- "$cur"; } | sort -u)
        ;;
    run:* | plan:*)
        # The app's own arguments.
        compopt -o default 2> /dev/null
        ;;
    *)
        compopt -o filenames 2> /dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        ;;
    esac
}

complete -F _carrel carrel
