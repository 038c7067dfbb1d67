//! Every bad thing that a step can do, and every call of a capability. The input is a JSON string:
//! the name of a deed, then its arguments, parted by spaces.

use std::{hint::black_box, thread, time::Duration};

mod deeds;
mod generated {
    wit_bindgen::generate!({
        inline: "
            package tests:hostile;

            world hostile {
                include stepyard:step/step@1.0.0;
                import wasi:config/store@0.2.0-rc.1;
                import wasi:keyvalue/store@0.2.0-draft2;
                import wasi:keyvalue/atomics@0.2.0-draft2;
                import wasi:keyvalue/batch@0.2.0-draft2;
                import wasi:logging/logging@0.1.0-draft;
                import stepyard:step/mail@1.0.0;
            }
        ",
        path: "../../../../../wit",
        world: "tests:hostile/hostile",
        generate_all,
    });
}

use generated::{
    exports::stepyard::step::handler::{Context, Error, Guest},
    wasi::{
        keyvalue::{batch, store},
        logging::logging,
    },
};

struct Hostile;

impl Guest for Hostile {
    fn invoke(input: String, context: Context) -> Result<String, Error> {
        let words: Vec<&str> = input.trim_matches('"').split(' ').collect();
        match words[..] {
            ["good"] => Ok("{\"good\":true}".to_owned()),
            ["context"] => Ok(format!("{:?}", format!("{context:?}"))),
            ["fail", error_type, message] => {
                Err(Error { error_type: error_type.to_owned(), error_message: message.to_owned() })
            }
            ["fail-after", capability, ref rest @ ..] => Err(Error {
                error_type: "Failed".to_owned(),
                error_message: deeds::call(capability, rest),
            }),
            ["return", ref text @ ..] => Ok(text.join(" ")),
            ["resources", deed] => resources(deed),
            ["returns", deed, bytes] => returns(deed, bytes.parse().unwrap_or(0)),
            ["floods", deed] => floods(deed),
            ["denied", deed] => Ok(format!("{:?}", deeds::denied(deed))),
            [capability, ref rest @ ..] => Ok(format!("{:?}", deeds::call(capability, rest))),
            [] => Ok("null".to_owned()),
        }
    }
}

/// Uses up a resource of the sandbox, or leaves it by another door than its result.
fn resources(deed: &str) -> Result<String, Error> {
    match deed {
        "loop" => loop {
            black_box(0);
        },
        "sleep" => thread::sleep(Duration::from_secs(3_600)),
        "recurse" => return Ok(recurse(0).to_string()),
        "recurse-narrow" => return Ok(recurse_narrow(0).to_string()),
        "grow" => {
            // A refused growth is an answer, which a step can live with.
            let mut pages = 0;
            while core::arch::wasm32::memory_grow::<0>(16) != usize::MAX {
                pages += 16;
            }
            return Ok(pages.to_string());
        }
        "allocate" => {
            let mut kept = Vec::new();
            loop {
                kept.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        "panic" => panic!("boom from the guest"),
        "unreachable" => core::arch::wasm32::unreachable(),
        "bad-pointer" => {
            // SAFETY: None. It reads where no memory is, to be stopped.
            let read = unsafe { core::ptr::read_volatile(0xffff_0000_usize as *const u8) };
            return Ok(read.to_string());
        }
        "divide" => return Ok((1 / black_box(0_u32)).to_string()),
        "exit" => std::process::exit(3),
        _ => {}
    }
    Ok("null".to_owned())
}

#[inline(never)]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    if frame[0] == u64::MAX {
        return 0;
    }
    recurse(depth + 1).wrapping_add(frame[(depth % 64) as usize])
}

#[inline(never)]
fn recurse_narrow(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX { 0 } else { recurse_narrow(depth + 1) ^ black_box(depth) }
}

/// Returns what is no fair result.
fn returns(deed: &str, bytes: usize) -> Result<String, Error> {
    match deed {
        "json" => Ok(format!("\"{}\"", "a".repeat(bytes - 2))),
        // SAFETY: None, in either. The host must find out.
        "bad-utf8" => Ok(unsafe { String::from_utf8_unchecked(vec![0xff; bytes]) }),
        "bad-pointer" => Ok(unsafe { String::from_raw_parts(8 as *mut u8, bytes, bytes) }),
        "error" => Err(Error { error_type: "A".repeat(bytes), error_message: "B".repeat(bytes) }),
        _ => Ok("{not json".to_owned()),
    }
}

/// Calls the host without end.
fn floods(deed: &str) -> Result<String, Error> {
    match deed {
        "keyvalue" => {
            let bucket = store::open("granted").unwrap();
            let value = vec![0; 64 << 10];
            (0_u64..).for_each(|number| drop(bucket.set(&format!("key-{number}"), &value)));
        }
        "keyvalue-reads" => {
            let bucket = store::open("granted").unwrap();
            bucket.set("key", &vec![0; 64 << 10]).unwrap();
            (0_u64..).for_each(|_| drop(bucket.get("key")));
        }
        "keyvalue-batch" => {
            let bucket = store::open("granted").unwrap();
            bucket.set("key", &vec![0; 64 << 10]).unwrap();
            drop(batch::get_many(&bucket, &vec!["key".to_owned(); 20_000]));
        }
        "host-calls" => {
            let bucket = store::open("granted").unwrap();
            (0_u64..).for_each(|_| drop(bucket.exists("key")));
        }
        "one-call" => {
            let bucket = store::open("granted").unwrap();
            drop(bucket.set("key", &vec![0; 8 << 20]));
        }
        "handles" => {
            let mut kept = Vec::new();
            loop {
                kept.push(store::open("granted").unwrap());
            }
        }
        "log" => loop {
            logging::log(logging::Level::Info, "flood", "a line");
        },
        "stdout" => loop {
            println!("a line");
        },
        "stderr" => loop {
            eprintln!("a line");
        },
        _ => {}
    }
    Ok("null".to_owned())
}

generated::export!(Hostile with_types_in generated);
