# shellcheck shell=bash
# toolrec for bash: a key asks about the line you are on. docs/zsh.md has the keys and settings in common.
#
# Readline cannot be drawn on while it waits, so nothing happens as you type. The first press of the key
# (Alt-/) shows the recommendations above the line; each further one puts the next invocation on it, and
# after the last the question comes back. All is functions; only the last lines act.

# One press of the key. Nothing in here may fail: with `set -e` that would end the shell.
__toolrec_key() {
    local line=${READLINE_LINE-}
    if [[ -n ${TOOLREC_OFF-} && ${TOOLREC_OFF-} != 0 ]] || [[ -z ${line//[[:space:]]/} ]]; then
        return 0
    fi
    if [[ -n ${__toolrec_placed-} && $line == "$__toolrec_placed" ]]; then
        __toolrec_next
    else
        __toolrec_ask "$line"
    fi
    return 0
}

# Show what the daemon recommends for the line $1, and remember the invocations.
__toolrec_ask() {
    local trigger=${TOOLREC_TRIGGER:-#} answer='' text='' example='' number=0
    local question=${1#"$trigger"}
    __toolrec_choices=() __toolrec_at=0 __toolrec_placed=
    command -v toolrec >/dev/null || return 0
    if ! answer=$(TOOLREC_SHELL=bash command toolrec suggest -- "$question" 2>/dev/null); then
        printf '%s\n' 'toolrec: no answer; see: toolrecd doctor'
        return 0
    fi
    # Two lines a tool, the second its invocation; a note in brackets may follow.
    while IFS= read -r text; do
        if [[ -n $example ]]; then
            example=''
            __toolrec_choices+=("${text#"${text%%[![:space:]]*}"}")
            printf '    %s\n' "$text"
        elif [[ $text == *']  '* ]]; then
            example=next number=$((number + 1))
            printf '%s.  %s\n' "$number" "$text"
        else
            printf '%s\n' "$text"
        fi
    done <<<"$answer"
    __toolrec_choices+=("$1")
    __toolrec_placed=$1
    return 0
}

# Put the next invocation on the line, the cursor on its first {placeholder}.
__toolrec_next() {
    local choice=${__toolrec_choices[__toolrec_at]-}
    [[ -n $choice ]] || return 0
    local before=$choice
    if [[ $choice =~ ^([^{]|\{[^a-z])*\{[a-z][a-z0-9_-]*\} ]]; then
        before=${BASH_REMATCH[0]%\{*}
    fi
    READLINE_LINE=$choice READLINE_POINT=${#before}
    __toolrec_placed=$choice
    __toolrec_at=$(((__toolrec_at + 1) % ${#__toolrec_choices[@]}))
}

# Do $1 (bind or unbind) for each of the list's keys, named as in all shells or in readline's notation.
__toolrec_keys() {
    local key map sequence
    for key in ${TOOLREC_LIST_KEY:-alt-/}; do
        for map in emacs vi-insert; do
            case $key in
                [cC][tT][rR][lL]-?) sequence="\\C-${key: -1}" ;;
                # In vi's keymap that is Esc and another key, which means something.
                [aA][lL][tT]-?)
                    [[ $map == emacs ]] || continue
                    sequence="\\e${key: -1}"
                    ;;
                *) sequence=$key ;;
            esac
            "__toolrec_$1" "$map" "$sequence" || :
        done
    done 2>/dev/null
}

__toolrec_bind() {
    bind -m "$1" -x "\"$2\": __toolrec_key"
}

__toolrec_unbind() {
    bind -m "$1" -r "$2"
    # What readline has there by itself.
    [[ $2 != '\e/' ]] || bind -m "$1" '"\e/": complete-filename'
}

# Leave the running shell as it was: `eval "$(toolrec uninit bash)"` calls this.
__toolrec_uninit() {
    __toolrec_keys unbind
    unset __toolrec_choices __toolrec_at __toolrec_placed
    unset -f __toolrec_key __toolrec_ask __toolrec_next __toolrec_keys __toolrec_bind __toolrec_unbind __toolrec_uninit
}

if [[ $- == *i* ]] && [[ -t 0 ]]; then
    __toolrec_choices=() __toolrec_at=0 __toolrec_placed=
    __toolrec_keys bind
fi
