//! Which part of a file is asked for.

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it. Also the answer to what is not understood, and to several ranges at once, as HTTP lets us.
    Whole,
    /// So many bytes from the first.
    Part {
        /// Where it begins.
        first: u64,
        /// How many bytes it has, at least one.
        length: u64,
    },
    /// Nothing that is there.
    Unsatisfiable,
}

/// Reads a `Range` header for a file of this size.
pub(super) fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Wanted::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else { return Wanted::Whole };
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
    match (first, last) {
        ("", "") => Wanted::Whole,
        ("", count) => match number(count) {
            Some(Some(0)) => Wanted::Unsatisfiable,
            _ if size == 0 => Wanted::Unsatisfiable,
            // More than there is means all there is, however much more.
            Some(count) => {
                let length = count.unwrap_or(u64::MAX).min(size);
                Wanted::Part { first: size - length, length }
            }
            None => Wanted::Whole,
        },
        (first, last) => {
            let last = if last.is_empty() { Some(None) } else { number(last) };
            let (Some(first), Some(last)) = (number(first), last) else { return Wanted::Whole };
            let (first, last) = (first.unwrap_or(u64::MAX), last.unwrap_or(u64::MAX));
            if last < first {
                return Wanted::Whole;
            }
            if first >= size {
                return Wanted::Unsatisfiable;
            }
            Wanted::Part { first, length: last.min(size - 1) - first + 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(first: u64, length: u64) -> Wanted {
        Wanted::Part { first, length }
    }

    #[test]
    fn ranges_are_read() {
        for (header, expected) in [
            ("bytes=0-0", part(0, 1)),
            ("bytes=0-", part(0, 10)),
            ("bytes=3-5", part(3, 3)),
            ("bytes=9-9", part(9, 1)),
            ("bytes=5-100", part(5, 5)),
            ("bytes=-3", part(7, 3)),
            ("bytes=-100", part(0, 10)),
            ("bytes=-99999999999999999999999", part(0, 10)),
            ("bytes=2-99999999999999999999999", part(2, 8)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=99999999999999999999999-", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=5-3", Wanted::Whole),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
    }

    #[test]
    fn an_empty_file_has_no_ranges() {
        for header in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(wanted(Some(header), 0), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted(None, 0), Wanted::Whole);
    }
}
