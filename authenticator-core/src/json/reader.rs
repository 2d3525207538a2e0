//! Bytes to [`Value`], by RFC 8259 and nothing beyond it.

use super::{Limits, Number, ReadError, Value, pointer_step};

type Result<T> = std::result::Result<T, ReadError>;

/// Reads one JSON text: UTF-8 without byte order mark, white space around it, and not a byte more.
pub(crate) fn read(bytes: &[u8], limits: Limits) -> Result<Value> {
    if bytes.len() > limits.bytes {
        return Err(ReadError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ReadError::NotUtf8)?;
    let mut reader = Reader {
        text,
        at: 0,
        depth_left: limits.depth,
        values_left: limits.values,
    };
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    if reader.at < text.len() {
        return Err(ReadError::TrailingBytes { offset: reader.at });
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    /// Offset of the next byte; always at the start of a character.
    at: usize,
    depth_left: usize,
    values_left: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Result<Value> {
        self.values_left = self.values_left.checked_sub(1).ok_or(ReadError::TooLarge)?;
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => Err(self.syntax()),
        }
    }

    fn nested(&mut self, container: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        self.depth_left = self.depth_left.checked_sub(1).ok_or(ReadError::TooDeep)?;
        self.at += 1;
        self.skip_space();
        let value = container(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    /// After `{`.
    fn object(&mut self) -> Result<Value> {
        let mut members = Vec::new();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax());
            }
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            let value = self.value().map_err(|e| e.inside(&name))?;
            members.push((name, value));
            self.skip_space();
            if !self.eat(b',') {
                break;
            }
            self.skip_space();
        }
        self.expect(b'}')?;
        match first_duplicate(&members) {
            Some(name) => Err(ReadError::DuplicateName {
                pointer: pointer_step(name),
            }),
            None => Ok(Value::Object(members)),
        }
    }

    /// After `[`.
    fn array(&mut self) -> Result<Value> {
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            let item = self
                .value()
                .map_err(|e| e.inside(&items.len().to_string()))?;
            items.push(item);
            self.skip_space();
            if !self.eat(b',') {
                break;
            }
            self.skip_space();
        }
        self.expect(b']')?;
        Ok(Value::Array(items))
    }

    /// At the opening quotation mark.
    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut string = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .bytes()
                .position(|b| matches!(b, b'"' | b'\\' | ..=0x1f))
                .unwrap_or(rest.len());
            string.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(string);
                }
                Some(b'\\') => {
                    self.at += 1;
                    string.push(self.escape()?);
                }
                _ => return Err(self.syntax()),
            }
        }
    }

    /// After the backslash.
    fn escape(&mut self) -> Result<char> {
        let character = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.syntax()),
        };
        self.at += 1;
        Ok(character)
    }

    /// After `\u`: one code unit, or a surrogate pair (RFC 8259 §7).
    fn code_point(&mut self) -> Result<char> {
        let lone = || ReadError::LoneSurrogate {
            pointer: String::new(),
        };
        let first = self.code_unit()?;
        if !matches!(first, 0xd800..=0xdbff) {
            return char::from_u32(first).ok_or_else(lone);
        }
        if !self.text[self.at..].starts_with("\\u") {
            return Err(lone());
        }
        self.at += 2;
        match self.code_unit()? {
            second @ 0xdc00..=0xdfff => {
                let point = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                char::from_u32(point).ok_or_else(lone)
            }
            _ => Err(lone()),
        }
    }

    /// Four hexadecimal digits.
    fn code_unit(&mut self) -> Result<u32> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            unit = unit * 16 + digit.ok_or_else(|| self.syntax())?;
            self.at += 1;
        }
        Ok(unit)
    }

    /// RFC 8259 §6.
    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(Value::Number(Number::from_checked(
            &self.text[start..self.at],
        )))
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<()> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.syntax());
        }
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(value)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }
    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) {
            Ok(())
        } else {
            Err(self.syntax())
        }
    }
    fn syntax(&self) -> ReadError {
        ReadError::Syntax { offset: self.at }
    }
}

impl ReadError {
    /// The pointer grows from the inside out: only errors pay for it.
    fn inside(mut self, step: &str) -> Self {
        if let ReadError::DuplicateName { pointer } | ReadError::LoneSurrogate { pointer } =
            &mut self
        {
            pointer.insert_str(0, &pointer_step(step));
        }
        self
    }
}

/// By sorting: comparing all pairs would let a large object stall the reader.
fn first_duplicate(members: &[(String, Value)]) -> Option<&str> {
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
}
