//! Which media are taken (RFC 3264): messages that SIP itself carries, as persistent-chat clients offer them
//! (`m=message PORT sip null`). No voice, no picture, no MSRP.

use perch_sip::Status;
use perch_sip::header::Name;
use perch_sip::message::{Answer, Request};

use crate::sip::check::{answer, explained};

/// What is answered to the offer in an INVITE or UPDATE, or offered where it has none; or the answer that refuses it.
pub(super) fn describe(request: &Request, domain: &str) -> Result<String, Answer> {
    if request.body.is_empty() {
        return Ok(description(domain, TAKEN));
    }
    let media = request.headers.content_type().ok().flatten();
    if !media.is_some_and(|media| media.is(SDP)) {
        return Err(answer(request, Status::UNSUPPORTED_MEDIA_TYPE).header(Name::Accept, SDP).finish());
    }
    let text = std::str::from_utf8(&request.body);
    let text =
        text.map_err(|_| explained(request, Status::BAD_REQUEST, "the offer is not UTF-8").finish())?;
    let offered: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("m=")).take(STREAMS_MAX + 1).collect();
    let taken = offered.iter().position(|stream| is_taken(stream));
    let Some(taken) = taken.filter(|_| offered.len() <= STREAMS_MAX) else {
        let refusal = answer(request, Status::NOT_ACCEPTABLE_HERE);
        return Err(refusal.header(Name::Warning, "304 perch \"no media but messages in SIP\"").finish());
    };
    // §6: an answer has as many streams as the offer, and those that are refused have port 0.
    let streams = offered.iter().enumerate().map(|(at, stream)| match at == taken {
        true => TAKEN.to_owned(),
        false => refused(stream),
    });
    Ok(description(domain, &streams.collect::<String>()))
}

fn is_taken(stream: &str) -> bool {
    let words: Vec<&str> = stream.split_ascii_whitespace().collect();
    matches!(words[..], [media, port, protocol, ..] if media.eq_ignore_ascii_case("message")
        && protocol.eq_ignore_ascii_case("sip")
        && port != "0")
}

fn refused(stream: &str) -> String {
    let mut words: Vec<&str> = stream.split_ascii_whitespace().collect();
    if let Some(port) = words.get_mut(1) {
        *port = "0";
    }
    format!("m={}\r\n", words.join(" "))
}

fn description(domain: &str, streams: &str) -> String {
    format!("v=0\r\no=- 0 0 IN IP4 {domain}\r\ns=-\r\nc=IN IP4 {domain}\r\nt=0 0\r\n{streams}")
}

pub(super) const SDP: &str = "application/sdp";
/// The port says nothing: messages come within the dialog.
const TAKEN: &str = "m=message 5060 sip null\r\na=accept-types:text/plain\r\n";
/// Streams of one offer.
const STREAMS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use perch_sip::limits::Limits;
    use perch_sip::message::Message;

    use super::*;

    fn described(headers: &str, body: &str) -> Result<String, String> {
        let text = format!(
            "INVITE sip:ocschat@x.example SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bK1\r\nFrom: <sip:a@x.example>;tag=1\r\n\
             To: <sip:ocschat@x.example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n{headers}\r\n{body}"
        );
        let Ok(Message::Request(request)) = Message::parse(text.into(), Limits::PEER) else {
            panic!("{body}")
        };
        let streams = |text: String| {
            text.lines().filter_map(|line| line.strip_prefix("m=")).collect::<Vec<_>>().join("|")
        };
        describe(&request, "x.example").map(streams).map_err(|answer| answer.status().to_string())
    }

    #[test]
    fn messages_in_sip_are_taken_and_nothing_else() {
        let sdp = "Content-Type: application/sdp\r\n";
        let check = |headers: &str, body: &str, expected: Result<&str, &str>| {
            let found = described(headers, body);
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{body}");
        };
        let taken = Ok("message 5060 sip null");
        let refused = Err("488 Not Acceptable Here");
        check("", "", taken);
        check(sdp, "v=0\r\nm=message 5061 sip null\r\na=accept-types:text/plain\r\n", taken);
        check(
            sdp,
            "m=audio 7 RTP/AVP 0\r\nm=message 5061 SIP null\r\n",
            Ok("audio 0 RTP/AVP 0|message 5060 sip null"),
        );
        check(sdp, "m=message 0 sip null\r\n", refused);
        check(sdp, "m=message 2855 TCP/MSRP *\r\n", refused);
        check(sdp, "m=audio 7 RTP/AVP 0\r\n", refused);
        check(sdp, "v=0\r\n", refused);
        check(sdp, &"m=message 5061 sip null\r\n".repeat(STREAMS_MAX + 1), refused);
        check("Content-Type: text/plain\r\n", "hi", Err("415 Unsupported Media Type"));
        check("", "v=0", Err("415 Unsupported Media Type"));
    }
}
