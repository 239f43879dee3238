//! Numbers, texts, and what may be missing.

use super::{Broken, MOST, Pack, Packer, Unpacker, name};
use crate::words::Said;

/// A number of any size: a hash, a length that a log claims, a sum that stops at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wide(pub u64);

impl Pack for Wide {
    fn put(&self, out: &mut Packer<'_>) {
        out.wide(self.0);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        from.wide().map(Wide)
    }

    fn absent() -> Option<Self> {
        Some(Wide(0))
    }
}

macro_rules! counts {
    ($($number:ty),+) => {
        $(impl Pack for $number {
            fn put(&self, out: &mut Packer<'_>) {
                out.wide(*self as u64);
            }

            fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
                let number = from.wide()?;
                from.check(number <= MOST, "a count is too large")?;
                <$number>::try_from(number).map_err(|_| from.broken("a number is too large"))
            }

            fn absent() -> Option<Self> {
                Some(0)
            }
        })+
    };
}

counts!(u8, u16, u32, u64, usize);

/// A time, or the number of a bucket: small ones of either sign take few bytes.
impl Pack for i64 {
    fn put(&self, out: &mut Packer<'_>) {
        out.wide(((self << 1) ^ (self >> 63)) as u64);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let number = from.wide()?;
        let number = (number >> 1) as i64 ^ -((number & 1) as i64);
        from.check(number.unsigned_abs() <= 16 * MOST, "no time is so far away")?;
        Ok(number)
    }

    fn absent() -> Option<Self> {
        Some(0)
    }
}

impl Pack for bool {
    fn put(&self, out: &mut Packer<'_>) {
        out.byte(u8::from(*self));
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        match from.bytes(1)?[0] {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(from.broken("neither yes nor no")),
        }
    }

    fn absent() -> Option<Self> {
        Some(false)
    }
}

impl Pack for Box<[u8]> {
    fn put(&self, out: &mut Packer<'_>) {
        out.text(self);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(1)?;
        Ok(from.bytes(len)?.into())
    }

    fn absent() -> Option<Self> {
        Some(Box::default())
    }
}

impl Pack for String {
    fn put(&self, out: &mut Packer<'_>) {
        out.text(self.as_bytes());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let len = from.length(1)?;
        let text = str::from_utf8(from.bytes(len)?).map(str::to_owned);
        text.map_err(|_| from.broken("a name is not UTF-8"))
    }

    fn absent() -> Option<Self> {
        Some(String::new())
    }
}

/// A name that the code has as a constant.
impl Pack for &'static str {
    fn put(&self, out: &mut Packer<'_>) {
        out.text(self.as_bytes());
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        let text: String = from.take()?;
        name(&text)
            .ok_or_else(|| from.broken("a name that no format has, or more of them than any snapshot has"))
    }
}

packed!(Said { en, zh });

impl<T: Pack> Pack for Option<T> {
    fn put(&self, out: &mut Packer<'_>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        if from.take()? { from.take().map(Some) } else { Ok(None) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Pack> Pack for Box<T> {
    fn put(&self, out: &mut Packer<'_>) {
        (**self).put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        from.charge(size_of::<T>())?;
        from.take().map(Box::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Box::new)
    }
}

impl<A: Pack, B: Pack> Pack for (A, B) {
    fn put(&self, out: &mut Packer<'_>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        Ok((from.take()?, from.take()?))
    }
}
