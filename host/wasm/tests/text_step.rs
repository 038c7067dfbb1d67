//! Steps in WebAssembly's text form: what a toolchain never makes can be written by hand.

/// A step in text: what it imports, and what its module holds beside its function, which answers
/// `null`.
pub(crate) fn step(imports: &str, module: &str) -> Vec<u8> {
    TextStep { imports, module, ..TextStep::default() }.component()
}

/// The parts of a step in text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextStep<'a> {
    /// What it imports.
    pub(crate) imports: &'a str,
    /// What its function takes as `input`.
    pub(crate) input: &'a str,
    /// What its function does: it leaves where its result lies, 0 for `null`.
    pub(crate) invoke: &'a str,
    /// What it does to be given memory: it leaves where that is.
    pub(crate) realloc: &'a str,
    /// What else its module holds; a memory, for one.
    pub(crate) module: &'a str,
}

impl Default for TextStep<'_> {
    fn default() -> Self {
        let (invoke, realloc) = ("i32.const 0", "i32.const 64");
        Self { imports: "", input: "string", invoke, realloc, module: MEMORY }
    }
}

impl TextStep<'_> {
    /// Its component.
    pub(crate) fn component(&self) -> Vec<u8> {
        wat::parse_str(self.text()).expect("the step is well formed")
    }

    fn text(&self) -> String {
        let Self { imports, input, invoke, realloc, module } = self;
        format!(
            r#"
        (component
            {imports}
            (core module $module
                (func (export "invoke") (param i32) (result i32) {invoke})
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) {realloc})
                (data (i32.const 0) "\00\00\00\00\10\00\00\00\04\00\00\00\00\00\00\00null")
                {module}
            )
            (core instance $core (instantiate $module))
            (type $context (record
                (field "deadline-ms" u64)
                (field "trace" string)
                (field "execution-arn" (option string))
                (field "state-name" (option string))
                (field "attempt" (option u32))
                (field "idempotency-key" (option string))
                (field "task-token" (option string))
            ))
            (type $error (record (field "error-type" string) (field "error-message" string)))
            (func $invoke
                (param "input" {input}) (param "context" $context)
                (result (result string (error $error)))
                (canon lift (core func $core "invoke")
                    (memory $core "memory") (realloc (func $core "realloc")))
            )
            (component $handler
                (type $context (record
                    (field "deadline-ms" u64)
                    (field "trace" string)
                    (field "execution-arn" (option string))
                    (field "state-name" (option string))
                    (field "attempt" (option u32))
                    (field "idempotency-key" (option string))
                    (field "task-token" (option string))
                ))
                (type $error (record (field "error-type" string) (field "error-message" string)))
                (import "context" (type $context-in (eq $context)))
                (import "error" (type $error-in (eq $error)))
                (import "invoke" (func $invoke
                    (param "input" {input}) (param "context" $context-in)
                    (result (result string (error $error-in)))
                ))
                (export $context-out "context" (type $context-in))
                (export $error-out "error" (type $error-in))
                (export "invoke" (func $invoke)
                    (func
                        (param "input" {input}) (param "context" $context-out)
                        (result (result string (error $error-out)))
                    ))
            )
            (instance $handler (instantiate $handler
                (with "context" (type $context))
                (with "error" (type $error))
                (with "invoke" (func $invoke))
            ))
            (export "stepyard:step/handler@1.0.0" (instance $handler))
        )"#
        )
    }
}

/// The memory that a step exports.
pub(crate) const MEMORY: &str = r#"(memory (export "memory") 1)"#;
