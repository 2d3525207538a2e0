//! Unicode data in the least space: sorted ranges. `IGNORABLE` is written by hand; the rest is generated from the crates
//! `unicode-normalization` (UCD) and `unicode-security` (UTS 39 confusables) by `regenerate_unicode_tables` in `tests.rs`,
//! and a test compares every code point with them.

/// Whether a sorted table of ranges holds a character.
pub(super) fn contains(table: &[(u32, u32)], c: char) -> bool {
    let code = u32::from(c);
    let next = table.partition_point(|(first, _)| *first <= code);
    next > 0 && table[next - 1].1 >= code
}

/// Default_Ignorable_Code_Point (UCD 17.0, DerivedCoreProperties.txt).
pub(super) const IGNORABLE: &[(u32, u32)] = &[
    (0xad, 0xad),
    (0x34f, 0x34f),
    (0x61c, 0x61c),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x202a, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfff8),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
];

// Generated from here on.
pub(super) const MARKS: &[(u32, u32)] = &[];
pub(super) const LOOKS_ASCII: &[(u32, u32)] = &[];
