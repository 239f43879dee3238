use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn packed<T: Pack>(value: &T) -> Vec<u8> {
    let mut packer = Packer::default();
    value.put(&mut packer);
    packer.into_bytes()
}

fn unpacked<T: Pack>(bytes: &[u8]) -> Result<T, Broken> {
    let mut from = Unpacker::new(bytes);
    let value = from.take()?;
    from.check(from.is_done(), "more than was asked for")?;
    Ok(value)
}

#[derive(Debug, PartialEq)]
struct Old {
    a: u64,
}

#[derive(Debug, PartialEq)]
struct New {
    a: u64,
    b: Vec<String>,
}

packed!(Old { a });
packed!(New { a, b });

#[test]
fn what_an_older_version_wrote_still_reads() {
    assert_eq!(unpacked::<New>(&packed(&Old { a: 7 })), Ok(New { a: 7, b: Vec::new() }));
    let what = unpacked::<Old>(&packed(&New { a: 7, b: Vec::new() })).unwrap_err().what;
    assert_eq!(what, "a field of a later version");
}

#[test]
fn a_length_is_not_believed() {
    let bytes = packed(&Wide(1 << 40));
    assert!(unpacked::<Vec<u64>>(&bytes).is_err());
    // Many small bytes that would be many large values.
    let mut bytes = packed(&(1_u64 << 24));
    bytes.resize(bytes.len() + (1 << 24), 0);
    assert!(unpacked::<Vec<[Option<String>; 0]>>(&bytes).is_ok());
    assert!(unpacked::<Vec<(Option<String>, (Option<String>, Option<String>))>>(&bytes).is_err());
}

proptest! {
    #[test]
    fn what_was_written_reads_back(
        numbers in prop::collection::vec(any::<u64>(), 0..20),
        times in prop::collection::vec(-(1_i64 << 60)..(1_i64 << 60), 0..20),
        table in prop::collection::btree_map(".{0,12}", prop::option::of(0..MOST), 0..20),
    ) {
        let numbers: Vec<plain::Wide> = numbers.into_iter().map(plain::Wide).collect();
        prop_assert_eq!(unpacked::<Vec<plain::Wide>>(&packed(&numbers)), Ok(numbers));
        prop_assert_eq!(unpacked::<Vec<i64>>(&packed(&times)), Ok(times));
        prop_assert_eq!(unpacked::<BTreeMap<String, Option<u64>>>(&packed(&table)), Ok(table));
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = unpacked::<Vec<(Option<String>, BTreeMap<u16, Box<[u8]>>)>>(&bytes);
    }
}
