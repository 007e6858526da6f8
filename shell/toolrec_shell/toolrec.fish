# toolrec for fish: a key asks about the line you are on. docs/zsh.md has the keys and settings in common.
#
# fish takes suggestions from nobody, so nothing happens as you type. The first press of the key (Alt-/)
# shows the recommendations above the line; each further one puts the next invocation on it, and after the
# last the question comes back. All is functions; only the last lines act.

# One press of the key.
function __toolrec_key
    set -l line (commandline -b | string collect)
    if set -q TOOLREC_OFF; and test -n "$TOOLREC_OFF" -a "$TOOLREC_OFF" != 0
        return 0
    end
    test -n (string trim -- "$line" | string collect --allow-empty); or return 0
    if test -n "$__toolrec_placed" -a "$line" = "$__toolrec_placed"
        __toolrec_next
    else
        __toolrec_ask $line
    end
    return 0
end

# Show what the daemon recommends for a line, and remember the invocations.
function __toolrec_ask --argument-names line
    set -g __toolrec_choices
    set -g __toolrec_at 1
    set -g __toolrec_placed
    type -q toolrec; or return 0
    echo
    if set -q fish_private_mode; and test -n "$fish_private_mode"
        echo 'toolrec: this is a private session, so nothing is asked'
        commandline -f repaint
        return 0
    end
    set -l trigger '#'
    set -q TOOLREC_TRIGGER; and test -n "$TOOLREC_TRIGGER"; and set trigger $TOOLREC_TRIGGER
    set -l question $line
    if test (string sub -l (string length -- $trigger) -- $line) = $trigger
        set question (string sub -s (math (string length -- $trigger) + 1) -- $line)
    end
    set -l answer (TOOLREC_SHELL=fish command toolrec suggest -- $question 2>/dev/null)
    if test $status -ne 0
        echo 'toolrec: no answer; see: toolrecd doctor'
    else
        __toolrec_print $answer
        set -a __toolrec_choices $line
        set __toolrec_placed $line
    end
    commandline -f repaint
end

# Print an answer, numbered. Two lines a tool, the second its invocation; a note in brackets may follow.
function __toolrec_print
    set -l number 0
    set -l example no
    for text in $argv
        if test $example = yes
            set -a __toolrec_choices (string trim --left -- $text)
            echo "    $text"
            set example no
        else if string match -q '*]  *' -- $text
            set number (math $number + 1)
            echo "$number.  $text"
            set example yes
        else
            echo $text
        end
    end
end

# Put the next invocation on the line, the cursor on its first {placeholder}.
function __toolrec_next
    set -l choice $__toolrec_choices[$__toolrec_at]
    test -n "$choice"; or return 0
    commandline -r -- $choice
    set -l before (string match -r '^(.*?)\{[a-z][a-z0-9_-]*\}' -- $choice)
    set -q before[2]; and commandline -C (string length -- "$before[2]")
    set __toolrec_placed $choice
    set __toolrec_at (math "$__toolrec_at % "(count $__toolrec_choices)" + 1")
end

# Do something for each of the list's keys, named as in all shells or in fish's notation.
function __toolrec_keys --argument-names action
    set -l keys alt-/
    set -q TOOLREC_LIST_KEY; and test -n "$TOOLREC_LIST_KEY"; and set keys (string split ' ' -- $TOOLREC_LIST_KEY)
    for key in $keys
        set -l sequence $key
        switch (string lower -- $key)
            case 'ctrl-?'
                set sequence (printf '\\\\c%s' (string sub -s -1 -- $key) | string unescape)
            case 'alt-?'
                set sequence \e(string sub -s -1 -- $key)
        end
        for mode in default insert
            if test $action = bind
                bind -M $mode $sequence __toolrec_key 2>/dev/null
            else
                bind -M $mode --erase $sequence 2>/dev/null
            end
        end
    end
    return 0
end

# Leave the running shell as it was: `toolrec uninit fish | source` calls this.
function __toolrec_uninit
    __toolrec_keys erase
    set -e __toolrec_choices
    set -e __toolrec_at
    set -e __toolrec_placed
    functions -e __toolrec_key __toolrec_ask __toolrec_print __toolrec_next __toolrec_keys __toolrec_uninit
end

if status is-interactive
    set -g __toolrec_choices
    set -g __toolrec_at 1
    set -g __toolrec_placed
    __toolrec_keys bind
end
