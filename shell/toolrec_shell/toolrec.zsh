# toolrec for zsh: what you type after `#` is answered while you type it. docs/zsh.md is its manual.
#
# A request is one short connection to the daemon's socket, made and read by zsh itself: no process is
# started, nothing is waited for. All is functions; only the last lines act, and no `return` stands at
# the top, where it would end the start-up file that says `eval "$(toolrec init zsh)"`.

# The only place that reads settings. It runs at each prompt; keys count when this file is sourced.
__toolrec_settings() {
  builtin emulate -L zsh
  typeset -g __toolrec_trigger=${TOOLREC_TRIGGER:-'#'}    # what a line to be answered starts with
  typeset -g __toolrec_style=${TOOLREC_HIGHLIGHT:-'fg=8'} # of the ghost text, in the words of region_highlight
  typeset -g __toolrec_keep=${TOOLREC_HISTORY:-}          # 1: an accepted question stays in history, as a comment
  typeset -g __toolrec_off=${TOOLREC_OFF:-}               # 1: do nothing
  typeset -g __toolrec_path=${TOOLREC_SOCKET:-}
  typeset -ga __toolrec_take_keys __toolrec_list_keys
  __toolrec_take_keys=(${=TOOLREC_ACCEPT_KEY:-right ctrl-]})
  __toolrec_list_keys=(${=TOOLREC_LIST_KEY:-alt-/})
  [[ ${(L)__toolrec_keep} != (0|false|no|off) ]] || __toolrec_keep=
  [[ ${(L)__toolrec_off} != (0|false|no|off) ]] || __toolrec_off=
  [[ -n $__toolrec_path ]] || __toolrec_find_socket
}

# The socket's path follows from the home directory and the uid alone, as in the client's wire.py.
__toolrec_find_socket() {
  builtin emulate -L zsh -o no_multibyte -o extended_glob
  local home=${HOME%%/##} c
  local -i sum=0x811C9DC5 i
  home=${home:-/}
  __toolrec_path=$home/.local/state/toolrec/toolrecd.sock
  (( $#__toolrec_path > 103 )) || return 0 # all that a socket's address holds on every system
  for (( i = 1; i <= $#home; i++ )) {
    c=$home[i]
    (( sum = ((sum ^ #c) * 0x01000193) & 0xFFFFFFFF ))
  }
  __toolrec_path=/tmp/toolrec-$UID-${(l:8::0:)${(L)$(( [##16] sum ))}}/toolrecd.sock
}

# ---------------------------------------------------------------- the line

# Does the line ask something? A single line that starts with the trigger does; REPLY is then the question.
__toolrec_is_question() {
  builtin emulate -L zsh -o extended_glob
  [[ -z $__toolrec_off && $CONTEXT == start && $BUFFER == "$__toolrec_trigger"* && $BUFFER != *$'\n'* ]] || return 1
  REPLY=${${${BUFFER#"$__toolrec_trigger"}##[[:space:]]##}%%[[:space:]]##}
}

# Before each redraw: has the line changed? The first test is all that other lines pay.
__toolrec_redraw() {
  builtin emulate -L zsh
  [[ -n $__toolrec_seen || $BUFFER == "$__toolrec_trigger"* ]] || return 0
  if [[ $BUFFER == "$__toolrec_seen" ]]; then
    __toolrec_again
    return 0
  fi
  __toolrec_hide
  __toolrec_seen=
  local REPLY
  if (( ${ISEARCHMATCH_ACTIVE:-0} )) || ! __toolrec_is_question || [[ -z $REPLY ]] || (( $#REPLY > 2000 )); then
    __toolrec_close
  elif (( ! PENDING && ! ${KEYS_QUEUED_COUNT:-0} )); then
    __toolrec_ask "$REPLY"
  fi
  return 0
}

# One request at a time: while it waits for its first answer the line may change; that line is asked about then.
__toolrec_ask() {
  if [[ -n $__toolrec_fd ]]; then
    (( __toolrec_answered || EPOCHREALTIME - __toolrec_since > __toolrec_patience )) || return 0
    __toolrec_close
  fi
  __toolrec_seen=$BUFFER
  # The second test: the clock may have been put back.
  (( EPOCHREALTIME >= __toolrec_quiet || EPOCHREALTIME < __toolrec_quiet - 60 )) || return 0
  __toolrec_send typing "$1" && builtin zle -Fw $__toolrec_fd __toolrec_reply
}

# The answer to the line as it was asked about is shown; if the line has changed since, it is asked about now.
__toolrec_reply() {
  builtin emulate -L zsh
  if [[ $1 != "$__toolrec_fd" ]]; then
    builtin zle -F $1
    return 0
  fi
  __toolrec_receive "${2-}"
  while __toolrec_frame; do
    [[ $BUFFER != "$__toolrec_seen" ]] || __toolrec_show
    (( ! __toolrec_got[final] )) || __toolrec_close
  done
  if [[ $BUFFER != "$__toolrec_seen" ]]; then
    __toolrec_redraw
  fi
  return 0
}

# ---------------------------------------------------------------- what is shown

__toolrec_show() {
  local hint=${__toolrec_got[hint]-}
  __toolrec_hide
  # The daemon sends it inert; but other plugins accept any ghost text into the line, so this is made sure of.
  hint=${hint//[\`\$\\|&;<>()\{\}\[\]*?!~#\'\"^%=[:cntrl:]]/ }
  if [[ -n ${hint// } ]]; then
    __toolrec_ghost="  $hint"
    __toolrec_insert=${__toolrec_got[insert]//[[:cntrl:]]/ }
    __toolrec_below=${__toolrec_got[below]//[[:cntrl:]]/ }
    POSTDISPLAY=$__toolrec_ghost
    __toolrec_mark
  fi
  __toolrec_paint
}

# The status line is a part of what zsh draws: it goes with the next redraw, with Enter and with Ctrl-C.
__toolrec_paint() {
  __toolrec_cursor=$CURSOR
  if [[ -n $__toolrec_below ]]; then
    builtin zle -R -- "  $__toolrec_below"
  else
    builtin zle -R
  fi
}

__toolrec_hide() {
  # zsh-autosuggestions shortens ghost text from the left when it begins with what was typed.
  [[ -z $__toolrec_ghost || -z $POSTDISPLAY || $__toolrec_ghost != *"$POSTDISPLAY" ]] || POSTDISPLAY=
  __toolrec_unmark
  __toolrec_ghost= __toolrec_insert= __toolrec_below=
}

__toolrec_is_shown() {
  builtin emulate -L zsh
  [[ -n $__toolrec_insert && $BUFFER == "$__toolrec_seen" && $POSTDISPLAY == "$__toolrec_ghost" ]]
}

# zsh before 5.9 takes `memo=` for a part of the style. What zsh made of the entry is read back.
__toolrec_mark() {
  region_highlight+=("$#BUFFER $(( $#BUFFER + $#POSTDISPLAY )) $__toolrec_style$__toolrec_memo")
  __toolrec_entry=$region_highlight[-1]
}

__toolrec_unmark() {
  [[ -n $__toolrec_entry ]] || return 0
  region_highlight=("${(@)region_highlight:#$__toolrec_entry}")
  __toolrec_entry=
}

# The line is redrawn unchanged. Others may have dropped our colour, and a redraw drops what stands below.
__toolrec_again() {
  [[ -n $__toolrec_ghost && $POSTDISPLAY == "$__toolrec_ghost" ]] || return 0
  __toolrec_unmark
  __toolrec_mark
  if (( CURSOR != __toolrec_cursor && ! ${ISEARCHMATCH_ACTIVE:-0} )) && [[ -z $__toolrec_later ]]; then
    # It can be put back after this redraw only: by the handler of a descriptor that is ready at once.
    builtin sysopen -r -o cloexec -u __toolrec_later /dev/null 2>/dev/null || return 0
    builtin zle -Fw $__toolrec_later __toolrec_repaint
  fi
}

__toolrec_repaint() {
  builtin emulate -L zsh
  builtin zle -F $1
  [[ $1 == "$__toolrec_later" ]] || return 0
  __toolrec_forget __toolrec_later
  ! __toolrec_is_shown || __toolrec_paint
}

# ---------------------------------------------------------------- the connection

# Connect and send; $1 is the mode, $2 the question. Fails, and says nothing, where nobody listens.
__toolrec_send() {
  builtin emulate -L zsh -o no_multibyte
  local REPLY low frame
  # What is asked is for this user's own daemon. zsh would cut a path that is too long, and ask another.
  [[ -S $__toolrec_path && -O $__toolrec_path && ! -h $__toolrec_path ]] && (( $#__toolrec_path <= 103 )) || return 1
  builtin zsocket $__toolrec_path 2>/dev/null || return 1
  # Scripts choose low descriptors by their number.
  low=$REPLY
  builtin exec {__toolrec_fd}<>&$low {low}>&-
  __toolrec_in= __toolrec_answered=0 __toolrec_since=$EPOCHREALTIME
  (( ++__toolrec_seq ))
  frame=$'\x89\xa1v\x01\xa2op\xa7suggest\xa5shell\xa3zsh'
  frame+=$'\xa4mode' && __toolrec_text $1
  frame+=$'\xa5query' && __toolrec_text $2
  frame+=$'\xa4path' && __toolrec_text $PATH
  frame+=$'\xa7session' && __toolrec_text $__toolrec_session
  __toolrec_bytes 4 $__toolrec_seq
  frame+=$'\xa3seq\xce'$REPLY$'\xa2id\xce'$REPLY
  __toolrec_bytes 4 $#frame
  builtin syswrite -o $__toolrec_fd -- $REPLY$frame 2>/dev/null && return 0
  __toolrec_missed
  return 1
}

# Add a string to the frame being made.
__toolrec_text() {
  __toolrec_bytes 2 $#1
  frame+=$'\xda'$REPLY$1
}

# The number $2 as $1 bytes, the high one first, into REPLY.
__toolrec_bytes() {
  local -i shift
  REPLY=
  for (( shift = 8 * ($1 - 1); shift >= 0; shift -= 8 )) { REPLY+=${(#):-$(( $2 >> shift & 255 ))} }
}

# Take in what has come; $1 is what `zle -F` has to say about the connection, or the seconds to wait with -t.
__toolrec_receive() {
  builtin emulate -L zsh -o no_multibyte
  local part
  local -i status_ wait_first=1
  while builtin sysread -i $__toolrec_fd -t 0 part 2>/dev/null; do
    __toolrec_in+=$part
    (( $#__toolrec_in <= 1048576 )) || break
  done
}
