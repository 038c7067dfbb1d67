//! Steps in WebAssembly's text form: what a toolchain never makes can be written by hand.

/// A step in text: what it imports, and what its module holds beside its function, which answers
/// `null`.
pub(crate) fn step(imports: &str, module: &str) -> Vec<u8> {
    step_of("string", imports, module)
}

/// A step whose function takes its input as `input`.
pub(crate) fn step_of(input: &str, imports: &str, module: &str) -> Vec<u8> {
    let text = format!(
        r#"
        (component
            {imports}
            (core module $module
                (func (export "invoke") (param i32) (result i32) i32.const 0)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64)
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
    );
    wat::parse_str(text).expect("the step is well formed")
}

/// The memory that a step exports.
pub(crate) const MEMORY: &str = r#"(memory (export "memory") 1)"#;
