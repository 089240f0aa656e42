//! A record's bytes in a key-value store. The key is not among them.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 1 | age |
//! | 1 | 1 | whether active |
//! | 2 | 8 | score |
//! | 10 | 1 | length of the name |
//! | 11 | 1 | length of the address |
//! | 12 | | name, address, and the rest is the biography |
//!
//! Written by hand: smaller and faster than what a general format makes of the same struct, and what a query needs that
//! looks at few fields is found without decoding the others.

use super::Outcome;
use crate::person::Person;

/// What has a fixed place.
pub struct Head {
    pub age: u8,
    pub active: bool,
    pub score: f64,
}

const HEAD_LEN: usize = 12;

/// Puts a record's bytes into `buffer`, over what it held.
pub fn encode(person: &Person, buffer: &mut Vec<u8>) -> Outcome<()> {
    buffer.clear();
    buffer.extend([person.age, u8::from(person.active)]);
    buffer.extend(person.score.to_le_bytes());
    buffer.extend([u8::try_from(person.name.len())?, u8::try_from(person.email.len())?]);
    buffer.extend_from_slice(person.name.as_bytes());
    buffer.extend_from_slice(person.email.as_bytes());
    buffer.extend_from_slice(person.bio.as_bytes());
    Ok(())
}

/// The record with this key and these bytes.
pub fn decode(id: u64, bytes: &[u8]) -> Outcome<Person> {
    let Head { age, active, score } = head(bytes)?;
    let (name_len, email_len) = (usize::from(bytes[10]), usize::from(bytes[11]));
    let (name, rest) = bytes[HEAD_LEN..].split_at_checked(name_len).ok_or("the name is cut")?;
    let (email, bio) = rest.split_at_checked(email_len).ok_or("the address is cut")?;
    let text = |bytes: &[u8]| Ok::<_, std::str::Utf8Error>(std::str::from_utf8(bytes)?.to_owned());
    Ok(Person { id, name: text(name)?, email: text(email)?, age, score, active, bio: text(bio)? })
}

/// The part of a record that has a fixed place.
pub fn head(bytes: &[u8]) -> Outcome<Head> {
    let head: &[u8; HEAD_LEN] = bytes.first_chunk().ok_or("a record is cut")?;
    let score = f64::from_le_bytes(head[2..10].try_into()?);
    Ok(Head { age: head[0], active: head[1] != 0, score })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_comes_back() {
        let mut buffer = vec![1; 300];
        for person in crate::person::people(100, 5) {
            encode(&person, &mut buffer).unwrap();
            assert_eq!(buffer.len(), HEAD_LEN + 16 + 24 + 80);
            assert_eq!(decode(person.id, &buffer).unwrap(), person);
            for len in 0..HEAD_LEN + 16 + 24 {
                assert!(decode(person.id, &buffer[..len]).is_err(), "{len}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut person = crate::person::people(1, 5).remove(0);
        person.name = "n".repeat(256);
        assert!(encode(&person, &mut Vec::new()).is_err());
    }
}
