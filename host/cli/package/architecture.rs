//! The processors that AWS Lambda has, and what a program for them must look like.

use std::fmt;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use object::{
    Architecture as Machine, Endianness, Object,
    read::elf::{ElfFile64, ProgramHeader},
};

/// A function's `Architectures`, named as AWS names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// Intel and AMD
    #[value(name = "x86_64")]
    X86_64,
    /// AWS Graviton
    #[value(name = "arm64")]
    Arm64,
}

impl Architecture {
    /// What Rust calls it: static, with musl for its C library, so that it runs on any Linux. Components
    /// are compiled for the same, with the features that all its processors have.
    pub(crate) fn rust_target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    fn machine(self) -> Machine {
        match self {
            Self::X86_64 => Machine::X86_64,
            Self::Arm64 => Machine::Aarch64,
        }
    }

    /// Refuses a program that does not run wherever AWS has these processors.
    pub(super) fn check(self, program: &[u8]) -> Result<()> {
        let not_elf = "it is no 64-bit ELF file, as a program for Linux is";
        let elf = ElfFile64::<Endianness>::parse(program).context(not_elf)?;
        if elf.architecture() != self.machine() {
            bail!("it is for other processors ({:?})", elf.architecture());
        }
        for header in elf.elf_program_headers() {
            if let Some(interpreter) = header.interpreter(elf.endian(), program).context(not_elf)? {
                bail!(
                    "it is linked against a C library (by {}), and AWS's may be older than yours; build it for {}, \
                     which has its own",
                    String::from_utf8_lossy(interpreter),
                    self.rust_target()
                );
            }
        }
        Ok(())
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_for_other_processors_or_with_an_interpreter_is_refused() {
        let refusal = |program: &[u8], architecture: Architecture| {
            architecture.check(program).unwrap_err().to_string()
        };
        assert!(refusal(b"#!/bin/sh\n", Architecture::X86_64).starts_with("it is no 64-bit ELF"));
        // This test's own program.
        #[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
        {
            let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            assert_eq!(refusal(&own, Architecture::Arm64), "it is for other processors (X86_64)");
            assert_eq!(
                refusal(&own, Architecture::X86_64),
                "it is linked against a C library (by /lib64/ld-linux-x86-64.so.2), and AWS's may be older \
                 than yours; build it for x86_64-unknown-linux-musl, which has its own"
            );
        }
    }
}
