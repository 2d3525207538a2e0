//! ECDSA signatures as platforms return them.

use crate::jose::der_to_raw;

/// A signature that is read has the one DER form that X.690 gives its two numbers: nothing else reads as the same.
pub fn signature(data: &[u8]) -> bool {
    let Some(raw) = der_to_raw(data) else {
        return false;
    };
    let (r, s) = raw.split_at(32);
    assert_eq!(der(r, s), data, "a second form of one signature");
    true
}

/// `SEQUENCE { INTEGER r, INTEGER s }`.
pub(super) fn der(r: &[u8], s: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|octet| **octet == 0).count();
        let digits = &number[zeros..];
        let sign = digits.first().is_none_or(|first| *first >= 0x80);
        let content = [&[0][..usize::from(sign)], digits].concat();
        tagged(0x02, &content)
    };
    tagged(0x30, &[integer(r), integer(s)].concat())
}

/// A DER value with the shortest length (X.690 §10.1).
pub(super) fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, length as u8],
        0x80..0x100 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    [head, content.to_vec()].concat()
}
