//! One HTTP/1.1 keep-alive connection, as lean as it can be: the generator shares its cores with the server it measures.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// More headers than any answer of Merak has.
const MOST_HEADERS: usize = 32;

/// One connection; an exchange at a time.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The whole body.
    pub body: &'a [u8],
}

/// The measures of an answer whose header section has arrived.
struct Head {
    status: u16,
    /// Bytes before the body.
    before_body: usize,
    body_bytes: usize,
}

impl Connection {
    /// Connects and switches Nagle's algorithm off.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("{address} cannot be reached"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a whole request and waits for the whole answer.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let mut known = None;
        loop {
            let read = self.stream.read_buf(&mut self.received).await?;
            ensure!(read > 0, "the server closed a connection in the middle of an answer");
            if known.is_none() {
                known = head(&self.received)?;
            }
            let Some(head) = &known else { continue };
            let whole = head.before_body + head.body_bytes;
            ensure!(self.received.len() <= whole, "more bytes than the answer announces");
            if self.received.len() == whole {
                return Ok(Answer { status: head.status, body: &self.received[head.before_body..] });
            }
        }
    }
}

/// The head of the answer, once all of it is there.
fn head(received: &[u8]) -> Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(before_body) = response.parse(received)? else { return Ok(None) };
    let status = response.code.context("an answer without a status")?;
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body_bytes = match length {
        Some(header) => std::str::from_utf8(header.value)?.parse()?,
        None if status == 204 => 0,
        None => bail!("an answer of status {status} without content-length"),
    };
    Ok(Some(Head { status, before_body, body_bytes }))
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn a_head_is_read_when_all_of_it_is_there() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert!(head(&answer[..20]).unwrap().is_none());
        let head = head(answer).unwrap().unwrap();
        assert_eq!((head.status, head.before_body, head.body_bytes), (200, 38, 2));
    }

    #[test]
    fn an_answer_without_a_length_is_an_error_unless_it_has_no_body() {
        assert!(head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert_eq!(head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap().body_bytes, 0);
    }
}
