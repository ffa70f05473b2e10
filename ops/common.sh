# shellcheck shell=bash disable=SC2034
# What the scripts beside it share; sourced, not run.
set -euo pipefail
script=$(realpath "$0")
cd "$(dirname "${BASH_SOURCE[0]}")/.."

red='' green='' plain=''
if [[ -t 1 ]]; then
	red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
fi

# The comment that heads the script is its manual.
show_help() {
	sed -n '2,/^$/s/^# \{0,1\}//p' "$script"
}

bad_usage() {
	printf '%s: %s: not known; see --help\n' "${script##*/}" "$1" >&2
	exit 2
}

configure_and_build() { # PRESET [TARGET]
	cmake --preset "$1"
	cmake --build --preset "$1" -j "$(nproc)" ${2:+--target "$2"}
}
