#!/bin/sh
# Makes inventory.wasm, or the file that is named.
set -eu
output=$(realpath "${1:-inventory.wasm}")
cd "$(dirname "$0")"
componentize-py --wit-path ../../../wit --wit-path world.wit --world stepyard:inventory-python/inventory \
    componentize step --output "$output"
