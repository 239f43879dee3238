//! Records as a Parquet file, written forward: it may go down a pipe.
//!
//! Rows are put together to batches whose ends depend on the rows alone, never on how the input was cut into parts: so
//! the file is the same, to the byte, for any number of threads. A batch is encoded at once, each column on its own,
//! and only encoded pages wait for the row group to be full: so memory is bounded by [`GROUP_BYTES`].

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use rayon::prelude::*;

use super::columns::{Columns, START_TIME_UTC, schema};
use crate::error::{Error, ErrorKind, Result};
use crate::record::Field;

/// The name and version of the columns, in the file's own metadata. Grows when a column is dropped or changes its type.
const SCHEMA: (&str, &str) = ("meshwhy.schema", "meshwhy.records/1");

/// Rows that are encoded at once.
const BATCH_ROWS: usize = 8 << 10;
/// Bytes that are encoded at once: hostile rows are large.
const BATCH_BYTES: usize = 4 << 20;
/// Rows of a row group: what DuckDB gives to a thread; others want the same order of magnitude.
const GROUP_ROWS: usize = 15 * BATCH_ROWS;
/// Encoded bytes after which a row group ends early.
const GROUP_BYTES: usize = 32 << 20;
/// Pieces that may wait to become a batch; each holds some memory of its own, however few its rows are.
const PIECES: usize = 64;

/// A file that is being written.
pub struct ParquetFile<'w> {
    schema: SchemaRef,
    file: SerializedFileWriter<&'w mut (dyn Write + Send)>,
    factory: ArrowRowGroupWriterFactory,
    /// Encodes columns next to each other; `None`: one thread does it.
    pool: Option<rayon::ThreadPool>,
    pieces: Vec<RecordBatch>,
    /// Of the batch to come.
    rows: usize,
    bytes: usize,
    group: Group,
}

/// The row group to come.
#[derive(Default)]
struct Group {
    /// One a column; none before the first row.
    columns: Vec<ArrowColumnWriter>,
    rows: usize,
}

impl<'w> ParquetFile<'w> {
    /// A file without rows.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(out: &'w mut (dyn Write + Send), threads: usize) -> Result<ParquetFile<'w>> {
        let schema = schema();
        let writer =
            ArrowWriter::try_new(out, SchemaRef::clone(&schema), Some(properties().map_err(failed)?));
        let (file, factory) = writer.and_then(ArrowWriter::into_serialized_writer).map_err(failed)?;
        // Without a pool (the system gives no more threads) the work is done by the caller.
        let pool = (threads > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok())
            .flatten();
        let (pieces, group) = (Vec::new(), Group::default());
        Ok(ParquetFile { schema, file, factory, pool, pieces, rows: 0, bytes: 0, group })
    }

    /// Adds the records of a part.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn add(&mut self, part: Columns) -> Result<()> {
        let (batch, row_bytes) = part.finish(&self.schema).map_err(|e| failed(e.into()))?;
        let mut start = 0;
        for (end, bytes) in (1..).zip(row_bytes) {
            self.rows += 1;
            self.bytes += bytes as usize;
            if self.rows == BATCH_ROWS || self.bytes >= BATCH_BYTES {
                self.pieces.push(batch.slice(start, end - start));
                start = end;
                self.encode().map_err(failed)?;
            }
        }
        if start < batch.num_rows() {
            self.pieces.push(batch.slice(start, batch.num_rows() - start));
        }
        if self.pieces.len() >= PIECES {
            self.pieces = vec![self.batch().map_err(failed)?];
        }
        Ok(())
    }

    /// Writes what is left, and the end of the file.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> Result<()> {
        if !self.pieces.is_empty() {
            self.encode().map_err(failed)?;
        }
        self.end_group().map_err(failed)?;
        self.file.close().map_err(failed)?;
        Ok(())
    }

    /// The pieces as one.
    fn batch(&mut self) -> ParquetResult<RecordBatch> {
        let pieces = std::mem::take(&mut self.pieces);
        Ok(concat_batches(&self.schema, &pieces)?)
    }

    /// The pieces become part of the row group.
    fn encode(&mut self) -> ParquetResult<()> {
        let batch = self.batch()?;
        (self.rows, self.bytes) = (0, 0);
        if self.group.columns.is_empty() {
            self.group.columns = self.factory.create_column_writers(self.file.flushed_row_groups().len())?;
        }
        let mut leaves: Vec<ArrowLeafColumn> = Vec::with_capacity(self.group.columns.len());
        for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
            leaves.extend(compute_leaves(field, column)?);
        }
        let columns = &mut self.group.columns;
        match &self.pool {
            Some(pool) => pool.install(|| {
                columns.par_iter_mut().zip(&leaves).try_for_each(|(column, leaf)| column.write(leaf))
            })?,
            None => columns.iter_mut().zip(&leaves).try_for_each(|(column, leaf)| column.write(leaf))?,
        }
        self.group.rows += batch.num_rows();
        let encoded: usize =
            self.group.columns.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum();
        if self.group.rows >= GROUP_ROWS || encoded >= GROUP_BYTES {
            self.end_group()?;
        }
        Ok(())
    }

    /// Writes the row group.
    fn end_group(&mut self) -> ParquetResult<()> {
        let Group { columns, .. } = std::mem::take(&mut self.group);
        if columns.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for column in columns {
            column.close()?.append_to_row_group(&mut group)?;
        }
        group.close()?;
        Ok(())
    }
}

/// How columns are written. Dictionaries serve most of them: the words of a log repeat.
fn properties() -> ParquetResult<WriterProperties> {
    let (name, version) = SCHEMA;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_key_value_metadata(Some(vec![KeyValue::new(name.to_owned(), version.to_owned())]));
    // Each value of these is new: a dictionary would be made and thrown away.
    for name in [Field::StartTime.key(), Field::RequestId.key()] {
        properties = properties.set_column_dictionary_enabled(name.into(), false);
    }
    for name in ["line", "offset", START_TIME_UTC] {
        properties = properties
            .set_column_dictionary_enabled(name.into(), false)
            .set_column_encoding(name.into(), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(properties.build())
}

/// A failed write is what the system said of it: a closed pipe is known by that.
fn failed(error: ParquetError) -> Error {
    let cause = match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    };
    ErrorKind::Write(cause).into()
}

#[cfg(test)]
mod tests;
