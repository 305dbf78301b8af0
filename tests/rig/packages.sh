# Sourced by the rig's scripts: what they say, and packages of this machine's own Debian mirror in any suite.
# Nothing is installed here; downloads need no root.
cache=${MESHGATE_RIG_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/meshgate/rig}

say() { printf 'rig: %s\n' "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

# Runs a command with its output in a file; shows that it goes on: the seconds and the latest line on a terminal, else a line a minute.
quietly() {
    local log=$1 status=0
    shift
    { "$@" </dev/null 2>&1 || echo "$?" >"$log.status"; } | tee -a "$log" | progress
    if [ -s "$log.status" ]; then
        status=$(cat "$log.status")
        rm -f "$log.status"
    fi
    return "$status"
}

progress() {
    local line count=0 latest= started=$SECONDS told=$SECONDS
    while IFS= read -r -t 1 line || [ $? -gt 128 ]; do
        [ -z "${line:-}" ] || { latest=$line count=$((count + 1)); }
        if [ -t 2 ]; then
            printf '\r\033[K%4d s  %.70s' "$((SECONDS - started))" "$latest" >&2
        elif [ $((SECONDS - told)) -ge 60 ]; then
            told=$SECONDS
            say "$((SECONDS - started)) s, $count steps: $latest"
        fi
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

# The addresses this machine takes Debian's own packages from, security updates included.
mirrors() { apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian //p' | sort -u; }

# debian_view DIRECTORY SUITE...: a private view of those suites on this machine's mirror, for in_view. False where there is none.
debian_view() {
    local directory=$1 keys= candidate mirror suite
    shift
    for candidate in /usr/share/keyrings/debian-archive-keyring.{pgp,gpg}; do
        if [ -e "$candidate" ]; then keys="signed-by=$candidate " && break; fi
    done
    mkdir -p "$directory/lists/partial" "$directory/archives/partial"
    for mirror in $(mirrors); do
        for suite in "$@"; do
            case $mirror in
            *-security/) [[ $suite = *-* ]] || echo "deb [${keys}arch=amd64] $mirror $suite-security main" ;;
            *) echo "deb [${keys}arch=amd64] $mirror $suite main" ;;
            esac
        done
    done >"$directory/sources.list"
    [ -s "$directory/sources.list" ] || return 1
    cat >"$directory/apt.conf" <<END
Dir::Etc::SourceList "$directory/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State::Lists "$directory/lists";
Dir::State::status "/dev/null";
Dir::Cache "$directory";
Dir::Cache::archives "$directory/archives";
APT::Architectures "amd64";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
END
    in_view "$directory" apt-get update -q && [ -n "$(find "$directory/lists" -name '*Packages*' -size +0 -print -quit)" ]
}

in_view() { APT_CONFIG=$1/apt.conf "${@:2}"; }
