//! Why a command failed, in words that a person can act on, and with which exit code.

use std::fmt;
use std::process::ExitCode;

use merak_core::kit::Refusal;

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
        Self::runtime(error)
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
