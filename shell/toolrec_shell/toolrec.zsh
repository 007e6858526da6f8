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
  typeset -g __toolrec_no_start=${TOOLREC_NO_START:-}     # 1: an absent daemon is not started when the list is wanted
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
  for (( i = 1; i <= $#home; i++ )); do
    c=$home[i]
    (( sum = ((sum ^ #c) * 0x01000193) & 0xFFFFFFFF ))
  done
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
  __toolrec_alive=1
  [[ -n $__toolrec_seen$__toolrec_fd || $BUFFER == "$__toolrec_trigger"* ]] || return 0
  if [[ -n $__toolrec_seen && $BUFFER == "$__toolrec_seen" ]]; then
    __toolrec_again
    return 0
  fi
  __toolrec_hide
  __toolrec_seen=
  local REPLY
  if (( __toolrec_searching )) || ! __toolrec_is_question || [[ -z $REPLY ]] || (( $#REPLY > 2000 )); then
    __toolrec_close
  # An answer would come between two Tabs, and the second would complete anew instead of going on.
  elif (( ! PENDING && ! ${KEYS_QUEUED_COUNT:-0} )) && [[ ${LASTWIDGET-} != (*complet*|menu-*) ]]; then
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
  __toolrec_between
  local -i here=1 fresh=0
  __toolrec_receive 0 || here=0
  while __toolrec_frame; do
    fresh=1
    (( ! ${__toolrec_got[final]:-0} )) || __toolrec_close
  done
  (( here )) || __toolrec_fail
  (( ! fresh )) || [[ $BUFFER != "$__toolrec_seen" ]] || __toolrec_show
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
  fi
  __toolrec_paint
}

# The status line is a part of what zsh draws: it goes with the next redraw, with Enter and with Ctrl-C.
__toolrec_paint() {
  __toolrec_cursor=$CURSOR
  __toolrec_unmark
  [[ -z $__toolrec_ghost ]] || __toolrec_mark
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

# zsh before 5.9 takes `memo=` for a part of the style; there, what it made of the entry is read back.
__toolrec_mark() {
  region_highlight+=("$#BUFFER $(( $#BUFFER + $#POSTDISPLAY )) $__toolrec_style$__toolrec_memo")
  __toolrec_entry='*memo=toolrec'
  [[ -n $__toolrec_memo ]] || __toolrec_entry=${(b)region_highlight[-1]}
}

__toolrec_unmark() {
  [[ -n $__toolrec_entry ]] || return 0
  region_highlight=("${(@)region_highlight:#$~__toolrec_entry}")
  __toolrec_entry=
}

# The line is redrawn unchanged. Others may have dropped our colour, and a redraw drops what stands below.
__toolrec_again() {
  [[ -n $__toolrec_ghost && $POSTDISPLAY == "$__toolrec_ghost" ]] || return 0
  __toolrec_unmark
  __toolrec_mark
  if (( CURSOR != __toolrec_cursor )) && [[ -z $__toolrec_later ]]; then
    # It can be put back after this redraw only: by the handler of a descriptor that is ready at once.
    builtin sysopen -r -o cloexec -u __toolrec_later /dev/null 2>/dev/null || return 0
    builtin zle -Fw $__toolrec_later __toolrec_repaint
  fi
}

__toolrec_repaint() {
  builtin emulate -L zsh
  __toolrec_between
  builtin zle -F $1
  [[ $1 == "$__toolrec_later" ]] || return 0
  __toolrec_forget __toolrec_later
  ! __toolrec_is_shown || __toolrec_paint
}

# A handler counts as a command: without this a kill would not join the one before it, nor yank-pop work.
__toolrec_between() {
  [[ ${LASTWIDGET-} == *__toolrec_* ]] || __toolrec_last=${LASTWIDGET-}
  case $__toolrec_last in
    *kill*) builtin zle -f kill ;;
    *yank*) builtin zle -f yank ;;
  esac
}

# ---------------------------------------------------------------- the connection

# Connect and send; $1 is the mode, $2 the question. Fails, and says nothing, where nobody listens.
__toolrec_send() {
  builtin emulate -L zsh -o no_multibyte
  local REPLY low frame
  local -a reply
  # What is asked is for this user's own daemon. zsh would cut a path that is too long, and ask another.
  [[ -S $__toolrec_path && -O $__toolrec_path && ! -h $__toolrec_path ]] && (( $#__toolrec_path <= 103 )) || return 1
  builtin zsocket $__toolrec_path 2>/dev/null || return 1
  # Scripts choose low descriptors by their number. Read here, for with ignore_braces, when this file was
  # read, `{…}` would be the name of a program, and `exec` would end the shell.
  low=$REPLY
  builtin eval 'builtin exec {__toolrec_fd}>&$low {low}>&-'
  __toolrec_in= __toolrec_answered=0 __toolrec_since=$EPOCHREALTIME
  (( ++__toolrec_seq ))
  if [[ $PATH != "$__toolrec_sent" ]]; then
    __toolrec_sent=$PATH
    __toolrec_text $PATH $__toolrec_session
    __toolrec_head=$'\x89\xa1v\x01\xa2op\xa7suggest\xa5shell\xa3zsh\xa4path'$reply[1]$'\xa7session'$reply[2]
  fi
  __toolrec_text $1 $2
  __toolrec_bytes $__toolrec_seq
  frame=$__toolrec_head$'\xa4mode'$reply[1]$'\xa5query'$reply[2]$'\xa3seq\xce'$REPLY$'\xa2id\xce'$REPLY
  __toolrec_bytes $#frame
  builtin syswrite -o $__toolrec_fd -- $REPLY$frame && return 0
  __toolrec_fail
  return 1
}

# The strings given, as msgpack has them, into reply.
__toolrec_text() {
  local text
  reply=()
  for text in "$@"; do reply+=($'\xda'${(#):-$(( $#text >> 8 & 255 ))}${(#):-$(( $#text & 255 ))}$text); done
}

# The number $1 as four bytes, the high one first, into REPLY.
__toolrec_bytes() {
  REPLY=${(#):-$(( $1 >> 24 & 255 ))}${(#):-$(( $1 >> 16 & 255 ))}
  REPLY+=${(#):-$(( $1 >> 8 & 255 ))}${(#):-$(( $1 & 255 ))}
}

# Wait up to $1 seconds and take in all that has come. Fails when the daemon has hung up.
__toolrec_receive() {
  builtin emulate -L zsh -o no_multibyte
  local part wait=$1
  local -i code=0
  while (( ! code )); do
    builtin sysread -i $__toolrec_fd -t $wait part
    code=$?
    (( code )) || __toolrec_in+=$part wait=0
  done
  # 4: nothing more yet. A signal, such as that of the window's new size, is no hang-up either.
  (( code == 4 )) || [[ $code == 2 && ${errnos[ERRNO]-} == EINTR ]]
}

# Take a frame off what has come, into __toolrec_got. Fails where there is none, or none to be used.
__toolrec_frame() {
  builtin emulate -L zsh -o no_multibyte
  local data=${__toolrec_in[1,4]}
  local -i at=1 length
  (( $#data == 4 )) || return 1
  __toolrec_number 4
  length=REPLY
  if (( length > 1048576 )); then
    __toolrec_fail
    return 1
  fi
  (( $#__toolrec_in >= length + 4 )) || return 1
  data=${__toolrec_in[5,length + 4]} at=1
  __toolrec_in=${__toolrec_in[length + 5,-1]}
  __toolrec_got=()
  if ! __toolrec_value '' || [[ ${__toolrec_got[v]-} != 1 || ${__toolrec_got[id]-} != $__toolrec_seq ||
    -n ${__toolrec_got[code]-} ]]; then
    __toolrec_got=()
    __toolrec_fail
    return 1
  fi
  __toolrec_answered=1 __toolrec_missed=0 __toolrec_rest=5
}

# Read the msgpack value at $data[at], under the name $1; what it holds as $1.KEY or $1.NUMBER.
__toolrec_value() {
  local c=$data[at] REPLY
  local -i b=#c
  (( at <= $#data )) || return 1
  (( ++at ))
  case ${(l:2::0:)$(( [##16] b ))} in
    [0-7]?) __toolrec_got[$1]=$b ;;
    8?) __toolrec_map "$1" $(( b & 15 )) ;;
    9?) __toolrec_array "$1" $(( b & 15 )) ;;
    [AB]?) __toolrec_string "$1" $(( b & 31 )) ;;
    E?|F?) __toolrec_got[$1]=$(( b - 256 )) ;;
    C0) __toolrec_got[$1]= ;;
    C[23]) __toolrec_got[$1]=$(( b & 1 )) ;;
    C[456]) __toolrec_number $(( 1 << (b & 3) )) && __toolrec_string "$1" $REPLY ;;
    CA|CB) (( at += b == 0xCA ? 4 : 8 )) ;; # numbers with a fraction are of no use here
    C[C-F]|D[0-3]) __toolrec_number $(( 1 << (b & 3) )) && __toolrec_got[$1]=$REPLY ;;
    D9|DA|DB) __toolrec_number $(( 1 << (b - 0xD9) )) && __toolrec_string "$1" $REPLY ;;
    DC|DD) __toolrec_number $(( 2 << (b & 1) )) && __toolrec_array "$1" $REPLY ;;
    DE|DF) __toolrec_number $(( 2 << (b & 1) )) && __toolrec_map "$1" $REPLY ;;
    *) return 1 ;;
  esac
}

# The $2 pairs of a map. What nearly all of them are is read here: calls would take longer than all else.
__toolrec_map() {
  local c key
  local -i i
  local -i 10 n # else it would be written in the base of 0xA0
  for (( i = 0; i < $2; i++ )); do
    c=$data[at]
    (( n = #c - 0xA0, n >= 0 && n < 32 )) || return 1 # the name is a short string
    key=${1:+$1.}${data[at + 1,at + n]}
    c=${data[at + n + 1]}
    (( at += n + 1, n = #c ))
    if (( n >= 0xA0 && n < 0xC0 )); then # a short string
      __toolrec_got[$key]=${data[at + 1,at + n - 0xA0]}
      (( at += n - 0x9F ))
    elif (( n == 0xD9 )); then # one of less than 256 bytes
      c=${data[at + 1]}
      (( n = #c ))
      __toolrec_got[$key]=${data[at + 2,at + 1 + n]}
      (( at += n + 2 ))
    elif (( n < 0x80 )); then # a small number
      __toolrec_got[$key]=$n
      (( ++at ))
    elif (( n == 0xC2 || n == 0xC3 )); then # no and yes
      __toolrec_got[$key]=$(( n & 1 ))
      (( ++at ))
    elif (( n == 0xCB )); then # a number with a fraction, of no use here
      (( at += 9 ))
    else
      __toolrec_value $key || return 1
    fi
  done
  (( at <= $#data + 1 ))
}

# The number that the next $1 bytes make, the high one first, into REPLY.
__toolrec_number() {
  local c
  local -i n=0 end=$(( at + $1 ))
  (( end <= $#data + 1 )) || return 1
  for (( ; at < end; ++at )); do
    c=$data[at]
    (( n = n << 8 | #c ))
  done
  REPLY=$n
}

__toolrec_string() {
  (( at + $2 <= $#data + 1 )) || return 1
  __toolrec_got[$1]=${data[at,at + $2 - 1]}
  (( at += $2 ))
}

__toolrec_array() {
  local -i i
  for (( i = 1; i <= $2; i++ )); do __toolrec_value $1.$i || return 1; done
}

# The handler goes first: on a connection that was hung up it would run without end.
__toolrec_close() {
  [[ -n $__toolrec_fd ]] || return 0
  __toolrec_forget __toolrec_fd
  (( __toolrec_answered || EPOCHREALTIME - __toolrec_since <= __toolrec_patience )) || __toolrec_miss
}

# Close the descriptor in the variable $1. Empty it at once: the number will soon be somebody else's.
__toolrec_forget() {
  local fd=${(P)1}
  : ${(P)1::=}
  [[ -n $fd ]] || return 0
  { builtin zle -F $fd; builtin eval 'builtin exec {fd}<&-'; } 2>/dev/null
}

# The daemon hung up, or cannot be understood.
__toolrec_fail() {
  (( __toolrec_answered )) || __toolrec_miss
  __toolrec_answered=1
  __toolrec_close
}

# After two requests without an answer the daemon is left alone, at first for 5 s: each connection that a
# frozen one does not accept takes a place in its queue, and zsh would wait for ever at a full one.
__toolrec_miss() {
  (( ++__toolrec_missed >= 2 )) || return 0
  __toolrec_missed=0
  (( __toolrec_quiet = EPOCHREALTIME + __toolrec_rest, __toolrec_rest = __toolrec_rest < 40 ? __toolrec_rest * 2 : 40 ))
}

# ---------------------------------------------------------------- the keys

# Enter, whatever key or plugin it comes from: a question opens the list, everything else is run.
__toolrec_enter() {
  local REPLY
  if __toolrec_is_question; then
    __toolrec_list
  else
    builtin zle __toolrec_accept_line -- "$@"
  fi
}

# Put the invocation on the line. Also at the cursor keys that leave the end of the line.
__toolrec_take() {
  if ! __toolrec_is_shown; then
    __toolrec_pass
  elif [[ $WIDGET == *_end_* ]] && ! __toolrec_is_at_end; then
    __toolrec_pass
  else
    __toolrec_put "$__toolrec_insert"
  fi
}

__toolrec_is_at_end() {
  builtin emulate -L zsh
  (( CURSOR >= $#BUFFER )) || [[ $WIDGET == *_vicmd ]] && (( CURSOR >= $#BUFFER - 1 ))
}

__toolrec_list_key() {
  local REPLY
  if [[ -n $__toolrec_off || -z ${BUFFER//[[:space:]]/} || $CONTEXT != start || $BUFFER == *$'\n'* ]]; then
    __toolrec_pass
  else
    __toolrec_is_question || REPLY=$BUFFER
    __toolrec_list
  fi
}

# Hand the key to what it was bound to before: it is read again, in a copy of its keymap from then.
__toolrec_pass() {
  local REPLY
  builtin zle -U -- "$KEYS"
  builtin zle .read-command -K __toolrec_${WIDGET##*_} && builtin zle $REPLY
}

# Replace the line by an invocation; the cursor goes to its first {placeholder}.
__toolrec_put() {
  builtin emulate -L zsh -o extended_glob
  local REPLY before=${1%%\{[a-z][a-z0-9_-]#\}*}
  if [[ -n $__toolrec_keep ]] && __toolrec_is_question; then
    builtin print -rs -- "# $REPLY"
  fi
  __toolrec_close
  __toolrec_hide
  __toolrec_seen=
  BUFFER=$1
  CURSOR=$#before
}

# ---------------------------------------------------------------- the list

# Ask about $REPLY and let a digit choose. The one place that waits: it was asked for, and for 3 s at most.
__toolrec_list() {
  builtin emulate -L zsh
  __toolrec_close
  __toolrec_hide
  __toolrec_seen=
  __toolrec_got=()
  local -a lines examples
  if [[ -n $REPLY ]]; then
    builtin zle -R -- '  …'
    if __toolrec_send ask "$REPLY" || { __toolrec_start && __toolrec_send ask "$REPLY"; }; then
      __toolrec_await
    fi
    __toolrec_lines
  fi
  if [[ -z $REPLY ]]; then
    lines=("toolrec: say what you want done, as in: $__toolrec_trigger find large files")
  elif (( ! $#__toolrec_got )); then
    lines=('toolrec: no answer; see: toolrecd doctor')
  elif (( ! $#lines )); then
    lines=('toolrec: no tool found for that')
  fi
  __toolrec_choose
  return 0
}

# Nobody listens: start the daemon, as the client does when it is asked. Typing alone never does.
__toolrec_start() {
  [[ -z $__toolrec_no_start && -n ${commands[toolrecd]-} ]] || return 1
  builtin command toolrecd start --quiet </dev/null &>/dev/null
}

# The model's answer is worth waiting for; without it the first one, the shortlist's, is taken.
__toolrec_await() {
  local -F end=$(( EPOCHREALTIME + 3 ))
  while [[ -n $__toolrec_fd ]] && (( EPOCHREALTIME < end )); do
    __toolrec_receive $(( end - EPOCHREALTIME )) || end=0
    while __toolrec_frame; do
      (( ! ${__toolrec_got[final]:-0} )) || __toolrec_close
    done
    (( end )) || __toolrec_fail
  done
  __toolrec_close
}

__toolrec_choose() {
  local key
  builtin zle -M -- ${(F)lines}
  builtin zle -R # what -M prints is shown with the next redraw only
  while builtin read -rk 1 key; do
    [[ $key == [$'\r\n'] ]] || break # a held Enter must not choose, and then run
  done
  builtin zle -M ''
  if [[ $key == [1-9] ]] && (( key <= $#examples )); then
    __toolrec_put "$examples[key]"
  elif [[ $key != $'\e' ]] || (( PENDING )); then
    builtin zle -U -- "$key"
  fi
}

# Two lines a tool, as many as the screen holds, none wider than it.
__toolrec_lines() {
  local name state example
  local -i i width=0 most=$(( (LINES - 4) / 2 ))
  for (( i = 1; i <= 9 && i <= most; i++ )); do
    name=${__toolrec_got[tools.$i.name]-}
    [[ -n $name ]] || break
    (( $#name <= width )) || width=$#name
  done
  for (( i--; i > 0; i-- )); do
    name=tools.$i state='not installed' example=${__toolrec_got[tools.$i.example]-}
    [[ -z ${__toolrec_got[$name.install]-} ]] || state="install: ${__toolrec_got[$name.install]}"
    [[ ${__toolrec_got[$name.installed]-} != 1 ]] || state=installed
    examples[i]=${example//[[:cntrl:]]/ }
    lines=("$i  ${(r:width:)__toolrec_got[$name.name]}  [$state]  ${__toolrec_got[$name.summary]-}"
           "   ${(l:width:)}  $example" $lines)
  done
  (( ! $#lines )) || lines+=("a digit puts one on the line, any other key goes on")
  lines=(${lines//[[:cntrl:]]/ })
  for (( i = 1; i <= $#lines; i++ )); do lines[i]=${lines[i][1,COLUMNS - 1]}; done
}

# ---------------------------------------------------------------- coming and going

# Before each prompt. A line that Ctrl-C has ended was left without a word: its request is closed here.
__toolrec_precmd() {
  builtin emulate -L zsh -o no_xtrace
  __toolrec_reset
  __toolrec_settings
  # zsh-vi-mode and others put a widget in the place of all hooks. Once is enough: what others wrap later goes on.
  if (( ! __toolrec_alive && ! ${+widgets[__toolrec_drawn]} )); then
    __toolrec_wrap zle-line-pre-redraw __toolrec_drawn __toolrec_draw
  fi
  __toolrec_alive=0
  # An answer of zsh-autosuggestions that comes after ours would wipe it.
  (( ! ${+widgets[autosuggest-suggest]} )) || __toolrec_wrap autosuggest-suggest __toolrec_suggest __toolrec_beside
}

# Close what is open and forget the line.
__toolrec_reset() {
  __toolrec_close
  __toolrec_forget __toolrec_later
  __toolrec_ghost= __toolrec_insert= __toolrec_below= __toolrec_entry= __toolrec_seen= __toolrec_searching=0
}

# Put the function $3 in the place of the widget $1, which is then called $2; only once, or it would call itself.
__toolrec_wrap() {
  (( ! ${+widgets[$2]} )) || return 0
  if [[ ${widgets[$1]-} == builtin ]]; then
    # Under another name a builtin one would puzzle zsh-syntax-highlighting.
    functions[${2}_builtin]="builtin zle .$1"
    builtin zle -N $2 ${2}_builtin
  else
    builtin zle -A $1 $2
  fi
  builtin zle -N $1 $3
}

# Undo that. Where another plugin has wrapped it since, $3 has to go on to work: its name is put into `stay`.
__toolrec_unwrap() {
  (( ${+widgets[$2]} )) || return 0
  if [[ $widgets[$1] != user:$3 ]]; then
    functions[$3]="builtin zle $2 -- \"\$@\""
    stay+=($2 $3 ${2}_builtin)
  elif (( ${+functions[${2}_builtin]} )); then
    builtin zle -A .$1 $1
  else
    builtin zle -A $2 $1
  fi
}

# Add the hook $2 to those of $1. Where zsh-syntax-highlighting has wrapped the widget that calls them all,
# add-zle-hook-widget would make a circle of the two; only its list is added to then.
__toolrec_hook() {
  local -a there
  builtin zstyle -g there zle-$1 widgets
  builtin zle -N $2
  if [[ ${widgets[zle-$1]-user:azhw:} == user:azhw:* ]] || (( ! $#there )); then
    add-zle-hook-widget $1 $2
  elif [[ -z ${(M)there:#*:$2} ]]; then
    builtin zstyle zle-$1 widgets $there 99:$2
  fi
}

# For the same reason the last one must not leave the list then: it stays, and does nothing.
__toolrec_unhook() {
  if [[ $widgets[zle-$1] == user:azhw:* ]]; then
    add-zle-hook-widget -d $1 $2
  else
    functions[$2]=:
    stay+=($2)
  fi
}

__toolrec_draw() {
  builtin zle __toolrec_drawn -- "$@"
  __toolrec_redraw
}

__toolrec_beside() {
  __toolrec_is_shown || builtin zle __toolrec_suggest -- "$@"
}

# While history is searched the line below the prompt is the search's, and lines only pass by.
__toolrec_isearch_update() {
  builtin emulate -L zsh
  __toolrec_searching=1
  __toolrec_close
  __toolrec_hide
  __toolrec_seen=
}

__toolrec_isearch_exit() {
  __toolrec_searching=0
}

# The line is about to run, or to be left: nothing of ours stays, on the screen or open.
__toolrec_line_finish() {
  builtin emulate -L zsh
  local REPLY
  __toolrec_hide
  __toolrec_reset
  # There are other ways to accept a line than Enter; a question is not run by any of them.
  ! __toolrec_is_question || BUFFER=
  return 0
}

# Bind the key $2 in the keymap $1 to $3. Its name is one that all shells share, or is in zsh's notation.
__toolrec_bind_key() {
  local kind=$3 sequence
  local -a sequences=("$2")
  case ${(L)2} in
    ctrl-?) sequences=("^${(U)2[-1]}") ;;
    # In vi's keymaps that is Esc and another key, which means something.
    alt-?) sequences=("^[${2[-1]}"); [[ $1 == emacs ]] || return 0 ;;
    right)
      kind=end sequences=('^[[C' '^[OC' '^[[F' '^[OF' '^[[4~')
      [[ $1 != emacs ]] || sequences+=('^F' '^E')
      ;;
  esac
  for sequence in $sequences; do
    builtin bindkey -M $1 -- $sequence __toolrec_${kind}_$1
    __toolrec_bound+=($1 $sequence)
  done
}

__toolrec_bind() {
  local map key
  typeset -ga __toolrec_bound=()
  for map in emacs viins vicmd; do
    builtin bindkey -N __toolrec_$map $map
    builtin zle -N __toolrec_take_$map __toolrec_take
    builtin zle -N __toolrec_end_$map __toolrec_take
    builtin zle -N __toolrec_list_$map __toolrec_list_key
    for key in $__toolrec_take_keys; do __toolrec_bind_key $map $key take; done
    for key in $__toolrec_list_keys; do __toolrec_bind_key $map $key list; done
  done
}

# Bind our keys as they were before.
__toolrec_unbind() {
  (( ${+__toolrec_bound} )) || return 0
  local map sequence before
  before=$(for map sequence in $__toolrec_bound; do builtin bindkey -L -M __toolrec_$map -- $sequence; done)
  builtin eval ${before//-M __toolrec_/-M }
  builtin bindkey -D __toolrec_emacs __toolrec_viins __toolrec_vicmd
  unset __toolrec_bound
}

__toolrec_init() {
  builtin emulate -L zsh
  [[ -o zle && ${TERM:-dumb} != dumb && $ZSH_VERSION == (5.<3->*|<6->.*) ]] || return 0
  builtin zmodload zsh/net/socket zsh/system zsh/datetime zsh/zleparameter 2>/dev/null || return 0
  builtin autoload -Uz add-zle-hook-widget
  typeset -gA __toolrec_got=() __toolrec_hooks=(
    line-pre-redraw __toolrec_redraw line-finish __toolrec_line_finish
    isearch-update __toolrec_isearch_update isearch-exit __toolrec_isearch_exit)
  typeset -gF __toolrec_since=0 __toolrec_quiet=0 __toolrec_patience=0.5 # s for a first answer, which takes ms
  typeset -gi __toolrec_seq=0 __toolrec_answered=0 __toolrec_missed=0 __toolrec_rest=5
  typeset -gi __toolrec_cursor=0 __toolrec_searching=0 __toolrec_alive=1
  typeset -g __toolrec_fd= __toolrec_later= __toolrec_in= __toolrec_sent= __toolrec_head= __toolrec_seen=
  typeset -g __toolrec_ghost= __toolrec_insert= __toolrec_below= __toolrec_entry= __toolrec_memo= __toolrec_last=
  typeset -g __toolrec_session=zsh-$$-$EPOCHREALTIME
  [[ $ZSH_VERSION == 5.<0-8>(|.*) ]] || __toolrec_memo=' memo=toolrec'
  __toolrec_settings
  __toolrec_unbind
  __toolrec_bind
  local name
  for name in reply repaint; do builtin zle -N __toolrec_$name; done
  __toolrec_wrap accept-line __toolrec_accept_line __toolrec_enter
  for name in ${(k)__toolrec_hooks}; do __toolrec_hook $name ${__toolrec_hooks[$name]}; done
  typeset -ga precmd_functions
  precmd_functions=(__toolrec_precmd ${precmd_functions:#__toolrec_precmd})
}

# Leave the running shell as it was: `eval "$(toolrec uninit zsh)"` calls this.
__toolrec_uninit() {
  builtin emulate -L zsh
  local name
  local -a stay
  __toolrec_reset
  __toolrec_unbind
  for name in ${(k)__toolrec_hooks}; do __toolrec_unhook $name ${__toolrec_hooks[$name]}; done
  precmd_functions=(${precmd_functions:#__toolrec_precmd})
  __toolrec_unwrap zle-line-pre-redraw __toolrec_drawn __toolrec_draw
  __toolrec_unwrap accept-line __toolrec_accept_line __toolrec_enter
  __toolrec_unwrap autosuggest-suggest __toolrec_suggest __toolrec_beside
  for name in ${${(k)widgets[(I)__toolrec_*]}:|stay}; do builtin zle -D $name; done
  unset -m '__toolrec_*'
  unfunction ${${(k)functions[(I)__toolrec_*]}:|stay}
}

if [[ -o interactive ]]; then
  __toolrec_init
fi
