#!/bin/bash
# Installs the Debian packages that the checks use and pip cannot provide. Run as root.
set -euo pipefail

packages=(git make openssl tmux chromium fonts-dejavu-core postgresql)
# A window on a virtual screen, keys pressed in it, and what OpenCV and PyBullet load for it.
packages+=(xvfb xdotool libgl1 libgl1-mesa-dri libglib2.0-0)
# The servo board's firmware: built, run on the host, and run whole in simavr.
packages+=(gcc libc6-dev gcc-avr avr-libc binutils-avr simavr libsimavr-dev libelf-dev)
missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
    echo "system packages: all there (${packages[*]})"
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null
apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
