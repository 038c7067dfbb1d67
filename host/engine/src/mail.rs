//! Mail kept here: a folder instead of a mail server; and how a message is written.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use futures::future::BoxFuture;
use lettre::message::{Mailbox, SinglePart};
use sha2::{Digest, Sha256};
use stepyard_asl::Timestamp;

use crate::{
    clock::Clock,
    outside::{Mail, MailError, MailMessage},
};

/// The most characters of a line of headers (RFC 5322, section 2.1.1), so of a message id.
const MESSAGE_ID_CHARACTERS_MAX: usize = 900;

/// The longest file name made of a message id; file systems take 255 bytes.
const FILE_NAME_BYTES_MAX: usize = 200;

/// What the name of a file begins with until the message in it is whole.
const UNFINISHED: &str = ".unfinished-";

/// Keeps each message as a file `<function>/<message id>.eml`.
#[derive(Clone, Debug)]
pub struct MailFolder {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
}

impl MailFolder {
    /// Keeps messages in `folder`, which is made when it is absent. What an earlier process began
    /// to write and did not finish is removed.
    pub fn open(folder: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                remove_unfinished(&entry.path())?;
            }
        }
        Ok(Self { folder, clock })
    }
}

fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Mail for MailFolder {
    fn send(&self, message: MailMessage) -> BoxFuture<'_, Result<(), MailError>> {
        let (folder, now) = (self.folder.clone(), self.clock.now());
        Box::pin(async move {
            let composed = compose(&message, now)?.formatted();
            let name = file_name(&message.message_id) + ".eml";
            let function = file_name(&message.function);
            let kept = move || keep(&open_within(&folder, &function)?, &name, &composed);
            let kept = tokio::task::spawn_blocking(kept).await;
            let kept = kept.unwrap_or_else(|panic| Err(io::Error::other(panic)));
            kept.map_err(|error| MailError::Unavailable(error.to_string()))
        })
    }
}

/// The folder of a function, made when it is absent.
fn open_within(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let inner = folder.join(name);
    if !inner.try_exists()? {
        fs::create_dir_all(&inner)?;
        sync(folder)?;
    }
    Ok(inner)
}

/// Writes a file that is whole once it has its name; one that has it already is left as it is.
fn keep(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    if path.try_exists()? {
        return sync(folder);
    }
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => sync(folder),
        // Another send of the same message was quicker.
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => sync(folder),
        Err(failed) => Err(failed.error),
    }
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// A file name that stands for one message id, or one function, alone: letters, digits and `-_.@+=` as
/// they are, other bytes and a leading dot as `%XX`; of a long one the beginning and the SHA-256.
fn file_name(of: &str) -> String {
    let mut name = String::with_capacity(of.len() + 4);
    for byte in of.bytes() {
        if byte.is_ascii_alphanumeric()
            || b"-_@+=".contains(&byte)
            || byte == b'.' && !name.is_empty()
        {
            name.push(byte.into());
        } else {
            write!(name, "%{byte:02X}").expect("a String takes whatever is written");
        }
    }
    if name.len() > FILE_NAME_BYTES_MAX {
        name.truncate(FILE_NAME_BYTES_MAX - 66);
        name.push_str("%-");
        for byte in Sha256::digest(of) {
            write!(name, "{byte:02x}").expect("a String takes whatever is written");
        }
    }
    name
}

/// Writes a message as RFC 5322 has it, dated `date`. Refuses what is no address and whatever would
/// end a header early.
pub fn compose(message: &MailMessage, date: Timestamp) -> Result<lettre::Message, MailError> {
    let millis = u64::try_from(date.as_millis()).unwrap_or_default();
    let mut builder = lettre::Message::builder()
        .date(UNIX_EPOCH + Duration::from_millis(millis))
        .message_id(Some(format!("<{}>", checked_id(&message.message_id)?)))
        .from(mailbox("sender", &message.from)?)
        .subject(checked_header("subject", &message.subject)?);
    if message.to.is_empty() {
        return Err(MailError::Refused("it has no recipient".to_owned()));
    }
    for recipient in &message.to {
        builder = builder.to(mailbox("recipient", recipient)?);
    }
    let text = SinglePart::plain(message.text.clone());
    builder.singlepart(text).map_err(|error| MailError::Refused(error.to_string()))
}

fn checked_id(message_id: &str) -> Result<&str, MailError> {
    let is_id = (1..=MESSAGE_ID_CHARACTERS_MAX).contains(&message_id.len())
        && message_id.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte));
    is_id.then_some(message_id).ok_or_else(|| {
        let id = message_id.escape_debug();
        MailError::Refused(format!(
            "its message id `{id}` is not 1 to {MESSAGE_ID_CHARACTERS_MAX} printable ASCII \
             characters without white space, `<` and `>`"
        ))
    })
}

fn mailbox(role: &str, address: &str) -> Result<Mailbox, MailError> {
    let address = checked_header(role, address)?;
    let parsed = address.parse();
    parsed.map_err(|error| {
        MailError::Refused(format!("its {role} `{address}` is no address: {error}"))
    })
}

fn checked_header<'a>(name: &str, value: &'a str) -> Result<&'a str, MailError> {
    if value.chars().any(char::is_control) {
        let value = value.escape_debug();
        return Err(MailError::Refused(format!(
            "its {name} `{value}` has a line break or another control character"
        )));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::VirtualClock;

    const DATE: Timestamp = Timestamp::from_millis(1_795_381_457_000);

    fn message() -> MailMessage {
        MailMessage {
            function: "SendConfirmation".to_owned(),
            message_id: "order-12345@stepyard.local".to_owned(),
            from: "Stepyard <orders@example.com>".to_owned(),
            to: vec!["user@example.com".to_owned(), "other@example.com".to_owned()],
            subject: "Your order".to_owned(),
            text: "It is on its way.\n".to_owned(),
        }
    }

    fn composed(message: &MailMessage) -> String {
        String::from_utf8(compose(message, DATE).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_message_is_written_as_mail_programs_read_it() {
        let text = composed(&message());
        for line in [
            "Date: Sun, 22 Nov 2026 21:04:17 +0000\r\n",
            "Message-ID: <order-12345@stepyard.local>\r\n",
            "From: Stepyard <orders@example.com>\r\n",
            "To: user@example.com, other@example.com\r\n",
            "Subject: Your order\r\n",
            "MIME-Version: 1.0\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "\r\n\r\nIt is on its way.\r\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
    }

    #[test]
    fn unicode_travels_in_ascii() {
        let text = composed(&MailMessage {
            subject: "Grüße 🎁".to_owned(),
            text: "Schöne Grüße".to_owned(),
            ..message()
        });
        assert!(text.is_ascii(), "{text}");
        assert!(text.contains("Subject: =?utf-8?b?"), "{text}");
    }

    #[test]
    fn what_would_end_a_header_early_is_refused() {
        let evil = "a\r\nBcc: all@example.com";
        let with = |change: &dyn Fn(&mut MailMessage)| {
            let mut message = message();
            change(&mut message);
            message
        };
        let cases = [
            (with(&|it| it.subject = evil.to_owned()), "its subject"),
            (with(&|it| it.from = format!("{evil} <a@b.example>")), "its sender"),
            (with(&|it| it.to[1] = format!("x@example.com{evil}")), "its recipient"),
            (with(&|it| it.message_id = evil.to_owned()), "its message id"),
            (with(&|it| it.message_id = "a>b".to_owned()), "its message id"),
            (with(&|it| it.message_id = String::new()), "its message id"),
            (with(&|it| it.to[0] = "nobody".to_owned()), "is no address"),
            (with(&|it| it.to.clear()), "no recipient"),
        ];
        for (message, expected) in cases {
            let Err(MailError::Refused(reason)) = compose(&message, DATE) else {
                panic!("{message:?} was composed");
            };
            assert!(reason.contains(expected), "{reason}");
            assert!(!reason.contains('\n'), "{reason}");
        }
    }

    #[test]
    fn a_file_name_stands_for_one_message_id_and_stays_in_the_folder() {
        let cases = [
            ("order-12345@stepyard.local", "order-12345@stepyard.local"),
            ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
            ("..", "%2E."),
            ("a%2Fb", "a%252Fb"),
            ("a\\b:c", "a%5Cb%3Ac"),
        ];
        for (message_id, expected) in cases {
            assert_eq!(file_name(message_id), expected);
        }
        let (long, other) = (format!("{}1", "x".repeat(800)), format!("{}2", "x".repeat(800)));
        assert!(file_name(&long).len() + ".eml".len() < 255);
        assert_ne!(file_name(&long), file_name(&other));
    }

    #[tokio::test]
    async fn the_same_message_id_of_a_function_again_is_the_same_message() {
        let folder = tempfile::tempdir().unwrap();
        let (own, other) = (folder.path().join("SendConfirmation"), folder.path().join("Other"));
        fs::create_dir(&own).unwrap();
        fs::write(own.join(format!("{UNFINISHED}1")), "half").unwrap();
        let clock = Arc::new(VirtualClock::manual(DATE));
        let mail = MailFolder::open(folder.path(), clock).unwrap();
        let forged = MailMessage { function: "Other".to_owned(), ..message() };
        let forged = MailMessage { text: "Another's text.".to_owned(), ..forged };
        mail.send(forged.clone()).await.unwrap();
        mail.send(message()).await.unwrap();
        mail.send(MailMessage { text: "Another text.".to_owned(), ..message() }).await.unwrap();
        for (folder, message) in [(own, message()), (other, forged)] {
            let files: Vec<_> =
                fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
            assert_eq!(files, [folder.join("order-12345@stepyard.local.eml")]);
            assert_eq!(fs::read_to_string(&files[0]).unwrap(), composed(&message));
        }
    }
}
