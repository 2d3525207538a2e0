//! JSON texts as nobody's library writes them: doubled names, lone surrogates, numbers of every length, towers of
//! brackets, texts of every script and size. Some are no JSON at all.

use proptest::prelude::*;

/// A text, and what is in it that makes it unreadable.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Word(&'static str),
    /// As it stands in the text.
    Number(String),
    /// What stands between the quotation marks.
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
    /// That many arrays or objects inside one another.
    Tower(u8, bool),
}

impl Node {
    pub(crate) fn text(&self) -> String {
        match self {
            Node::Word(word) => (*word).to_owned(),
            Node::Number(number) => number.clone(),
            Node::Text(text) => format!("\"{text}\""),
            Node::Array(items) => {
                let items: Vec<_> = items.iter().map(Node::text).collect();
                format!("[{}]", items.join(", "))
            }
            Node::Object(members) => {
                let member = |(name, node): &(String, Node)| format!("\"{name}\":{}", node.text());
                let members: Vec<_> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(" ,"))
            }
            Node::Tower(height, true) => {
                let height = usize::from(*height);
                format!("{}{}", "[".repeat(height), "]".repeat(height))
            }
            Node::Tower(height, false) => {
                let height = usize::from(*height);
                format!("{}1{}", "{\"a\":".repeat(height), "}".repeat(height))
            }
        }
    }
}

/// Any value, sound or not.
pub(crate) fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        4 => number(),
        6 => text().prop_map(Node::Text),
        2 => prop::sample::select(vec!["null", "true", "false"]).prop_map(Node::Word),
        1 => prop::sample::select(vec!["NaN", "Infinity", "undefined", "", "'a'", "01", "+1", ".5", "1.", "0x1"]).prop_map(Node::Word),
        1 => (0u8..80, any::<bool>()).prop_map(|(height, arrays)| Node::Tower(height, arrays)),
    ];
    nested(leaf.boxed(), true)
}

/// Any value that is sound JSON: it may be too large or ambiguous, but everybody can read it.
pub(crate) fn sound_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        4 => number(),
        6 => sound_text().prop_map(Node::Text),
        2 => prop::sample::select(vec!["null", "true", "false"]).prop_map(Node::Word),
    ];
    nested(leaf.boxed(), false)
}

fn nested(leaf: BoxedStrategy<Node>, doubled: bool) -> impl Strategy<Value = Node> {
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let members = prop::collection::vec((name(), inner.clone()), 0..7);
        prop_oneof![
            1 => prop::collection::vec(inner, 0..6).prop_map(Node::Array),
            2 => members.prop_map(move |members| object(members, doubled)),
        ]
    })
}

/// An object whose names are all different, unless they may be `doubled`.
pub(crate) fn object(mut members: Vec<(String, Node)>, doubled: bool) -> Node {
    if !doubled {
        let mut seen = std::collections::BTreeSet::new();
        members.retain(|(name, _)| seen.insert(name.clone()));
    }
    Node::Object(members)
}

/// Valid by RFC 8259, and often beyond what a double holds.
fn number() -> impl Strategy<Value = Node> {
    let odd = vec![
        "-0",
        "0e99",
        "1e400",
        "-1e-400",
        "5e-324",
        "9007199254740993",
        "0.1",
        "249.00",
        "1E+2",
        "1.7976931348623157e308",
        "0.1000000000000000055511151231257827",
        "123456789012345678901234567890",
    ];
    prop_oneof![
        2 => prop::sample::select(odd).prop_map(str::to_owned),
        3 => "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,4})?",
        1 => "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,40})?([eE][+-]?[0-9]{1,5})?",
    ]
    .prop_map(Node::Number)
}

/// Between quotation marks, sometimes with what must not stand there.
fn text() -> impl Strategy<Value = String> {
    let broken = vec![
        r"\ud800",
        r"\udc00\ud800",
        r"\u12",
        r"\x41",
        "\u{1}",
        "\n",
        "\\",
        "\u{0}",
    ];
    prop_oneof![
        9 => sound_text(),
        1 => (sound_text(), prop::sample::select(broken)).prop_map(|(text, broken)| text + broken),
    ]
}

/// Words that templates know, scripts that run from right to left, characters that act or hide, and a lot of anything.
fn sound_text() -> impl Strategy<Value = String> {
    let known = vec![
        "payment_initiation",
        "money_transfer",
        "account_information",
        "sign",
        "parcel",
        "urn:auth0:schemas:authorization-details:v1:transfer",
        "EUR",
        "JPY",
        "249.00",
        "-1",
        "1e3",
        "DE89 3704 0044 0532 0130 00",
        "https://api.bank.example/x",
        "https://a@b.example\\\\c",
        "http://раураl.example",
        "2026-01-20",
        "2026-01-20T08:00:00Z",
        "cns_1",
        "",
        "com.auth0.notification.authentication",
        "2026-01-15T10:30:00.000Z",
    ];
    let acting = vec![
        "שלום עולם",
        "مرحبا",
        "\u{202e}evil\u{202c}",
        "\u{2066}a\u{2069}",
        "\u{2068}a\u{2069}",
        "a\u{200b}b",
        "\u{feff}",
        "\u{ad}",
        "\u{e0041}",
        "e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}",
        "👩‍👩‍👧",
        "☎\u{fe0f}",
        "pаypal",
        "  a  b  ",
        "\u{3000}",
        "\u{2028}",
        "\u{85}",
        "\u{7f}",
        "\u{e000}",
        "\u{ffff}",
        r"\u0000",
        r"\u202e",
        r"\ud83d\ude00",
        r"\n\t\u001f",
        r#"\"\\\/"#,
    ];
    let plain = any::<String>().prop_map(|text| {
        let escape = |c: char| match c {
            '"' | '\\' => format!("\\{c}"),
            c if u32::from(c) < 0x20 => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        text.chars().map(escape).collect::<String>()
    });
    let part = prop_oneof![
        3 => prop::sample::select(known).prop_map(str::to_owned),
        3 => prop::sample::select(acting).prop_map(str::to_owned),
        2 => plain,
    ];
    prop_oneof![
        6 => part.clone(),
        2 => prop::collection::vec(part.clone(), 2..5).prop_map(|parts| parts.concat()),
        1 => (part, 1usize..2000).prop_map(|(part, times)| part.repeat(times)),
    ]
}

/// Names that the dialect and the templates know, and others.
pub(crate) fn name() -> impl Strategy<Value = String> {
    let known = vec![
        "id",
        "requested_details",
        "authorization_details",
        "audience",
        "scope",
        "binding_message",
        "expires_at",
        "type",
        "instructedAmount",
        "amount",
        "currency",
        "creditorName",
        "beneficiary",
        "creditorAccount",
        "iban",
        "actions",
        "locations",
        "datatypes",
        "identifier",
        "documentDigests",
        "hash",
        "label",
        "hashAlgorithmOID",
        "instruction",
        "properties",
        "display",
        "name",
        "display_order",
        "description",
        "value",
        "what",
        "note",
        "weight",
        "price",
        "day",
        "from",
        "account",
        "track",
        "express",
        "stops",
        "papers",
        "box",
        "trace",
        "aps",
        "category",
        "mfa",
        "data",
        "dai",
        "txtkn",
        "c",
        "d",
        "sh",
        "txlnkid",
        "s",
        "l",
        "b",
        "os",
        "n",
        "v",
        "lat",
        "long",
        "",
        "a/b",
        "c~d",
        "a~1b",
    ];
    prop_oneof![
        8 => prop::sample::select(known).prop_map(str::to_owned),
        1 => sound_text(),
    ]
}
