//! Named points at which a test of recovery can end the process, as a power cut would.

/// Passes the point `name`. In a release it does nothing. Where assertions are built, a process whose
/// environment has `STEPYARD_CRASH_AT=name` aborts at the first pass, with `name:N` at the N-th.
#[inline]
pub fn point(name: &str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::{
        env, process,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    static PLAN: LazyLock<Option<Plan>> =
        LazyLock::new(|| Plan::read(&env::var("STEPYARD_CRASH_AT").ok()?));

    pub(super) fn pass(name: &str) {
        if PLAN.as_ref().is_some_and(|plan| plan.ends_at(name)) {
            process::abort();
        }
    }

    struct Plan {
        name: String,
        passes_left: AtomicU64,
    }

    impl Plan {
        /// `name` or `name:N`, N counted from 1.
        fn read(text: &str) -> Option<Self> {
            let (name, passes) = match text.split_once(':') {
                Some((name, passes)) => (name, passes.parse().ok()?),
                None => (text, 1),
            };
            Some(Self { name: name.to_owned(), passes_left: AtomicU64::new(passes) })
        }

        fn ends_at(&self, name: &str) -> bool {
            self.name == name && self.passes_left.fetch_sub(1, Ordering::SeqCst) == 1
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_process_ends_at_the_pass_that_is_named() {
            let passes = |text: &str| {
                let plan = Plan::read(text).unwrap();
                ["other", "here", "here", "here"].map(|name| plan.ends_at(name))
            };
            assert_eq!(passes("here"), [false, true, false, false]);
            assert_eq!(passes("here:2"), [false, false, true, false]);
            assert!(Plan::read("here:soon").is_none());
        }
    }
}
