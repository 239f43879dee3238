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
                let mut left = from.fields([$(stringify!($field)),+].len())?;
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

/// `tables!(Detail { places, callers })`: a struct of tables that do not know each other. It is written as by [`packed!`], and
/// read table by table, each as a value that holds nothing else.
macro_rules! tables {
    ($name:ident { $($field:ident),+ $(,)? }) => {
        impl $name {
            /// Writes it down.
            pub fn put(&self, out: &mut $crate::pack::Packer<'_>) {
                out.wide([$(stringify!($field)),+].len() as u64);
                $($crate::pack::Pack::put(&self.$field, out);)+
            }

            /// Reads it table by table. Put together in this order, the pieces are the whole; so that a whole which is added
            /// to another one need not stand beside it.
            ///
            /// # Errors
            /// When the bytes are none that `put` writes.
            pub fn pieces(
                from: &mut $crate::pack::Unpacker<'_>,
                mut take: impl FnMut($name),
            ) -> ::std::result::Result<(), $crate::pack::Broken> {
                let mut left = from.fields([$(stringify!($field)),+].len())?;
                $(take($name { $field: from.field(&mut left)?, ..<_>::default() });)+
                Ok(())
            }
        }
    };
}
