//! Why a store did not do as asked.

/// Why a store did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file is something else.
    #[error("`{file}` is not a Stepyard database: move it away or name another file")]
    NotADatabase {
        /// The file.
        file: String,
    },
    /// The file was written by a later program, and is left as it is.
    #[error(
        "`{file}` has format {found}; this program knows formats up to {known}: \
         use the program that wrote it, or a later one"
    )]
    NewerFormat {
        /// The file.
        file: String,
        /// Its format.
        found: i64,
        /// The last format known here.
        known: i64,
    },
    /// The file cannot be understood.
    #[error("`{file}` is damaged ({detail}): restore it from a copy")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        detail: String,
    },
    /// An execution with this ARN was recorded before.
    #[error("execution `{arn}` is already recorded")]
    ExecutionExists {
        /// The execution.
        arn: String,
    },
    /// No execution with this ARN was recorded.
    #[error("execution `{arn}` is not recorded")]
    ExecutionDoesNotExist {
        /// The execution.
        arn: String,
    },
    /// Another fact has this number.
    #[error("fact {number} of `{execution}` is already recorded: does another process run it?")]
    FactExists {
        /// The execution.
        execution: String,
        /// The fact's number.
        number: u64,
    },
    /// There is no room for more.
    #[error("`{file}` cannot grow, its disk is full: make room there, then start again")]
    Full {
        /// The file.
        file: String,
    },
    /// The store's medium failed.
    #[error("{action} `{file}`: {detail}")]
    Failed {
        /// What was tried: `opening`, `reading`, `writing`.
        action: &'static str,
        /// The file.
        file: String,
        /// What the medium says.
        detail: String,
    },
    /// The store takes nothing more, because it could not tell what of a group was kept.
    #[error("the store is closed since a commit failed: {reason}")]
    Closed {
        /// How the commit failed.
        reason: String,
    },
}
