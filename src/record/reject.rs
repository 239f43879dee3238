//! Why a line that looks like an access line could not be read.

use super::Field;
use crate::pack::{Broken, Pack, Packer, Unpacker};
use crate::words::Lang;

/// Why a line is not a record. `Copy`: a bad line costs no allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reject {
    /// What is wrong.
    pub reason: Reason,
    /// Where in the line, from 0.
    pub column: u32,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A field that every access record has could not be found.
    Missing(Field),
    /// JSON with the keys of an access record, and neither a response code nor flags in them.
    NoStatus,
    /// The line is longer than the limit of `frame`.
    TooLong,
    /// It looks like JSON with a response code or flags, and is not valid JSON.
    BrokenJson,
    /// JSON nested deeper than the limit.
    TooDeep,
    /// Several JSON objects on one line, for a reader of one.
    SeveralObjects,
    /// A line of a JSON access record that was written over several lines.
    SpreadObject,
}

impl Pack for Reason {
    fn put(&self, out: &mut Packer<'_>) {
        out.byte(match self {
            Reason::Missing(_) => 0,
            Reason::NoStatus => 1,
            Reason::TooLong => 2,
            Reason::BrokenJson => 3,
            Reason::TooDeep => 4,
            Reason::SeveralObjects => 5,
            Reason::SpreadObject => 6,
        });
        if let Reason::Missing(field) = self {
            out.text(field.key().as_bytes());
        }
    }

    fn read(from: &mut Unpacker<'_>) -> Result<Self, Broken> {
        Ok(match from.bytes(1)?[0] {
            0 => {
                let name: String = from.take()?;
                let field = Field::ALL.iter().find(|field| field.key() == name);
                Reason::Missing(*field.ok_or_else(|| from.broken("no such field"))?)
            }
            1 => Reason::NoStatus,
            2 => Reason::TooLong,
            3 => Reason::BrokenJson,
            4 => Reason::TooDeep,
            5 => Reason::SeveralObjects,
            6 => Reason::SpreadObject,
            _ => return Err(from.broken("no such reason")),
        })
    }
}

impl Reason {
    /// A sentence without capital and full stop.
    pub fn text(self, lang: Lang) -> &'static str {
        match self {
            Reason::Missing(Field::Method) => lang.pick(
                "the quoted request (method, path, protocol) cannot be found",
                "找不到引号中的请求（方法、路径、协议）",
            ),
            Reason::Missing(Field::Code) => {
                lang.pick("no response code after the quoted request", "引号中的请求之后没有响应码")
            }
            Reason::Missing(Field::Flags) => {
                lang.pick("no response flags after the response code", "响应码之后没有响应标志")
            }
            Reason::Missing(_) => lang.pick("a field is missing", "缺少字段"),
            Reason::NoStatus => lang.pick(
                "the JSON record says neither a response code nor flags",
                "该 JSON 记录既没有响应码也没有响应标志",
            ),
            Reason::TooLong => lang.pick("the line is longer than the limit", "行长超过上限"),
            Reason::BrokenJson => lang.pick(
                "it looks like a JSON access record but is not valid JSON",
                "看起来是 JSON 访问记录，但不是合法的 JSON",
            ),
            Reason::TooDeep => lang.pick("JSON nested too deeply", "JSON 嵌套过深"),
            Reason::SeveralObjects => {
                lang.pick("several JSON objects stand on one line", "一行里有多个 JSON 对象")
            }
            Reason::SpreadObject => lang.pick(
                "a JSON record is spread over several lines, with other lines before it",
                "一条 JSON 记录分成了多行，而且前面还有其他行",
            ),
        }
    }

    /// What the user can do about it.
    pub fn advice(self, lang: Lang) -> &'static str {
        match self {
            Reason::TooLong => lang.pick(
                "raise nothing: a single line of this length is not an access record; look at what writes it",
                "不必调大上限：这么长的一行不会是访问记录，请检查是谁写出来的",
            ),
            Reason::NoStatus => lang.pick(
                "log %RESPONSE_CODE% and %RESPONSE_FLAGS% in the JSON format; where they are under keys of other names, tell \
                 them with --json-keys response_code=KEY,response_flags=KEY",
                "在 JSON 格式中记录 %RESPONSE_CODE% 和 %RESPONSE_FLAGS%；如果键名不同，请用 --json-keys \
                 response_code=KEY,response_flags=KEY 指定",
            ),
            Reason::BrokenJson => lang.pick(
                "the line may have been cut by the log shipper: look at its line-length limit",
                "该行可能被日志采集器截断：检查其行长限制",
            ),
            Reason::SeveralObjects => {
                lang.pick("write each object on a line of its own", "请让每个对象单独占一行")
            }
            Reason::SpreadObject => lang.pick(
                "write each record on one line (jq -c), or let the input begin with the first record: sed -n '/^{/,$p' FILE",
                "请把每条记录写成一行（jq -c），或让输入从第一条记录开始：sed -n '/^{/,$p' FILE",
            ),
            Reason::TooDeep => {
                lang.pick("unwrap the export before piping it in", "先拆开导出文件的外层再输入")
            }
            Reason::Missing(_) => lang.pick(
                "if the mesh has a log format of its own, pass it: --format-string '…' or --format-from FILE",
                "如果网格使用自定义日志格式，请用 --format-string '…' 或 --format-from FILE 指定",
            ),
        }
    }
}
