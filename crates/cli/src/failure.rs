//! Why a command failed, in words that a person can act on, and with which exit code.

use std::fmt;
use std::io::ErrorKind;
use std::process::ExitCode;

use merak_core::instance;
use merak_core::kit::Refusal;
use merak_server::StartError;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The command was asked for something that cannot be (exit code 2).
    Usage(String),
    /// What the command needs is not there or does not work (exit code 1).
    Runtime(String),
}

impl Failure {
    /// 2 for what the caller has to change, 1 for everything else, as usual.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Runtime(_) => ExitCode::FAILURE,
        }
    }

    /// What the caller has to change.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// What is not there or does not work.
    pub fn runtime(what: impl fmt::Display) -> Self {
        Self::Runtime(what.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(sentence) | Self::Runtime(sentence) => formatter.write_str(sentence),
        }
    }
}

impl From<merak_store::Error> for Failure {
    fn from(error: merak_store::Error) -> Self {
        match error {
            // What the store takes for a defect of its caller is here what a person wrote.
            merak_store::Error::Misuse(sentence) => Self::Usage(sentence),
            merak_store::Error::Busy => {
                Self::runtime("another process keeps the database busy; try again in a moment")
            }
            merak_store::Error::Conflict => {
                Self::runtime("other work on the database kept this from being done; try again in a moment")
            }
            other => Self::runtime(other),
        }
    }
}

impl From<instance::Error> for Failure {
    fn from(error: instance::Error) -> Self {
        match error {
            instance::Error::Store(error) => error.into(),
            instance::Error::OtherSecret => Self::runtime(error),
        }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Instance(error) => error.into(),
            StartError::Listen { address, cause } if cause.kind() == ErrorKind::AddrInUse => Self::runtime(
                format!("{address} is in use by another program; choose another port with --listen"),
            ),
            other => Self::runtime(other),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Store(error) => error.into(),
            Refusal::Invalid(problems) | Refusal::BenefitPropertiesInvalid(problems) => {
                let sentences: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
                Self::Usage(sentences.join(" "))
            }
            Refusal::Rule { message, .. } => Self::Usage(message),
        }
    }
}

impl From<merak_transfer::Error> for Failure {
    fn from(error: merak_transfer::Error) -> Self {
        match error {
            merak_transfer::Error::Refused(refusal) => refusal.into(),
            merak_transfer::Error::Format { .. } => Self::usage(error.to_string()),
            other => Self::runtime(other),
        }
    }
}
