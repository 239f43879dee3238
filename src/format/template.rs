//! An Envoy format string becomes a reader of the lines it printed.
//!
//! The grammar is Envoy's own (`substitution_formatter.cc`): literal text, and operators `%NAME%`, `%NAME(argument)%`,
//! `%NAME(argument):length%`; `%%` is a percent sign. The string is taken apart once, with nom, into [`Step`]s: an
//! operator and the literal text behind it. How a line is read along them is told in [`twin`](super::twin).

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{map, opt, value};
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use super::operators::{NUMBERS, TOKENS};
use super::value;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Field;
use crate::words::Said;

/// An Envoy format string, ready to read lines.
#[derive(Debug, Clone)]
pub struct Template {
    format: String,
    pub(super) lead: Vec<u8>,
    pub(super) steps: Vec<Step>,
    /// The format has method, path or protocol.
    pub(super) has_request: bool,
}

/// An operator, and the text up to the next one.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// As written, without the percent signs.
    pub(super) operator: String,
    /// Where its value goes; `None` for operators that no record needs.
    pub(super) field: Option<Field>,
    pub(super) class: Class,
    /// What stands behind the value.
    pub(super) literal: Vec<u8>,
    /// How often the literal occurs in the value itself: a time format may hold blanks.
    pub(super) inner: usize,
    /// The client chooses the value, so it may look like anything.
    pub(super) forgeable: bool,
}

/// The shape of a value: what can be told from its bytes alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A time as Envoy prints it by default.
    Time,
    /// A time in a format of the user's.
    OwnTime,
    /// `HTTP/1.1`, `-`.
    Protocol,
    /// `0` or three digits.
    Code,
    /// Response flags, short or long.
    Flags,
    /// Digits; never missing.
    Count,
    /// A number, `-`, or nothing.
    Number,
    /// `%RESPONSE_CODE_DETAILS%`: blank-free, but for blanks inside its brackets.
    Details,
    /// An address with a port, a path, `-`, or nothing.
    Address,
    /// Blank-free.
    Token,
    /// Anything.
    Free,
    /// Path and protocol with nothing between them (Istio 1.0).
    Glued,
}

impl Class {
    /// True for values that only their surroundings tell the end of.
    pub(super) fn is_free(self) -> bool {
        matches!(self, Class::Free | Class::Glued)
    }

    /// True for values that hardly any other text looks like: they prove that the reading is on the right track.
    pub(super) fn is_proof(self) -> bool {
        matches!(self, Class::Protocol | Class::Code | Class::Flags | Class::Count | Class::Number)
    }

    /// The most bytes such a value has; a longer one is something else. Keeps the search for its end short, so that
    /// reading is linear on any line.
    pub(super) fn longest(self) -> usize {
        match self {
            Class::Protocol | Class::Code => 8,
            Class::Count | Class::Number => 24,
            Class::Time => 40,
            Class::Flags => 512,
            _ => 4096,
        }
    }

    /// True when the text can be such a value.
    pub(super) fn accepts(self, text: &[u8]) -> bool {
        match self {
            Class::Time => value::is_time(text),
            Class::OwnTime => !text.is_empty(),
            Class::Protocol => value::is_protocol(text),
            Class::Code => value::is_code(text),
            Class::Flags => value::is_flags(text),
            Class::Count => value::is_count(text),
            Class::Number => value::is_number(text),
            Class::Details => value::is_details(text),
            Class::Address => value::is_address(text),
            Class::Token => !text.contains(&b' '),
            Class::Free => true,
            Class::Glued => value::glued(text).is_some(),
        }
    }
}

impl Template {
    /// Takes a format string apart.
    ///
    /// # Errors
    /// When it is no Envoy format string, or when the lines it prints cannot be taken apart again.
    pub fn compile(format: &str) -> Result<Template> {
        let format = format.trim_end_matches(['\n', '\r']);
        if let Some(at) = format.find('\n') {
            return refuse(
                format,
                at,
                both!("a record that takes several lines cannot be read back", "占用多行的记录无法还原"),
            );
        }
        let mut lead = Vec::new();
        let mut steps: Vec<Step> = Vec::new();
        let mut rest = format;
        while !rest.is_empty() {
            let at = format.len() - rest.len();
            let Ok((after, piece)) = piece(rest) else {
                return refuse(
                    format,
                    at,
                    both!(
                        "expected %NAME%, %NAME(argument)% or %NAME(argument):length% (a percent sign is %%)",
                        "此处应为 %NAME%、%NAME(argument)% 或 %NAME(argument):length%（百分号写作 %%）"
                    ),
                );
            };
            match piece {
                Piece::Literal(text) => match steps.last_mut() {
                    Some(step) => step.literal.extend_from_slice(text.as_bytes()),
                    None => lead.extend_from_slice(text.as_bytes()),
                },
                Piece::Operator(operator) => match steps.last_mut().filter(|step| step.literal.is_empty()) {
                    // The one pair of neighbours that can be told apart: a path, and a protocol that says HTTP.
                    Some(path) if path.field == Some(Field::Path) && operator.name == "PROTOCOL" => {
                        path.class = Class::Glued;
                    }
                    Some(before) => {
                        let (first, second) = (&before.operator, operator.name);
                        let reason = both!(
                            "no text between %{first}% and %{second}%: nobody can tell where the first value ends",
                            "%{first}% 与 %{second}% 之间没有分隔文本：无法判断前一个值在哪里结束"
                        );
                        return refuse(format, at, reason);
                    }
                    None => steps.push(step(&operator)),
                },
            }
            rest = after;
        }
        finish(format, lead, steps)
    }

    /// How many quotes the text between the operators holds.
    pub(super) fn quotes(&self) -> usize {
        let texts = self.steps.iter().map(|step| &step.literal).chain([&self.lead]);
        texts.map(|text| memchr::memchr_iter(b'"', text).count()).sum()
    }

    /// The format string, as given.
    pub fn format(&self) -> &str {
        &self.format
    }
}

/// What can only be said when the whole format is known.
fn finish(format: &str, lead: Vec<u8>, mut steps: Vec<Step>) -> Result<Template> {
    let mut seen = Vec::new();
    let last = steps.len().saturating_sub(1);
    for (n, step) in steps.iter_mut().enumerate() {
        // The first of two operators for the same field is the record's.
        if let Some(field) = step.field {
            if seen.contains(&field) {
                step.field = None;
            }
            seen.push(field);
        }
        if step.class == Class::OwnTime {
            step.inner = occurrences(step.operator.as_bytes(), &step.literal);
        }
        // `outbound|80||host`: blank-free, but a format may well put other signs behind it.
        let blank_behind = matches!(step.literal.first(), Some(b' ' | b'"' | b'\t') | None);
        if step.class == Class::Token && (step.operator.starts_with("UPSTREAM_CLUSTER") && !blank_behind) {
            step.class = Class::Free;
        }
        // At the end of the line a value needs no proof of where it ends.
        if n == last
            && step.class == Class::Token
            && step.literal.is_empty()
            && step.field == Some(Field::RouteName)
        {
            step.class = Class::Free;
        }
    }
    if !seen.contains(&Field::Code) && !seen.contains(&Field::Flags) {
        return refuse(
            format,
            0,
            both!(
                "neither %RESPONSE_CODE% nor %RESPONSE_FLAGS%: such lines say nothing of failures",
                "既没有 %RESPONSE_CODE% 也没有 %RESPONSE_FLAGS%：这样的日志看不出请求是否失败"
            ),
        );
    }
    let has_request = [Field::Method, Field::Path, Field::Protocol].iter().any(|field| seen.contains(field));
    Ok(Template { format: format.to_owned(), lead, steps, has_request })
}

fn refuse(format: &str, at: usize, expected: Said) -> Result<Template> {
    let column = format.get(..at).map_or(0, |before| before.chars().count()) + 1;
    Err(Error::from(ErrorKind::Template { column, expected }))
}

fn occurrences(text: &[u8], literal: &[u8]) -> usize {
    if literal.is_empty() { 0 } else { memchr::memmem::find_iter(text, literal).count() }
}

/// A piece of a format string.
enum Piece<'a> {
    Literal(&'a str),
    Operator(Operator<'a>),
}

/// `%NAME(argument):length%`. The length only shortens the value, so it does not matter here.
struct Operator<'a> {
    name: &'a str,
    argument: Option<&'a str>,
}

fn piece(text: &str) -> IResult<&str, Piece<'_>> {
    alt((
        map(value("%", tag("%%")), Piece::Literal),
        map(operator, Piece::Operator),
        map(take_while1(|c| c != '%'), Piece::Literal),
    ))
    .parse(text)
}

fn operator(text: &str) -> IResult<&str, Operator<'_>> {
    let name = take_while1(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let argument = opt(delimited(char('('), take_till(|c| c == ')'), char(')')));
    let length = opt(preceded(char(':'), digit1));
    let (rest, (name, argument, _)) =
        delimited(char('%'), (name, argument, length), char('%')).parse(text)?;
    Ok((rest, Operator { name, argument }))
}

fn step(operator: &Operator<'_>) -> Step {
    let text = match operator.argument {
        Some(argument) => format!("{}({argument})", operator.name),
        None => operator.name.to_owned(),
    };
    let (field, class) = meaning(operator);
    Step {
        forgeable: class.is_free() && is_request_header(operator.name),
        operator: text,
        field,
        class,
        literal: Vec::new(),
        inner: 0,
    }
}

/// True for operators whose value the client chooses.
fn is_request_header(name: &str) -> bool {
    matches!(
        name,
        "REQ"
            | "REQUEST_HEADER"
            | "REQ_WITHOUT_QUERY"
            | "STREAM_INFO_REQ"
            | "PATH"
            | "QUERY_PARAM"
            | "QUERY_PARAMS"
            | "CEL"
            | "COALESCE"
    )
}

/// The field that an operator fills, and the shape of its value.
fn meaning(operator: &Operator<'_>) -> (Option<Field>, Class) {
    let name = operator.name;
    let argument = operator.argument.unwrap_or("");
    match name {
        "START_TIME" | "START_TIME_LOCAL" => (Some(Field::StartTime), time(argument)),
        "EMIT_TIME" | "EMIT_TIME_LOCAL" => (None, time(argument)),
        _ if name.contains("_CERT_V_") && !argument.is_empty() => (None, Class::OwnTime),
        "REQ" | "REQUEST_HEADER" | "REQ_WITHOUT_QUERY" => request_header(argument),
        "RESP" | "RESPONSE_HEADER" => response_header(argument),
        "TRAILER" | "RESPONSE_TRAILER" if argument.eq_ignore_ascii_case("grpc-status") => {
            (Some(Field::GrpcStatus), Class::Number)
        }
        "PATH" => (Some(Field::Path), Class::Free),
        "PROTOCOL" => (Some(Field::Protocol), Class::Protocol),
        "RESPONSE_CODE" => (Some(Field::Code), Class::Code),
        "RESPONSE_FLAGS" | "RESPONSE_FLAGS_LONG" => (Some(Field::Flags), Class::Flags),
        "RESPONSE_CODE_DETAILS" => (Some(Field::Details), Class::Details),
        "CONNECTION_TERMINATION_DETAILS" => (Some(Field::Termination), Class::Free),
        // Blank-free since Envoy 1.23 only.
        "UPSTREAM_TRANSPORT_FAILURE_REASON" => (Some(Field::TransportFailure), Class::Free),
        "DOWNSTREAM_TRANSPORT_FAILURE_REASON" => (Some(Field::DownstreamFailure), Class::Free),
        "BYTES_RECEIVED" => (Some(Field::BytesReceived), Class::Count),
        "BYTES_SENT" => (Some(Field::BytesSent), Class::Count),
        "DURATION" => (Some(Field::Duration), Class::Number),
        // The same two points in time as %DURATION%.
        "COMMON_DURATION" if matches!(argument, "DS_RX_BEG:DS_TX_END" | "DS_RX_BEG:DS_TX_END:ms") => {
            (Some(Field::Duration), Class::Number)
        }
        "UPSTREAM_HOST" | "UPSTREAM_REMOTE_ADDRESS" => (Some(Field::UpstreamHost), Class::Address),
        "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => (Some(Field::UpstreamCluster), Class::Token),
        "UPSTREAM_LOCAL_ADDRESS" => (Some(Field::UpstreamLocal), Class::Token),
        "DOWNSTREAM_LOCAL_ADDRESS" => (Some(Field::DownstreamLocal), Class::Token),
        "DOWNSTREAM_REMOTE_ADDRESS" => (Some(Field::DownstreamRemote), Class::Token),
        "REQUESTED_SERVER_NAME" => (Some(Field::ServerName), Class::Token),
        "ROUTE_NAME" => (Some(Field::RouteName), Class::Free),
        "GRPC_STATUS" => (Some(Field::GrpcStatus), Class::Token),
        "GRPC_STATUS_NUMBER" => (Some(Field::GrpcStatus), Class::Number),
        "UPSTREAM_REQUEST_ATTEMPT_COUNT" => (Some(Field::Attempts), Class::Number),
        "ACCESS_LOG_TYPE" => (Some(Field::LogType), Class::Token),
        // A pod's host name is the pod's name.
        "HOSTNAME" => (Some(Field::Pod), Class::Token),
        "ENVIRONMENT" if argument == "POD_NAME" => (Some(Field::Pod), Class::Token),
        "ENVIRONMENT" if argument == "POD_NAMESPACE" => (Some(Field::Namespace), Class::Token),
        _ if NUMBERS.contains(&name) => (None, Class::Number),
        _ if TOKENS.contains(&name) => (None, Class::Token),
        _ => (None, Class::Free),
    }
}

fn time(format: &str) -> Class {
    if format.is_empty() { Class::Time } else { Class::OwnTime }
}

/// `X-ENVOY-ORIGINAL-PATH?:PATH`: either name may tell what it is.
fn request_header(names: &str) -> (Option<Field>, Class) {
    let names = names.to_ascii_lowercase();
    let known = names.split('?').rev().find_map(|name| match name {
        // Both are checked by Envoy: no blanks, no quotes.
        ":method" => Some((Field::Method, Class::Token)),
        ":authority" | "host" => Some((Field::Authority, Class::Token)),
        ":path" | "x-envoy-original-path" => Some((Field::Path, Class::Free)),
        "x-forwarded-for" => Some((Field::ForwardedFor, Class::Free)),
        "user-agent" => Some((Field::UserAgent, Class::Free)),
        "x-request-id" => Some((Field::RequestId, Class::Free)),
        _ => None,
    });
    known.map_or((None, Class::Free), |(field, class)| (Some(field), class))
}

fn response_header(name: &str) -> (Option<Field>, Class) {
    match name.to_ascii_lowercase().as_str() {
        "x-envoy-upstream-service-time" => (Some(Field::ServiceTime), Class::Token),
        "grpc-status" => (Some(Field::GrpcStatus), Class::Number),
        _ => (None, Class::Free),
    }
}

/// The field that a text of a single operator fills: the value of a key of a JSON format.
pub(super) fn field_of(text: &str) -> Option<Field> {
    match operator(text.trim()) {
        Ok(("", operator)) => meaning(&operator).0,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(format: &str) -> (usize, String) {
        match Template::compile(format).expect_err(format).into_kind() {
            ErrorKind::Template { column, expected } => (column, expected.en),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_format_is_taken_apart_into_operators_and_text() {
        let template = Template::compile(
            "100%% [%START_TIME(%s.%3f)%] %REQ(X-A?:PATH):20% %MADE_UP(x:y)%|%RESPONSE_CODE%\n",
        )
        .unwrap();
        assert_eq!(template.lead, b"100% [");
        let steps: Vec<_> =
            template.steps.iter().map(|s| (s.operator.as_str(), s.field, s.literal.as_slice())).collect();
        assert_eq!(
            steps,
            [
                ("START_TIME(%s.%3f)", Some(Field::StartTime), b"] ".as_slice()),
                ("REQ(X-A?:PATH)", Some(Field::Path), b" "),
                ("MADE_UP(x:y)", None, b"|"),
                ("RESPONSE_CODE", Some(Field::Code), b""),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_back_is_refused_with_the_column() {
        assert_eq!(refused("%RESPONSE_CODE%%RESPONSE_FLAGS%").0, 16);
        assert!(refused("%RESPONSE_CODE%%RESPONSE_FLAGS%").1.contains("no text between %RESPONSE_CODE% and"));
        assert_eq!(refused("é %RESPONSE_CODE% %REQ(x%").0, 19);
        assert_eq!(refused("%response_code%").0, 1);
        assert_eq!(refused("%RESPONSE_CODE%\n%RESPONSE_FLAGS%").0, 16);
        assert!(refused("%REQ(X)% hello").1.contains("neither"));
        assert!(refused("").1.contains("neither"));
    }

    #[test]
    fn a_path_may_touch_the_protocol() {
        let template = Template::compile("%REQ(:PATH)%%PROTOCOL% %RESPONSE_CODE%").unwrap();
        assert_eq!(template.steps[0].class, Class::Glued);
    }

    #[test]
    fn every_operator_of_the_lists_is_spelt_as_envoy_spells_it() {
        for name in NUMBERS.iter().chain(TOKENS) {
            let (rest, operator) =
                operator(&format!("%{name}%")).map(|(rest, o)| (rest.to_owned(), o.name.to_owned())).unwrap();
            assert!(rest.is_empty() && operator == *name);
        }
    }

    #[test]
    fn the_same_field_twice_is_the_first_one() {
        let template =
            Template::compile("%RESPONSE_CODE% %UPSTREAM_REMOTE_ADDRESS% %UPSTREAM_HOST%").unwrap();
        assert_eq!(template.steps.iter().filter(|step| step.field == Some(Field::UpstreamHost)).count(), 1);
    }
}
