#!/usr/bin/env bash
# Begins with what the stage before has made, unless this one has begun already.
set -euo pipefail
[ -d "$ROOTFS_DIR" ] || copy_previous
