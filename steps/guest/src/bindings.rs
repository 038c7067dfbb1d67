//! The component's side of `wit/`: the world of a step that uses every import. One that a step
//! does not use leaves no trace in its component.

wit_bindgen::generate!({
    path: "../../wit",
    inline: "
        package stepyard:guest;

        world guest {
            include stepyard:step/step@1.0.0;
            import stepyard:step/mail@1.0.0;
            import wasi:keyvalue/store@0.2.0-draft2;
            import wasi:keyvalue/atomics@0.2.0-draft2;
            import wasi:config/store@0.2.0-rc.1;
            import wasi:logging/logging@0.1.0-draft;
        }
    ",
    world: "stepyard:guest/guest",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_step",
});
