//! Messages as they are written, kept in a folder and read again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mail_parser::MessageParser;

use super::{Delivery, Folder, Mailbox, Mailer, Memory, Message, SmtpSettings, Tls, formatted};

fn message() -> Message {
    Message {
        id: String::from("0196-a"),
        date: Timestamp::from_second(1_736_244_000).unwrap(),
        from: Mailbox { name: String::from("Fjord via Merak"), address: String::from("shop@merak.example") },
        reply_to: Some(String::from("help@fjord.example")),
        to: String::from("nora@example.com"),
        subject: String::from("Your order: Nimbus"),
        text: String::from("Thank you.\n.\nA line with one point.\n"),
        html: String::from("<p>Thank you.</p>"),
    }
}

fn written(message: &Message) -> String {
    String::from_utf8(formatted(message).unwrap().1).unwrap()
}

fn headers(message: &Message) -> String {
    written(message).split_once("\r\n\r\n").unwrap().0.to_owned()
}

#[test]
fn a_repeat_has_the_same_id_and_date() {
    let (one, two) = (headers(&message()), headers(&message()));
    for line in [
        "Message-ID: <0196-a@merak.example>",
        "Date: Tue, 07 Jan 2025 10:00:00 +0000",
        "Auto-Submitted: auto-generated",
        "Reply-To: help@fjord.example",
        "To: nora@example.com",
        "Subject: Your order: Nimbus",
    ] {
        assert!(
            one.lines().any(|found| found == line) && two.lines().any(|found| found == line),
            "{line}\n{one}"
        );
    }
}

#[test]
fn letters_of_all_scripts_come_through_in_ascii() {
    let message = Message {
        from: Mailbox { name: String::from("Bücher & Zoë, \"Søn\" 書店 via Merak"), ..message().from },
        to: String::from("zoe@bücher.example"),
        subject: String::from(
            "Grüße aus 東京 🦚 — and a line that is much longer than a header may be without a fold in it",
        ),
        text: "Grüße\n".repeat(100),
        html: format!("<p>{}</p>", "漢字".repeat(2000)),
        ..message()
    };
    let (envelope, bytes) = formatted(&message).unwrap();
    assert!(bytes.is_ascii(), "any server can take it");
    assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 998));
    assert_eq!(envelope.to()[0].to_string(), "zoe@xn--bcher-kva.example");
    let read = MessageParser::default().parse(&bytes).unwrap();
    assert_eq!(read.subject(), Some(message.subject.as_str()));
    assert_eq!(read.from().unwrap().first().unwrap().name(), Some(message.from.name.as_str()));
    assert_eq!(read.body_html(0).unwrap(), message.html);
    assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), message.text.trim_end());
}

#[test]
fn names_and_subjects_cannot_add_headers() {
    for evil in [
        "a\r\nBcc: x@evil.example",
        "a\nBcc: x@evil.example\n\nbody",
        "a\rBcc: x@evil.example",
        "a\u{2028}Bcc: x@evil.example",
        "a\0b\r\n\r\nbody",
    ] {
        let message = Message {
            from: Mailbox { name: evil.to_owned(), ..message().from },
            subject: evil.to_owned(),
            ..message()
        };
        let (envelope, bytes) = formatted(&message).unwrap();
        assert_eq!(envelope.to().len(), 1);
        let read = MessageParser::default().parse(&bytes).unwrap();
        assert!(read.bcc().is_none(), "{evil:?}");
        assert!(!headers(&message).lines().any(|line| line.to_lowercase().starts_with("bcc")), "{evil:?}");
        assert_eq!(read.from().unwrap().first().unwrap().address(), Some("shop@merak.example"));
    }
    // Addresses with a line break are none.
    for to in [
        "nora@example.com\r\nBcc: x@evil.example",
        "nora\r\n@example.com",
        "nora",
        "",
        "@",
        "a@b@c.example\n",
    ] {
        assert!(formatted(&Message { to: to.to_owned(), ..message() }).is_err(), "{to:?}");
    }
    let strange = Message { reply_to: Some(String::from("nobody\r\nBcc: x@evil.example")), ..message() };
    assert!(!headers(&strange).contains("evil"));
}

#[test]
fn a_very_long_name_is_cut() {
    let from = Mailbox { name: "n".repeat(5000), ..message().from };
    assert!(headers(&Message { from, ..message() }).len() < 1500);
}

#[tokio::test]
async fn a_folder_keeps_each_message_once_and_shows_the_newest_first() {
    let place = tempfile::tempdir().unwrap();
    let folder = Arc::new(Folder::new(place.path().join("mail")));
    assert!(folder.list(10).await.unwrap().is_empty());
    for id in ["0196-a", "0196-b", "0196-a"] {
        let sent = folder.send(&Message { id: id.to_owned(), ..message() }).await.unwrap();
        assert_eq!(sent, Delivery::Taken);
    }
    let listed = folder.list(10).await.unwrap();
    assert_eq!(listed.iter().map(|kept| kept.id.as_str()).collect::<Vec<_>>(), ["0196-b", "0196-a"]);
    assert_eq!(folder.list(1).await.unwrap().len(), 1);
    let names: Vec<_> = std::fs::read_dir(place.path().join("mail"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "nothing half-written is left: {names:?}");
    let opened = folder.open("0196-a").await.unwrap().unwrap();
    assert_eq!(opened.kept.from, "Fjord via Merak <shop@merak.example>");
    assert_eq!(
        (opened.kept.to.as_str(), opened.kept.reply_to.as_deref()),
        ("nora@example.com", Some("help@fjord.example"))
    );
    assert_eq!(opened.kept.date, Some(message().date));
    assert_eq!(opened.html.trim_end(), "<p>Thank you.</p>");
    for id in ["", "..", "../mail/0196-a", "0196-c", "0196-a.eml", "a/b"] {
        assert_eq!(folder.open(id).await.unwrap(), None, "{id:?}");
    }
    let refused = folder.send(&Message { id: String::from("../x"), ..message() }).await.unwrap();
    assert!(matches!(refused, Delivery::Refused(_)));
    let refused = folder.send(&Message { to: String::from("nobody"), ..message() }).await.unwrap();
    assert!(matches!(refused, Delivery::Refused(_)));
}

#[tokio::test]
async fn a_folder_takes_many_at_once_and_refuses_each_for_itself() {
    let place = tempfile::tempdir().unwrap();
    let folder = Folder::new(place.path().join("mail"));
    let mut messages: Vec<Message> =
        (0..20).map(|number| Message { id: format!("0196-{number}"), ..message() }).collect();
    messages[3].to = String::from("nobody");
    messages[7].id = String::from("../x");
    let answers = folder.send_many(&messages, Instant::now()).await;
    assert_eq!(answers.len(), 20);
    for (number, answer) in answers.into_iter().enumerate() {
        let answer = answer.unwrap();
        assert_eq!(matches!(answer, Delivery::Refused(_)), [3, 7].contains(&number), "{number}: {answer:?}");
    }
    assert_eq!(folder.list(100).await.unwrap().len(), 18);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1, "nothing lies beside the folder");

    // A folder that cannot be is nobody's refusal: all may be tried again.
    std::fs::write(place.path().join("file"), "").unwrap();
    let nowhere = Folder::new(place.path().join("file"));
    let answers = nowhere.send_many(&messages[..2], Instant::now()).await;
    assert!(answers.len() == 2 && answers.iter().all(Result::is_err), "{answers:?}");
}

#[tokio::test]
async fn of_many_messages_those_are_left_whose_time_is_over() {
    let memory = Memory::default();
    let messages: Vec<Message> =
        (0..3).map(|number| Message { id: format!("0196-{number}"), ..message() }).collect();
    assert!(memory.send_many(&messages, Instant::now()).await.is_empty());
    memory.answer(Ok(Delivery::Refused(String::from("no such mailbox"))));
    let answers = memory.send_many(&messages, Instant::now() + Duration::from_mins(1)).await;
    let answers: Vec<Delivery> = answers.into_iter().map(Result::unwrap).collect();
    let refused = Delivery::Refused(String::from("no such mailbox"));
    assert_eq!(answers, [refused, Delivery::Taken, Delivery::Taken]);
    assert_eq!(memory.drain(), messages[1..]);
}

#[test]
fn addresses_of_mail_servers_are_read() {
    let read = |text: &str| SmtpSettings::parse(text, "merak.example");
    let settings = read("smtp://shop%40example.com:p%3Aass@mail.example.com").unwrap();
    assert_eq!(
        (settings.host.as_str(), settings.port, settings.tls),
        ("mail.example.com", 587, Tls::Starttls)
    );
    assert_eq!(settings.login, Some((String::from("shop@example.com"), String::from("p:ass"))));
    assert!(!format!("{settings:?}").contains("ass"), "the password is not printed");
    let settings = read("smtp://mail.example.com?tls=implicit").unwrap();
    assert_eq!((settings.port, settings.tls, settings.login), (465, Tls::Implicit, None));
    let settings = read("smtp://[::1]:2525/?tls=none").unwrap();
    assert_eq!((settings.host.as_str(), settings.port, settings.tls), ("::1", 2525, Tls::None));
    for text in [
        "smtp://",
        "smtp:mail.example.com",
        "smtps://mail.example.com",
        "http://mail.example.com",
        "smtp://user@mail.example.com",
        "smtp://mail.example.com/path",
        "smtp://mail.example.com?tls=maybe",
        "smtp://mail.example.com?other=1",
        "smtp://mail.example.com#x",
        "mail.example.com",
        "smtp://user:pass%ff@mail.example.com",
    ] {
        let reason = read(text).expect_err(text);
        assert!(!reason.contains("pass%"), "{reason}");
    }
}

#[test]
fn senders_are_read() {
    let read = |text: &str| Mailbox::parse(text, "Merak").map(|sender| (sender.name, sender.address));
    let sender = |name: &str| Ok((name.to_owned(), String::from("shop@example.com")));
    assert_eq!(read("shop@example.com"), sender("Merak"));
    assert_eq!(read("<shop@example.com>"), sender("Merak"));
    assert_eq!(read(" Fjord & Söhne <shop@example.com> "), sender("Fjord & Söhne"));
    assert_eq!(read("\"Fjord, Ltd\" <shop@example.com>"), sender("Fjord, Ltd"));
    for text in ["", "Fjord", "Fjord <>", "Fjord <shop>", "shop@", "a@b c"] {
        assert!(read(text).is_err(), "{text}");
    }
}
