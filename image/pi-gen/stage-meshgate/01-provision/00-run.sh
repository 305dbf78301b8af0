#!/usr/bin/env bash
# Puts the release keys, the first version and what the Ansible roles say into the root directory; runs on the machine that builds.
# build.sh says where things are: MESHGATE_BUNDLE, MESHGATE_KEYS, MESHGATE_PYTHON, and MESHGATE_VARIABLES or nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
top=$(cd "$here/../../../.." && pwd -P)

for name in ROOTFS_DIR MESHGATE_BUNDLE MESHGATE_KEYS MESHGATE_PYTHON; do
    [ -n "${!name-}" ] || { echo "$name is not set: start image/pi-gen/build.sh" >&2 && exit 1; }
done

keys=$ROOTFS_DIR/etc/meshgate/release-keys
install -d -m 0755 "$keys"
install -m 0644 "$MESHGATE_KEYS"/*.pub "$keys"

# Nothing of the other machine runs for this: pip works here, for that kind of board and the Python that is in the root directory.
if [ ! -L "$ROOTFS_DIR/opt/meshgate/current" ]; then
    python=$(readlink "$ROOTFS_DIR/usr/bin/python3")
    case $(chroot "$ROOTFS_DIR" dpkg --print-architecture) in
    arm64) machine=aarch64 ;;
    amd64) machine=x86_64 ;;
    *) echo "there is no Meshgate for this architecture" >&2 && exit 1 ;;
    esac
    install -d -m 0755 "$ROOTFS_DIR/opt/meshgate"
    (cd "$top" && "$MESHGATE_PYTHON" -m gateway.update.begin "$MESHGATE_BUNDLE" --root "$ROOTFS_DIR" --machine "$machine" --python "${python#python}")
fi

trusted=$("$MESHGATE_PYTHON" -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$MESHGATE_KEYS"/*.pub)
more=()
[ -z "${MESHGATE_VARIABLES-}" ] || more=(--extra-vars "@$MESHGATE_VARIABLES")
"$top/ansible/apply-to-root" "$ROOTFS_DIR" --extra-vars "@$here/variables.yml" "${more[@]}" \
    --extra-vars "{\"meshgate_app_bundle\": \"$MESHGATE_BUNDLE\", \"meshgate_app_release_keys\": $trusted}"
