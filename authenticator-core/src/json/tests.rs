//! Properties of reader and writers (RFC 8259, RFC 8785).

use proptest::prelude::*;

use super::number::ecmascript;
use super::*;

#[test]
fn the_compact_writer_keeps_order_and_the_digits_of_numbers() {
    let value = read(
        b" { \"b\" : [ 249.00 , -0 , 1E400 ] , \"a\" : \"\\u00e9\\/\" } ",
        Limits::BODY,
    )
    .expect("valid");
    assert_eq!(write(&value), r#"{"b":[249.00,-0,1E400],"a":"é/"}"#);
}

#[test]
fn offsets_point_to_the_first_byte_that_is_wrong() {
    for (text, error) in [
        ("", ReadError::Syntax { offset: 0 }),
        ("\u{feff}1", ReadError::Syntax { offset: 0 }),
        ("[1,]", ReadError::Syntax { offset: 3 }),
        ("{\"a\" 1}", ReadError::Syntax { offset: 5 }),
        ("\"a\\x\"", ReadError::Syntax { offset: 3 }),
        ("\"abc", ReadError::Syntax { offset: 4 }),
        ("01", ReadError::TrailingBytes { offset: 1 }),
        ("{} {}", ReadError::TrailingBytes { offset: 3 }),
    ] {
        assert_eq!(read(text.as_bytes(), Limits::BODY), Err(error), "{text}");
    }
}

#[test]
fn each_cap_is_met_exactly() {
    let limits = Limits {
        bytes: 10,
        depth: 2,
        values: 4,
    };
    assert!(read(b"[[1,2]]   ", limits).is_ok());
    assert_eq!(read(b"[[1,2]]    ", limits), Err(ReadError::TooLarge));
    assert_eq!(read(b"[[[]]]", limits), Err(ReadError::TooDeep));
    assert_eq!(
        read(
            b"[{},{\"\":1}]",
            Limits {
                bytes: 99,
                ..limits
            }
        )
        .err(),
        None
    );
    assert_eq!(read(b"[1,2,3,4]", limits), Err(ReadError::TooLarge));
    assert!(read(b"[1,2,3]", limits).is_ok());
}

#[test]
fn siblings_do_not_add_up_to_depth() {
    let limits = Limits {
        depth: 2,
        ..Limits::BODY
    };
    assert!(read(b"[[],[],[],{},{}]", limits).is_ok());
}

#[test]
fn deeper_than_any_stack_is_refused_not_fatal() {
    let deep = vec![b'['; Limits::BODY.bytes];
    assert_eq!(read(&deep, Limits::BODY), Err(ReadError::TooDeep));
}

#[test]
fn a_duplicate_among_thousands_of_members_is_found() {
    let members: Vec<String> = (0..19_000).map(|i| format!("\"{i:05}\":0")).collect();
    let text = format!("{{{},\"00007\":1}}", members.join(","));
    assert_eq!(
        read(text.as_bytes(), Limits::BODY),
        Err(ReadError::DuplicateName {
            pointer: "/00007".to_owned()
        })
    );
}

#[test]
fn pointers_of_rfc_6901_section_5_find_their_values() {
    let text = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
    let value = read(text.as_bytes(), Limits::BODY).expect("valid");
    assert!(value.pointer("") == Some(&value));
    for (pointer, expected) in [
        ("/foo/0", r#""bar""#),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ] {
        assert_eq!(
            value.pointer(pointer).map(write).as_deref(),
            Some(expected),
            "{pointer}"
        );
    }
    for pointer in [
        "foo", "/foo/2", "/foo/-", "/foo/00", "/foo/+1", "/foo/0/0", "/m~n", "/m~2n", "/m~", "/é",
        "/~é",
    ] {
        assert!(value.pointer(pointer).is_none(), "{pointer}");
    }
}

#[test]
fn integers_are_integers_only_by_their_text() {
    let number = |text: &str| match read(text.as_bytes(), Limits::BODY) {
        Ok(Value::Number(number)) => number,
        other => panic!("{other:?}"),
    };
    assert_eq!(number("-0").as_i64(), Some(0));
    assert_eq!(number("9223372036854775807").as_i64(), Some(i64::MAX));
    for text in ["9223372036854775808", "1.0", "1e3"] {
        assert_eq!(number(text).as_i64(), None, "{text}");
    }
    assert_eq!(number("1e400").as_f64(), f64::INFINITY);
}

fn number_text() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
}

fn number() -> impl Strategy<Value = Value> {
    number_text().prop_map(|text| Value::Number(Number::from_checked(&text)))
}

fn tree(numbers: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        numbers,
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Text that is nearly JSON reaches deeper than bytes at random.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[\\[\\]{},:\" \n0-9eE+.-]{1,3}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "true",
            "false",
            "null",
            "\"a\"",
            "\"a\":",
            "\\u",
            "\"\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "{\"a\":1}",
            "[1,2]",
            "1e999",
            "-0",
            "\"\\n\"",
            "\u{feff}",
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
        number_text().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// What `serde_json` makes of the same bytes, duplicates resolved its own way.
fn agrees_with_serde_json(bytes: &[u8]) {
    let ours = read(bytes, Limits::BODY);
    let theirs = serde_json::from_slice::<serde_json::Value>(bytes);
    match (&ours, &theirs) {
        (Ok(value), Ok(expected)) => {
            let again: serde_json::Value =
                serde_json::from_str(&write(value)).expect("what we write is JSON");
            assert_eq!(&again, expected);
        }
        // serde_json keeps the last of two members of one name.
        (Err(ReadError::DuplicateName { .. }), Ok(_)) => {}
        // Its cap for depth is 128, ours lower; it has none for bytes and values.
        (Err(ReadError::TooDeep | ReadError::TooLarge), _) => {}
        // It keeps numbers as doubles and refuses those that are too large for one.
        (Ok(_), Err(e)) => assert!(e.to_string().starts_with("number out of range"), "{e}"),
        (Err(_), Err(_)) => {}
        (Err(e), Ok(_)) => panic!("only we refuse: {e:?}"),
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_the_same(value in tree(number().boxed())) {
        let text = write(&value);
        prop_assert_eq!(read(text.as_bytes(), Limits::BODY), Ok(value));
    }

    #[test]
    fn bytes_never_panic_and_serde_json_agrees(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        agrees_with_serde_json(&bytes);
    }

    #[test]
    fn near_json_never_panics_and_serde_json_agrees(bytes in nearly_json()) {
        agrees_with_serde_json(&bytes);
    }

    #[test]
    fn canonical_text_is_its_own_canonical_text(
        value in tree(any::<f64>().prop_filter_map("finite", ecmascript)
            .prop_map(|text| Value::Number(Number::from_checked(&text))).boxed())
    ) {
        // Integers beyond 2^53 are refused: they are tested by the vectors.
        if let Ok(text) = canonical(&value) {
            let again = read(text.as_bytes(), Limits::BODY).expect("canonical text is JSON");
            prop_assert_eq!(canonical(&again), Ok(text));
        }
    }

    #[test]
    fn canonical_text_does_not_depend_on_the_order_of_members(value in tree(number().boxed())) {
        fn reversed(value: &Value) -> Value {
            match value {
                Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
                Value::Object(members) => Value::Object(
                    members.iter().rev().map(|(n, v)| (n.clone(), reversed(v))).collect(),
                ),
                _ => value.clone(),
            }
        }
        // Where more than one number is ambiguous, which is named depends on nothing but the sorted order.
        prop_assert_eq!(canonical(&value), canonical(&reversed(&value)));
    }

    #[test]
    fn every_double_has_a_text_that_reads_back_as_it(bits in any::<u64>()) {
        let double = f64::from_bits(bits);
        if let Some(text) = ecmascript(double) {
            prop_assert_eq!(text.parse::<f64>().ok(), Some(double));
            prop_assert_eq!(Number::from_checked(&text).canonical(), Some(text));
        }
    }

    #[test]
    fn a_number_with_a_canonical_text_is_the_same_double(text in number_text()) {
        let number = Number::from_checked(&text);
        if let Some(canonical) = number.canonical() {
            prop_assert_eq!(canonical.parse::<f64>().ok(), Some(number.as_f64()));
        }
    }

    #[test]
    fn pointers_never_panic(pointer in "[/~0-9a-z\u{e9}-]{0,12}") {
        let value = read(br#"{"a":[{"b":1},[]],"~":{"/":2}}"#, Limits::BODY).expect("valid");
        let _ = value.pointer(&pointer);
    }

    #[test]
    fn a_step_leads_to_the_member_it_names(name in any::<String>()) {
        let value = Value::Object(vec![(name.clone(), Value::Null)]);
        prop_assert_eq!(value.pointer(&pointer_step(&name)), Some(&Value::Null));
    }
}
