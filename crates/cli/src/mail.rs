//! Where mail goes and who sends it, as the options say it.

use merak_server::Mail;
use merak_server::config::{Mailbox, SmtpSettings};

use crate::failure::Failure;
use crate::options::Options;

/// Errs if mail is set in a way that cannot be.
pub fn check(options: &Options) -> Result<(), Failure> {
    mail(options).map(|_| ())
}

/// Where mail goes.
pub fn mail(options: &Options) -> Result<Mail, Failure> {
    let sender = sender(options)?;
    match options.mail.as_deref() {
        None | Some("log") => Ok(Mail::Log),
        Some(text) if text.starts_with("smtp:") => {
            // Servers refuse mail from nobody, and do so when it is too late to ask.
            let Some(sender) = sender else {
                return Err(Failure::usage("--mail smtp://… needs --mail-from"));
            };
            // The text is not repeated: it may hold the password.
            let settings = SmtpSettings::parse(text, &sender.domain())
                .map_err(|reason| Failure::usage(format!("--mail: {reason}")))?;
            Ok(Mail::Smtp(settings))
        }
        Some(text) => match text.strip_prefix("folder:") {
            Some("") => Err(Failure::usage("--mail folder: needs a path behind it")),
            Some(path) => Ok(Mail::Folder(path.into())),
            None => Err(Failure::usage("--mail: write smtp://HOST, folder:PATH or log")),
        },
    }
}

/// The sender of all mail, if one is set.
pub fn sender(options: &Options) -> Result<Option<Mailbox>, Failure> {
    let Some(text) = options.mail_from.as_deref() else { return Ok(None) };
    let sender = Mailbox::parse(text, "Merak").map_err(|error| {
        Failure::usage(format!("--mail-from: write an address, as in `Fjord <shop@example.com>`; {error}"))
    })?;
    Ok(Some(sender))
}
