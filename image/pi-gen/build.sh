#!/usr/bin/env bash
# Build the image of Raspberry Pi OS with Meshgate in it. Needs root, a network, some 20 GB and an hour or two.
#   sudo image/pi-gen/build.sh BUNDLE KEYS [VARIABLES]
#   BUNDLE     a signed bundle for aarch64 and Python 3.13 (.ci/bundle)
#   KEYS       the directory with the release keys (*.pub) that the box is to trust
#   VARIABLES  a YAML file with more variables of the Ansible roles
# The image is in build/pi-gen/deploy then. With --check it only says whether it could be built here.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$here/../.." && pwd -P)
work=$top/build/pi-gen
python=$top/.venv/bin/python
# shellcheck source=image/pi-gen/versions.lock
. "$here/versions.lock"

say() { printf 'pi-gen: %s\n' "$*" >&2; }
refuse() { say "$@" && exit 1; }

# What its own list of tools (depends) does not have, or has no words for.
obstacle() {
    local tool
    case $top in *[[:space:]]*) echo "there is a space in $top, which pi-gen cannot build in" && return ;; esac
    [ "$(uname -s)" = Linux ] || { echo "it needs Linux, this is $(uname -s)" && return; }
    for tool in git unshare ansible-playbook debootstrap quilt parted losetup mkfs.vfat; do
        command -v "$tool" >/dev/null || PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || { echo "$tool is not here" && return; }
    done
    [ -x "$python" ] || { echo "there is no .venv: make setup" && return; }
    [ "$(uname -m)" = aarch64 ] || grep -qs ^enabled /proc/sys/fs/binfmt_misc/qemu-aarch64 ||
        { echo "programs for aarch64 cannot run here: apt install qemu-user-static binfmt-support" && return; }
    [ "$(id -u)" = 0 ] || echo "only root can build it: sudo $0"
}

secretless() {
    ! grep -qsE '(FIRST_USER_PASS|WPA_PASSPHRASE|WPA_PASSWORD)' "$1" || refuse "$1 has a password, and no image may: every card would have the same."
}

# Get pi-gen at the commit of versions.lock, and nothing else.
check_out() {
    local whole
    if [ ! -d "$work/pi-gen/.git" ]; then
        mkdir -p "$work"
        git clone --quiet --no-checkout --branch "$PI_GEN_BRANCH" "$PI_GEN_REPOSITORY" "$work/pi-gen"
    fi
    [ "${#PI_GEN_COMMIT}" != 40 ] || git -C "$work/pi-gen" cat-file -e "$PI_GEN_COMMIT" 2>/dev/null ||
        git -C "$work/pi-gen" fetch --quiet origin "$PI_GEN_COMMIT"
    whole=$(git -C "$work/pi-gen" rev-parse --verify --quiet "$PI_GEN_COMMIT^{commit}") ||
        refuse "pi-gen has no commit $PI_GEN_COMMIT (any more)."
    [ "$(git -C "$work/pi-gen" show --no-patch --format=%cs "$whole")" = "$PI_GEN_DATE" ] ||
        refuse "commit $whole is not of $PI_GEN_DATE, as versions.lock says."
    [ "$whole" = "$PI_GEN_COMMIT" ] ||
        refuse "the commit is $whole. Look at it, write the whole of it into $here/versions.lock, and start again."
    git -C "$work/pi-gen" checkout --quiet --force --detach "$whole"
    git -C "$work/pi-gen" clean --quiet --force -d -x
    grep -q 'ARCH=arm64' "$work/pi-gen/build.sh" || refuse "commit $whole builds nothing for 64 bits."
}

case ${1-} in
--check)
    why=$(obstacle)
    [ -z "$why" ] || { echo "$why" && exit 1; }
    exit 0
    ;;
'' | -*)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
why=$(obstacle)
[ -z "$why" ] || refuse "$why"
[ -f "$1" ] || refuse "there is no bundle $1"
compgen -G "${2-}/*.pub" >/dev/null || refuse "there is no release key in '${2-}'"
[ -z "${3-}" ] || [ -f "$3" ] || refuse "there is no file $3"
secretless "$here/config"
[ -z "${3-}" ] || secretless "$3"

check_out
touch "$work/pi-gen/stage2/SKIP_IMAGES" # one image comes out, and it is ours
{
    cat "$here/config"
    printf '%s=%q\n' STAGE_LIST "stage0 stage1 stage2 $here/stage-meshgate" WORK_DIR "$work/work" DEPLOY_DIR "$work/deploy"
    printf 'export %s=%q\n' MESHGATE_BUNDLE "$(readlink -f "$1")" MESHGATE_KEYS "$(readlink -f "$2")" MESHGATE_PYTHON "$python" \
        MESHGATE_VARIABLES "${3:+$(readlink -f "$3")}"
} >"$work/config"
cd "$work/pi-gen"
./build.sh -c "$work/config"
cd "$work/deploy"
for image in *.img.xz; do
    sha256sum "$image" >"$image.sha256"
    say "$work/deploy/$image"
done
