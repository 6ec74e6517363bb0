//! Operations: a route, its access rule, its place in the document, and the unit of work that answers it.
//!
//! A handler is a plain function that runs inside one unit of work, after the same unit has found out who is calling
//! and whether they may. So authorisation, effect and the kept answer of an `Idempotency-Key` are one transaction.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryFutureExt;
use http::Method;
use merak_core::access::{self, Actor, Admits, Denied, Subject};
use merak_core::idempotency::{self, Caller, Known};
use merak_core::kit::{self, Kind, Refusal, Result as Decision, TokenHash};
use merak_core::streams::Channel;
use merak_core::user_sessions;
use merak_store::{ReadTx, Tx};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Listening;
use super::answer::{Answer, Reply};
use super::described::{Components, Described};
use super::flow::{self, Finishing, Flow};
use super::long::{self, AnyText, Appearance, Long};
use super::request::{Bearer, Checked, Credential, Named, Signed};
use super::stream::{self, Messages};
use super::validation::{Options, SchemaError, Shape};
use crate::error::Failure;
use crate::shell::Try;
use crate::state::House;

/// What a handler is called with.
#[derive(Clone, Debug)]
pub struct Call<P = Nothing, Q = Nothing, B = Nothing> {
    /// Who is calling. Anonymous on open routes and until the unit of work has looked the credential up.
    pub actor: Actor,
    /// The parameters of the path.
    pub path: P,
    /// The parameters of the query.
    pub query: Q,
    /// The body.
    pub body: B,
    /// The hash of the session cookie, good or not. Who is calling is known by `actor`.
    pub session: Option<TokenHash>,
    /// What was signed, for operations whose caller is known by a signature.
    pub signed: Option<Arc<Signed>>,
    /// Where the call comes from, as far as the proxies in between are believed.
    pub address: IpAddr,
    /// What the whole house shares.
    pub house: Arc<House>,
}

/// For operations without a path parameter, a query or a body.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl<'de> serde::Deserialize<'de> for Nothing {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Described for Nothing {
    fn schema(_: &mut Components) -> Value {
        Value::Null
    }
}

/// What requests are read into.
pub trait Input: Described + DeserializeOwned + Clone + Send + Sync + 'static {}
impl<T: Described + DeserializeOwned + Clone + Send + Sync + 'static> Input for T {}

/// What an operation comes to.
#[derive(Debug)]
pub enum Served {
    /// An answer.
    Reply(Reply),
    /// An answer that goes on: messages to who listens.
    Stream(Listening),
    /// A text of any length.
    Long(Long),
}

pub(super) type Running = Pin<Box<dyn Future<Output = Result<Served, Failure>> + Send>>;
type Run = Box<dyn Fn(Arc<House>, Checked, Admits) -> Running + Send + Sync>;

/// The kind of unit of work that a handler needs.
pub enum Unit<P, Q, B, A> {
    /// It only reads.
    Read(fn(&mut ReadTx<'_>, &Call<P, Q, B>) -> Decision<A>),
    /// It writes.
    Write(fn(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<A>),
    /// It writes by one statement that carries the whole rule ([`merak_store::Store::write_one`]).
    WriteOne(fn(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<A>),
    /// It calls the outside between units of work; see [`super::flow`]. Made by [`Unit::flow`].
    Flow(flow::Handler<P, Q, B, A>),
    /// It only reads, and finds out which channels the caller listens to.
    Stream(stream::Handler<P, Q, B>),
    /// It reads a text a part at a time; made by [`Operation::long`].
    Long(LongStart),
}

/// See [`Unit::Long`].
pub struct LongStart(long::Start);

impl<P, Q, B, A> Unit<P, Q, B, A> {
    /// The unit of an asynchronous handler that calls the outside between units of work.
    pub fn flow<F, R>(handler: F) -> Self
    where
        F: Fn(Flow<P, Q, B>) -> R + Send + Sync + 'static,
        R: Future<Output = Finishing<A>> + Send + 'static,
    {
        Self::Flow(Arc::new(move |flow| Box::pin(handler(flow))))
    }
}

/// Says which channels a caller may listen to.
pub type Listen<P, Q> = fn(&mut ReadTx<'_>, &Call<P, Q, Nothing>) -> Decision<Vec<Channel>>;

/// One operation of the API.
pub struct Operation {
    /// The HTTP method.
    pub method: Method,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// Another spelling of the path, with or without the slash at its end, that is answered as well: clients of
    /// different years call different ones.
    pub alias: Option<&'static str>,
    /// The contract's operation id.
    pub id: &'static str,
    /// A title for people.
    pub title: &'static str,
    /// A sentence or two for people.
    pub about: &'static str,
    /// Where it stands in the navigation of the reference.
    pub nav: &'static str,
    /// Whom it admits.
    pub admits: Admits,
    /// How it can refuse, besides by 422 and for want of access.
    pub refusals: &'static [Kind],
    /// Whether it is for our own pages and left out of the document.
    pub is_hidden: bool,
    /// Whether its caller is known by a signature of the body, so that handlers see what was sent.
    pub is_signed: bool,
    /// Whether it may be called only now and then: it sends mail to whoever is named, or takes guesses.
    pub is_scarce: bool,
    /// What its callers may try only now and then.
    pub tries: &'static [Try],
    /// Its status of success.
    pub status: u16,
    pub(super) path_schema: fn(&mut Components) -> Value,
    pub(super) query_schema: fn(&mut Components) -> Value,
    pub(super) body_schema: fn(&mut Components) -> Value,
    pub(super) answer_schema: fn(&mut Components) -> Option<Value>,
    pub(super) shapes: Shapes,
    /// How long an answer may take, if longer than usual.
    pub patience: Option<Duration>,
    run: Run,
}

/// The compiled schemas of an operation's parts; none where it has no such part.
#[derive(Default)]
pub(super) struct Shapes {
    pub(super) path: Option<Shape>,
    pub(super) query: Option<Shape>,
    pub(super) body: Option<Shape>,
}

impl Operation {
    /// Declares an operation that admits everybody; what else is to be said of it follows.
    pub fn new<P: Input, Q: Input, B: Input, A: Answer>(
        method: Method,
        path: &'static str,
        unit: Unit<P, Q, B, A>,
    ) -> Self {
        let run: Run = match unit {
            Unit::Read(handler) => {
                Box::new(move |house, checked, admits| replying(run_read(house, checked, admits, handler)))
            }
            Unit::Write(handler) => Box::new(move |house, checked, admits| {
                replying(run_write(house, checked, admits, handler, false))
            }),
            Unit::WriteOne(handler) => Box::new(move |house, checked, admits| {
                replying(run_write(house, checked, admits, handler, true))
            }),
            Unit::Flow(handler) => Box::new(move |house, checked, admits| {
                replying(flow::run(house, checked, admits, Arc::clone(&handler)))
            }),
            Unit::Stream(handler) => Box::new(move |house, checked, admits| {
                Box::pin(
                    async move { stream::run(&house, checked, admits, handler).await.map(Served::Stream) },
                )
            }),
            Unit::Long(start) => {
                let start = Arc::new(start.0);
                Box::new(move |house, checked, admits| {
                    let sending = start(house, checked, admits);
                    Box::pin(async move { sending.await.map(Served::Long) })
                })
            }
        };
        Self {
            method,
            path,
            alias: None,
            id: "",
            title: "",
            about: "",
            nav: "",
            admits: Admits::Everybody,
            refusals: &[],
            is_hidden: false,
            is_signed: false,
            is_scarce: false,
            tries: &[],
            status: A::STATUS,
            path_schema: P::schema,
            query_schema: Q::schema,
            body_schema: B::schema,
            answer_schema: A::body_schema,
            shapes: Shapes::default(),
            patience: None,
            run,
        }
    }

    /// A `GET` that only reads.
    pub fn get<P: Input, Q: Input, A: Answer>(
        path: &'static str,
        handler: fn(&mut ReadTx<'_>, &Call<P, Q, Nothing>) -> Decision<A>,
    ) -> Self {
        Self::new(Method::GET, path, Unit::Read(handler))
    }

    /// A `POST` that writes.
    pub fn post<P: Input, Q: Input, B: Input, A: Answer>(
        path: &'static str,
        handler: fn(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<A>,
    ) -> Self {
        Self::new(Method::POST, path, Unit::Write(handler))
    }

    /// A `PATCH` that writes.
    pub fn patch<P: Input, Q: Input, B: Input, A: Answer>(
        path: &'static str,
        handler: fn(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<A>,
    ) -> Self {
        Self::new(Method::PATCH, path, Unit::Write(handler))
    }

    /// A `DELETE` that writes.
    pub fn delete<P: Input, Q: Input, A: Answer>(
        path: &'static str,
        handler: fn(&mut Tx<'_>, &Call<P, Q, Nothing>) -> Decision<A>,
    ) -> Self {
        Self::new(Method::DELETE, path, Unit::Write(handler))
    }

    /// A `GET` that is answered by a stream of messages from now on. The handler says which channels the caller may
    /// listen to. It is asked again while the stream goes on, which ends as soon as it refuses or says otherwise.
    pub fn stream<P: Input, Q: Input>(path: &'static str, handler: Listen<P, Q>) -> Self {
        Self::new(Method::GET, path, Unit::<P, Q, Nothing, Messages>::Stream(handler))
    }

    /// A `GET` that is answered by a text of any length, read a part at a time.
    pub fn long<P: Input, Q: Input, C: Copy + Send + Sync + 'static>(
        path: &'static str,
        appearance: Appearance,
        handler: long::Handler<P, Q, C>,
    ) -> Self {
        let start = LongStart(long::start(handler, appearance));
        Self::new(Method::GET, path, Unit::<P, Q, Nothing, AnyText>::Long(start))
    }

    /// Its id in the contract and its title.
    #[must_use]
    pub fn named(mut self, id: &'static str, title: &'static str) -> Self {
        (self.id, self.title) = (id, title);
        self
    }

    /// Answers another spelling of the path as well.
    #[must_use]
    pub fn also_at(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// What it does.
    #[must_use]
    pub fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Where it stands in the navigation, `Group > Section`.
    #[must_use]
    pub fn nav(mut self, nav: &'static str) -> Self {
        self.nav = nav;
        self
    }

    /// Whom it admits: kinds of subject, and scopes of which one is enough.
    #[must_use]
    pub fn admits(mut self, kinds: &'static [access::SubjectKind], scopes: &'static [kit::Scope]) -> Self {
        self.admits = Admits::Subjects { kinds, scopes };
        self
    }

    /// As [`Operation::admits`], and who has only confirmed a checkout is shown what it sold. Other operations refuse them.
    #[must_use]
    pub fn admits_purchases(
        mut self,
        kinds: &'static [access::SubjectKind],
        scopes: &'static [kit::Scope],
    ) -> Self {
        self.admits = Admits::Purchases { kinds, scopes };
        self
    }

    /// As [`Operation::admits`], but who has another credential is let in as nobody.
    #[must_use]
    pub fn admits_or_nobody(
        mut self,
        kinds: &'static [access::SubjectKind],
        scopes: &'static [kit::Scope],
    ) -> Self {
        self.admits = Admits::OrNobody { kinds, scopes };
        self
    }

    /// Whom it admits, being signed in in a browser not enough: exactly one of these scopes is needed, if there are any.
    #[must_use]
    pub fn admits_only(
        mut self,
        kinds: &'static [access::SubjectKind],
        scopes: &'static [kit::Scope],
    ) -> Self {
        self.admits = Admits::Exactly { kinds, scopes };
        self
    }

    /// How it can refuse, besides by 422 and for want of access.
    #[must_use]
    pub fn refuses(mut self, refusals: &'static [Kind]) -> Self {
        self.refusals = refusals;
        self
    }

    /// Leaves it out of the document: it is for browsers on our own pages.
    #[must_use]
    pub fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    /// Lets the handler see the headers and the body as they were sent, to verify a signature. Without a type for the
    /// body, the handler also reads it: what a stranger sent need not be well-formed to be refused.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.is_signed = true;
        self
    }

    /// Lets it be called only now and then, by one caller, about one address and in all: it sends mail to whoever is
    /// named, or takes guesses.
    #[must_use]
    pub fn scarce(mut self) -> Self {
        self.is_scarce = true;
        self
    }

    /// Lets an address do this only now and then.
    #[must_use]
    pub fn trying(mut self, tries: &'static [Try]) -> Self {
        self.tries = tries;
        self
    }

    /// How long an answer may take, where it rightly takes longer than others.
    #[must_use]
    pub fn within(mut self, patience: Duration) -> Self {
        self.patience = Some(patience);
        self
    }

    /// Whether it changes anything.
    pub fn is_write(&self) -> bool {
        !self.method.is_safe()
    }

    /// Compiles the schemas of its parts, whose references point into the finished components of the document. Those are left
    /// as they were.
    pub(super) fn compile(
        &mut self,
        components: &mut Components,
        options: Options,
    ) -> Result<(), SchemaError> {
        let known = components.len();
        let mut shape = |schema: fn(&mut Components) -> Value| {
            let schema = schema(components);
            if schema.is_null() {
                Ok(None)
            } else {
                Shape::compile_with(&schema, components, options).map(Some)
            }
        };
        let shapes = Shapes {
            path: shape(self.path_schema)?,
            query: shape(self.query_schema)?,
            body: shape(self.body_schema)?,
        };
        // The structs of paths and queries are no components of the document, and other operations have structs of the
        // same name. New components stand at the end.
        let added: Vec<String> = components.keys().skip(known).cloned().collect();
        for name in added.iter().rev() {
            components.shift_remove(name);
        }
        self.shapes = shapes;
        Ok(())
    }

    /// Whether a request to it has a body to read.
    pub fn takes_body(&self) -> bool {
        self.shapes.body.is_some() || self.is_signed
    }

    /// Answers a request whose parts were checked. Access comes before what the check found.
    pub async fn serve(&self, house: Arc<House>, mut checked: Checked) -> Result<Served, Failure> {
        if checked.problems.is_empty() {
            return (self.run)(house, checked, self.admits).await;
        }
        let problems = std::mem::take(&mut checked.problems);
        let admits = self.admits;
        if !matches!(admits, Admits::Everybody) {
            house.store.read(move |tx| admit(tx, &checked.credential, &admits)).await?;
        }
        Err(Failure::Problems(problems))
    }
}

/// Finds out who is calling and whether they may.
pub(super) fn admit(tx: &mut ReadTx<'_>, credential: &Credential, admits: &Admits) -> Result<Actor, Failure> {
    if matches!(admits, Admits::Everybody) {
        return Ok(Actor::ANONYMOUS);
    }
    let actor = identify(tx, credential, admits)?;
    match (access::authorize(&actor, admits), admits) {
        (Ok(()), _) => Ok(actor),
        // Programs send their token along wherever they call, also in the name of a browser.
        (Err(Denied::WrongSubject(_) | Denied::InsufficientScope(_)), Admits::OrNobody { .. }) => {
            Ok(Actor::ANONYMOUS)
        }
        (Err(denied), _) => Err(Failure::Denied(denied)),
    }
}

/// The person of a good cookie, else whom the bearer token stands for, else nobody.
fn identify(tx: &mut ReadTx<'_>, credential: &Credential, admits: &Admits) -> Result<Actor, Failure> {
    if let Some(session) = &credential.session
        && let Some(actor) = user_sessions::authenticate(tx, &session.hash)?
    {
        return if session.is_misused { Err(Failure::ForeignPage) } else { Ok(actor) };
    }
    match &credential.bearer {
        Bearer::None => Ok(Actor::ANONYMOUS),
        Bearer::Unusable => Err(Failure::Denied(Denied::InvalidToken)),
        Bearer::Token(hash) => access::authenticate(tx, hash, admits.admits_customers())?
            .ok_or(Failure::Denied(Denied::InvalidToken)),
    }
}

fn replying(running: impl Future<Output = Result<Reply, Failure>> + Send + 'static) -> Running {
    Box::pin(running.map_ok(Served::Reply))
}

async fn run_read<P: Input, Q: Input, B: Input, A: Answer>(
    house: Arc<House>,
    checked: Checked,
    admits: Admits,
    handler: fn(&mut ReadTx<'_>, &Call<P, Q, B>) -> Decision<A>,
) -> Result<Reply, Failure> {
    let (credential, mut call) = prepare::<P, Q, B>(&house, checked)?;
    let (reply, actor) = house
        .store
        .read(move |tx| {
            call.actor = admit(tx, &credential, &admits)?;
            // Reading units run side by side, so the body is written here, by the thread that made its parts.
            let reply = handler(tx, &call)?.reply()?;
            Ok::<_, Failure>((reply, call.actor.clone()))
        })
        .await?;
    note_use(&house, &actor);
    Ok(reply)
}

/// What a write came to: an answer to be written outside the unit of work, or the text that is kept in it.
enum Written<A> {
    Fresh(A),
    Kept(Reply),
}

async fn run_write<P: Input, Q: Input, B: Input, A: Answer>(
    house: Arc<House>,
    mut checked: Checked,
    admits: Admits,
    handler: fn(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<A>,
    by_one_statement: bool,
) -> Result<Reply, Failure> {
    let named = checked.idempotency.take();
    let (credential, mut call) = prepare::<P, Q, B>(&house, checked)?;
    let by_one_statement = by_one_statement && named.is_none();
    let unit = move |tx: &mut Tx<'_>| {
        call.actor = admit(tx, &credential, &admits)?;
        let Some(named) = &named else {
            let answer = handler(tx, &call)?;
            return Ok::<_, Failure>((Written::Fresh(answer), call.actor.clone()));
        };
        let name = name_of(named, &call);
        let reply = match idempotency::find(tx, &name)? {
            Known::Answered { status, body } => Reply::new(status, body),
            Known::OtherRequest => return Err(Failure::IdempotencyKeyReused),
            Known::UnderWay => return Err(Failure::UnderWay),
            Known::No => {
                idempotency::announce(tx, &name)?;
                let reply = handler(tx, &call)?.reply()?;
                idempotency::keep(tx, &name, reply.status, &reply.body)?;
                reply
            }
        };
        Ok((Written::Kept(reply), call.actor.clone()))
    };
    let (written, actor) =
        if by_one_statement { house.store.write_one(unit).await? } else { house.store.write(unit).await? };
    if !by_one_statement {
        house.streams.nudge();
    }
    note_use(&house, &actor);
    match written {
        Written::Fresh(answer) => Ok(answer.reply()?),
        Written::Kept(reply) => Ok(reply),
    }
}

/// The name under which the answer of a write is kept for its caller.
pub(super) fn name_of<P, Q, B>(named: &Named, call: &Call<P, Q, B>) -> idempotency::Name {
    let actor = call.actor.name();
    let anonymous = format!("{actor}:{}", named.anonymous);
    let counted_as = format!("{actor}:{}", named.counted_as);
    let caller = match call.actor.subject {
        Subject::Anonymous => Caller::Other { name: &anonymous, counted_as: &counted_as },
        Subject::User(_) | Subject::Organization(_) => Caller::Seller(&actor),
        Subject::Customer(_) | Subject::Purchase { .. } => Caller::Other { name: &actor, counted_as: &actor },
    };
    let parts: Vec<&[u8]> = named.request.iter().map(Vec::as_slice).collect();
    idempotency::Name::new(&call.house.secret, caller, &named.key, &parts)
}

/// Reads the checked parts into the handler's types.
pub(super) fn prepare<P: Input, Q: Input, B: Input>(
    house: &Arc<House>,
    checked: Checked,
) -> Result<(Credential, Call<P, Q, B>), Failure> {
    let call = Call {
        actor: Actor::ANONYMOUS,
        path: read_part("path", checked.path)?,
        query: read_part("query", checked.query)?,
        body: read_part("body", checked.body)?,
        signed: checked.signed,
        address: checked.address,
        session: checked.credential.session.as_ref().map(|session| session.hash.clone()),
        house: Arc::clone(house),
    };
    Ok((checked.credential, call))
}

/// What passed the schema but is no value of the core's is told like any other problem.
fn read_part<T: DeserializeOwned>(part: &'static str, value: Value) -> Result<T, Failure> {
    serde_json::from_value(value)
        .map_err(|error| Refusal::invalid(kit::at(part).value_error(error.to_string(), Value::Null)).into())
}

/// Writes a token's "last used" time if that is due. Nobody waits for it, and a failure loses nothing but the time.
pub(super) fn note_use(house: &Arc<House>, actor: &Actor) {
    if let Some(id) = actor.unnoted_token {
        let store = house.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.write(move |tx| access::note_use(tx, id)).await {
                tracing::warn!(%error, "the last use of a token was not noted");
            }
        });
    }
}
