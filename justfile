# `just` lists these.

default:
    @just --list

# What CI runs, word for word.
[group: 'check']
ci:
    bash .ci/run

# Form and lints, quickly.
[group: 'check']
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Every test.
[group: 'check']
test:
    cargo test --workspace

# What is packaged for AWS Lambda, for both architectures: built, read, run on MiniStack and under QEMU.
[group: 'check']
packages:
    STEPYARD_REQUIRE_PYTHON=1 STEPYARD_PACKAGES=x86_64,arm64 cargo test --workspace --test stepyard -- \
        packages:: lambda_mode::packaged:: aws_stack::

# Rewrite the golden texts after a change that means to change them; review the diff.
[group: 'check']
bless:
    UPDATE_EXPECT=1 cargo test --workspace

# Score the server against cases recorded from AWS (CORPUS: their folder); writes docs/conformance.md.
[group: 'check']
conformance CORPUS:
    cargo build
    python3 -m venv target/conformance
    target/conformance/bin/pip install --quiet 'boto3>=1.42' 'moto[server]>=5.2'
    target/conformance/bin/python tests/conformance/score.py target/debug/stepyard {{CORPUS}}

# Run JSONata's official test suite, which is taken from PyPI.
[group: 'check']
jsonata-suite:
    tests/conformance/jsonata-suite

# Kill the server KILLS times under load, and while ORDERS orders are notified; let its disk go wrong at up to
# FAULTS points in each way; and hold it to what it acknowledged.
[group: 'check']
torture KILLS='2000' FAULTS='1000' ORDERS='10000':
    STEPYARD_KILLS={{KILLS}} STEPYARD_FAULTS={{FAULTS}} STEPYARD_ORDERS={{ORDERS}} cargo test --workspace --test stepyard -- crash:: --nocapture

# Fuzz what reads the texts of a definition's author, each target for SECONDS; needs a nightly toolchain and
# cargo-fuzz (`cargo install cargo-fuzz`).
[group: 'check']
fuzz SECONDS='600':
    for target in definition jsonpath intrinsic jsonata; do \
        mkdir -p fuzz/corpus/$target; \
        cargo +nightly fuzz run $target fuzz/corpus/$target fuzz/seeds/$target -- \
            -max_total_time={{SECONDS}} -timeout=60 -max_len=4096 -dict=fuzz/words.dict -print_final_stats=1 \
            || exit 1; \
    done

# Licences and advisories of the dependencies.
[group: 'check']
deny:
    cargo deny check

# Run the sample order.
[group: 'run']
run *ARGS:
    cargo run -- run workflow.asl.json --input order.json {{ARGS}}

# Build the step components.
[group: 'run']
steps:
    cargo run -- step build

# Measure: a sandboxed call against a native one, the order workflow.
[group: 'measure']
bench *ARGS:
    cargo bench --bench stepyard -- {{ARGS}}

# Measure the language: compiled expressions beside Rust, a state, an inline Map of few items and of many.
[group: 'measure']
bench-language *ARGS:
    cargo bench --package stepyard-asl --bench language -- {{ARGS}}

# Load a release server with 1, 16 and 64 clients; writes docs/benchmarks.md (not with --quick).
[group: 'measure']
load *ARGS:
    cargo build --release
    cargo run --release -p stepyard-load -- {{ARGS}}

# Have EXECUTIONS wait on a release server, kill it and start another; writes docs/scale.md.
[group: 'measure']
scale EXECUTIONS='1000000':
    cargo build --release
    cargo run --release -p stepyard-load -- --scale {{EXECUTIONS}}

# Start packaged functions on a Runtime API, with MiniStack for what they reach; writes docs/cold-start.md.
[group: 'measure']
cold-start:
    python3 -m venv target/cold-start-python
    target/cold-start-python/bin/pip install --quiet cargo-zigbuild==0.24.1 ziglang==0.17.1 boto3==1.43.106 \
        --requirement tests/aws_stack/requirements.txt
    cargo build --release
    PATH="$PWD/target/cold-start-python/bin:$PATH" cargo run --release -p stepyard-load -- \
        --cold-start target/cold-start-python/bin/python

# What `stepyard package` puts into a function, for this machine: small, and without a compiler.
[group: 'ship']
bootstrap:
    cargo build --profile lambda --no-default-features --features bootstrap --bin bootstrap

# The binary as it is shipped: optimised, thin LTO, stripped.
[group: 'ship']
dist:
    cargo build --profile dist
