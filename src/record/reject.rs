//! Why a line that looks like an access line could not be read.

use super::Field;
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
