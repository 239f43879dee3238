//! What a struct or an enum says of itself to be written down.

/// `packed!(Load { requests, failed })`: how a struct is written, field by field. Behind `;` stands what is worked out
/// anew.
macro_rules! packed {
    (for $n:ident; $name:ty { $($fields:tt)+ }) => {
        packed!(@ [const $n: usize] $name { $($fields)+ });
    };
    (@ [$($generic:tt)*] $name:ty { $($field:ident),+ $(,)? $(; $rest:ident)? }) => {
        impl<$($generic)*> $crate::pack::Pack for $name {
            fn put(&self, out: &mut $crate::pack::Packer<'_>) {
                out.wide([$(stringify!($field)),+].len() as u64);
                $($crate::pack::Pack::put(&self.$field, out);)+
            }

            fn read(
                from: &mut $crate::pack::Unpacker<'_>,
            ) -> ::std::result::Result<Self, $crate::pack::Broken> {
                let known = [$(stringify!($field)),+].len();
                let mut left = from.length(0)?;
                from.check(left <= known, "a field of a later version")?;
                Ok(Self { $($field: from.field(&mut left)?,)+ $($rest: Default::default(),)? })
            }

            fn absent() -> Option<Self> {
                Some(Self { $($field: $crate::pack::Pack::absent()?,)+ $($rest: Default::default(),)? })
            }
        }
    };
    ($name:ty { $($fields:tt)+ }) => {
        packed!(@ [] $name { $($fields)+ });
    };
}

/// `numbered!(Outcome { Ok = 0, Denied = 4 })`: an enum without contents. The numbers never change.
macro_rules! numbered {
    ($name:ident { $($variant:ident = $number:literal),+ $(,)? }) => {
        impl $crate::pack::Pack for $name {
            fn put(&self, out: &mut $crate::pack::Packer<'_>) {
                out.byte(match self { $($name::$variant => $number),+ });
            }

            fn read(
                from: &mut $crate::pack::Unpacker<'_>,
            ) -> ::std::result::Result<Self, $crate::pack::Broken> {
                match from.bytes(1)?[0] {
                    $($number => Ok($name::$variant),)+
                    _ => Err(from.broken(concat!("no such ", stringify!($name)))),
                }
            }
        }
    };
}
