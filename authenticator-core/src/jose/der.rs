//! The few DER types that keys and signatures are made of, read strictly (X.690 §10).

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// What has not been read yet.
pub(super) struct Der<'a>(pub &'a [u8]);

impl<'a> Der<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Content of a SEQUENCE.
    pub(super) fn sequence(&mut self) -> Option<&'a [u8]> {
        self.content(SEQUENCE)
    }
    /// Content of a BIT STRING of whole bytes.
    pub(super) fn bit_string(&mut self) -> Option<&'a [u8]> {
        self.content(BIT_STRING)?.strip_prefix(&[0])
    }
    /// A positive INTEGER, big-endian, without the zero octet that only says it is not negative.
    pub(super) fn positive_integer(&mut self) -> Option<&'a [u8]> {
        let number = self.content(INTEGER)?;
        match number {
            // X.690 §8.3.2: a leading zero octet only where the next one has its high bit set.
            [0, next, ..] if *next >= 0x80 => Some(&number[1..]),
            [first, ..] if (1..0x80).contains(first) => Some(number),
            _ => None,
        }
    }

    fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        let rest = self.0.strip_prefix(&[tag])?;
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(content)
    }
}

/// X.690 §10.1: the shortest definite form. Nothing here is as long as 64 KiB.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [short, rest @ ..] if *short < 0x80 => Some((usize::from(*short), rest)),
        [0x81, long, rest @ ..] if *long >= 0x80 => Some((usize::from(*long), rest)),
        [0x82, high, low, rest @ ..] if *high >= 1 => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => None,
    }
}

/// ECDSA DER (`SEQUENCE{r,s}`, RFC 3279 §2.2.3) to 64 bytes `r‖s` (RFC 7518 §3.4); strict DER.
pub(crate) fn der_to_raw(der: &[u8]) -> Option<[u8; 64]> {
    let mut outer = Der(der);
    let mut numbers = Der(outer.sequence()?);
    let r = numbers.positive_integer()?;
    let s = numbers.positive_integer()?;
    if !numbers.is_empty() || !outer.is_empty() {
        return None;
    }
    let mut raw = [0; 64];
    let (left, right) = raw.split_at_mut(32);
    right_align(left, r)?;
    right_align(right, s)?;
    Some(raw)
}

fn right_align(field: &mut [u8], number: &[u8]) -> Option<()> {
    let start = field.len().checked_sub(number.len())?;
    field[start..].copy_from_slice(number);
    Some(())
}
