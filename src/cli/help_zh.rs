//! The Chinese of the help: each sentence of `args.rs` with its own.

/// English and Chinese.
pub(super) const HELP: &[(&str, &str)] = &[
    (
        "Says why requests fail, from Envoy and Istio access logs\n\nReads logs from files, directories, archives or standard input; format, wrapping and compression are recognised. \
         Without a command: reads, counts, groups by upstream, and names the likely causes.",
        "从 Envoy 和 Istio 访问日志中找出请求失败的原因\n\n从文件、目录、归档或标准输入读取日志；自动识别格式、包装和压缩。不带命令时：读取、计数、按上游分组，并指出可能的原因。",
    ),
    (
        "Examples:\n  kubectl logs deploy/productpage -c istio-proxy | meshwhy\n  meshwhy logs/ bundle.tar.gz --since end-1h --by pod,code\n  meshwhy gateway.log --fail-over 'upstream=checkout*:1%'\n\nEvery option can be given by the environment, such as --top as MESHWHY_TOP, and by meshwhy.toml.\n\nExit codes: 0 done; 1 done, and a gate (--fail-over, --fail-on) tripped; 2 the command line is wrong; 3 an input could not be read whole; 4 no access-log record in the input.",
        "示例：\n  kubectl logs deploy/productpage -c istio-proxy | meshwhy\n  meshwhy logs/ bundle.tar.gz --since end-1h --by pod,code\n  meshwhy gateway.log --fail-over 'upstream=checkout*:1%'\n\n每个选项都可以由环境变量（如 --top 对应 MESHWHY_TOP）或 meshwhy.toml 给出。\n\n退出码：0 完成；1 完成，但触发了门禁（--fail-over、--fail-on）；2 命令行有误；3 有输入没有读完整；4 输入中没有访问日志记录。",
    ),
    (
        "Examples:\n  meshwhy report gateway.log > incident.md\n  meshwhy report logs/ --since end-2h --slo 99.9 --output html > incident.html",
        "示例：\n  meshwhy report gateway.log > incident.md\n  meshwhy report logs/ --since end-2h --slo 99.9 --output html > incident.html",
    ),
    (
        "Examples:\n  meshwhy compare --before monday.log --after tuesday.log\n  meshwhy compare --split-at 2026-11-22T14:05:00Z gateway.log --fail-on-regression",
        "示例：\n  meshwhy compare --before monday.log --after tuesday.log\n  meshwhy compare --split-at 2026-11-22T14:05:00Z gateway.log --fail-on-regression",
    ),
    (
        "Examples:\n  meshwhy records gateway.log --code 5xx --duration '>1s' | jq -r .path\n  meshwhy records logs/ --upstream 'checkout*' --flag '!-' --output raw",
        "示例：\n  meshwhy records gateway.log --code 5xx --duration '>1s' | jq -r .path\n  meshwhy records logs/ --upstream 'checkout*' --flag '!-' --output raw",
    ),
    (
        "Example:\n  meshwhy trace 5b92e21d-8f0c-4f6e-a7c1-0f2d1c9e4b55 logs/",
        "示例：\n  meshwhy trace 5b92e21d-8f0c-4f6e-a7c1-0f2d1c9e4b55 logs/",
    ),
    (
        "Examples:\n  meshwhy explain UF,URX\n  meshwhy explain 'upstream connect error or disconnect/reset before headers'\n  meshwhy explain --list flag",
        "示例：\n  meshwhy explain UF,URX\n  meshwhy explain 'upstream connect error or disconnect/reset before headers'\n  meshwhy explain --list flag",
    ),
    (
        "Examples:\n  meshwhy catalog causes\n  meshwhy catalog page no-route > team-rules/ours.md\n  meshwhy catalog check team-rules/",
        "示例：\n  meshwhy catalog causes\n  meshwhy catalog page no-route > team-rules/ours.md\n  meshwhy catalog check team-rules/",
    ),
    (
        "Hide client addresses, user agents, long ids in paths and query strings behind pseudonyms. What looks like a \
         secret in a query string is always hidden, except in JSON",
        "用化名隐藏客户端地址、User-Agent、路径和查询串中的长 ID。查询串中像密钥的内容总是隐藏，JSON 除外",
    ),
    (
        "Says why requests fail, from Envoy and Istio access logs",
        "从 Envoy 和 Istio 访问日志中找出请求失败的原因",
    ),
    (
        "Summarise an incident: when, how much of what failed, and why; for the ticket and the review",
        "汇总一次事件：何时、多少请求失败、为什么；用于工单和复盘",
    ),
    (
        "Compare two inputs, or two halves of one: what got worse, better, new or gone",
        "比较两份输入，或一份输入的前后两段：哪些变差、变好、新出现或消失",
    ),
    (
        "Put snapshots together: the triage of all that they were made of",
        "合并快照：对生成它们的全部日志进行诊断",
    ),
    (
        "Snapshots, in any order; directories and archives of them; `-`: standard input",
        "快照，顺序不限；也可以是存放快照的目录和归档；`-`：标准输入",
    ),
    ("No warnings on standard error", "标准错误上不显示警告"),
    ("Count snapshots that were made of the same lines, each for itself", "由相同的行生成的快照也各自计数"),
    (
        "Remember in this file what was counted and how far each file was read; read only what is new, rotated files too",
        "在此文件中记住计数和每个文件读到的位置；只读新增内容，轮转后的文件也一样",
    ),
    (
        "What standard input is called in the result, where a snapshot of it is to be merged",
        "结果中标准输入的名称，用于以后合并它的快照",
    ),
    ("Write one line for each access record that passes the filters", "通过过滤条件的每条访问记录输出一行"),
    (
        "Explain a response flag, a flag set, a details string, an error text, a cause, or a pasted log line",
        "解释响应标志、标志组合、响应码详情、报错文本、原因名称，或粘贴的日志行",
    ),
    ("List what meshwhy knows, and check pages of one's own", "列出 meshwhy 所知道的内容，检查自己的诊断页"),
    ("Write the completions of a shell to standard output", "把 shell 补全脚本写到标准输出"),
    (
        "Show what goes on while the log is written: the same as --follow",
        "在日志写入的同时显示现状：同 --follow",
    ),
    (
        "Go on with what is logged from now on, and show it on a full screen: a pipe until it ends, files through rotation",
        "继续读取此后写入的日志，并全屏显示：管道读到结束为止，文件跨越轮转",
    ),
    ("Live", "实时"),
    (
        "With --follow: a block of text each interval and no full screen, as when the output is no terminal",
        "与 --follow 同用：不全屏显示，每个间隔输出一段文字；输出不是终端时即如此",
    ),
    (
        "With --follow: time between two blocks of text [default: 10s]",
        "与 --follow 同用：两段文字之间的时间 [默认：10s]",
    ),
    ("The shell", "shell 的名称"),
    (
        "Write a manual page to standard output, or all of them into a folder",
        "把一个手册页（man）写到标准输出，或把全部手册页写到一个目录",
    ),
    ("The command [default: meshwhy itself]", "命令 [默认：meshwhy 本身]"),
    ("Write the pages of all commands into this folder", "把所有命令的手册页写到该目录"),
    (
        "Read defaults of options from this file [default: meshwhy.toml in the configuration folder]",
        "从该文件读取选项的默认值 [默认：配置目录中的 meshwhy.toml]",
    ),
    ("Read no configuration file", "不读取配置文件"),
    (
        "Form of the result: table, json, markdown, html (one file, nothing is loaded), csv, prometheus, snapshot (to be merged later)",
        "结果的形式：table、json、markdown、html（单个文件，不加载任何外部内容）、csv、prometheus、snapshot（供以后合并）",
    ),
    (
        "Order of a table's rows: failed, requests, rate, p50, p99, since, name; `-` before one turns it round",
        "表格各行的顺序：failed、requests、rate、p50、p99、since、name；前面加 `-` 则反转",
    ),
    (
        "Times in the table and in the live view: by the clock of UTC, by the one here (or that of TZ), or counted back from the log's end",
        "表格和实时视图中的时间：按 UTC 时钟、按本机（或 TZ）时钟，或从日志末尾倒数",
    ),
    (
        "Colours, such as 'critical=bold magenta,dim=8,ok=#00aa66': of critical, warning, ok, dim, strong and chosen",
        "颜色，如 'critical=bold magenta,dim=8,ok=#00aa66'：可设 critical、warning、ok、dim、strong、chosen",
    ),
    (
        "Write the result to this file, whole or not at all, and not to standard output",
        "把结果写到该文件（要么完整写入，要么不写），而不是标准输出",
    ),
    ("Rows of a table (JSON is never cut)", "表格的行数（JSON 从不截断）"),
    (
        "Group the requests by fields such as pod, upstream, route, path, client, flag or code",
        "按字段对请求分组，如 pod、upstream、route、path、client、flag、code",
    ),
    (
        "Width of the timeline's buckets, such as 10s or 5m [default: by the span]",
        "时间线的区间宽度，如 10s、5m [默认：按时间跨度]",
    ),
    (
        "Exit with 1 when more than this share of the requests failed, such as 1%; of an upstream's requests with \
         upstream=GLOB:1%; when more than this share has a flag with flag=UF:1%",
        "失败比例超过该值时以 1 退出，如 1%；upstream=GLOB:1% 指该上游的请求，flag=UF:1% 指带有该标志的请求所占比例",
    ),
    ("Exit with 1 when there is a finding of this severity or worse", "有达到该级别的诊断时以 1 退出"),
    (
        "Form of the result: markdown, json, html (one file, nothing is loaded)",
        "结果的形式：markdown、json、html（单个文件，不加载任何外部内容）",
    ),
    ("Rows of a table and causes told (JSON is never cut)", "表格的行数和列出的原因数（JSON 从不截断）"),
    ("Objective that the error budget is counted from, such as 99.9", "计算错误预算所用的目标，如 99.9"),
    ("Hide authorities, too", "同时隐藏 authority"),
    ("Logs from before", "之前的日志"),
    ("Logs from after", "之后的日志"),
    (
        "The one moment that parts PATH (or standard input) into before and after: RFC 3339",
        "把 PATH（或标准输入）分成前后两段的时刻：RFC 3339",
    ),
    ("Exit with 1 when something got worse, or something bad is new", "有变差或新出现的问题时以 1 退出"),
    ("Follow one request through all proxies whose logs are given", "在给出的所有代理日志中追踪一个请求"),
    ("The x-request-id", "请求的 x-request-id"),
    ("Form of the result: table (an indented tree), json", "结果的形式：table（缩进的树）、json"),
    (
        "Form of the records: ndjson, raw (the lines as they stood), csv, parquet (where it was built in)",
        "记录的形式：ndjson、raw（原样的行）、csv、parquet（若编译时已加入）",
    ),
    (
        "What to explain; several words are one text. `-` reads it from standard input",
        "要解释的内容；多个词是一段文本。`-` 从标准输入读取",
    ),
    ("When to colour the result", "何时给结果着色"),
    (
        "Files, directories or archives; none, or `-`: standard input",
        "文件、目录或归档；没有或 `-`：标准输入",
    ),
    (
        "Of the known formats, read this one only (see `meshwhy catalog formats`)",
        "已知格式中只读这一种（见 `meshwhy catalog formats`）",
    ),
    (
        "Envoy format string of the mesh's own access log; tried before the known formats",
        "网格自定义访问日志的 Envoy 格式字符串；先于已知格式尝试",
    ),
    (
        "YAML that configures the access log, whose formats are tried first: MeshConfig, IstioOperator, EnvoyFilter, …",
        "配置访问日志的 YAML，其中的格式最先尝试：MeshConfig、IstioOperator、EnvoyFilter 等",
    ),
    (
        "Keys of the mesh's own JSON access log, such as response_code=status,path=req.path",
        "网格自定义 JSON 访问日志的键名，如 response_code=status,path=req.path",
    ),
    (
        "Folder with pages and known findings of one's own, over the built-in ones and those of the configuration folder",
        "存放自己的诊断页和已知发现的目录，优先于内置的和配置目录中的",
    ),
    (
        "List the causes by section of the guide, by flag, or by what was seen",
        "按手册章节、响应标志或所见现象列出原因",
    ),
    ("Section of the troubleshooting guide", "排障手册章节"),
    ("Response flag", "响应标志"),
    ("Status, and the text that a client saw", "状态码，以及客户端看到的文本"),
    ("The text of a cause's page, to begin one's own with", "一个原因的诊断页原文，可作为自己页面的起点"),
    ("Cause id", "原因 id"),
    ("Read the pages of a folder and run their examples", "读取目录中的诊断页并运行其样例"),
    ("The folder", "目录"),
    ("Threads that parse [default: one a core]", "解析线程数 [默认：每个核一个]"),
    ("No progress and no warnings on standard error", "标准错误上不显示进度和警告"),
    ("No progress on standard error", "标准错误上不显示进度"),
    (
        "From this time on: RFC 3339, -15m before now, or end-15m before the last record (files only)",
        "从这个时间开始：RFC 3339，-15m 表示 15 分钟前，end-15m 表示最后一条记录之前 15 分钟（仅文件）",
    ),
    (
        "Before this time: RFC 3339, -15m before now, or end-15m before the last record (files only)",
        "到这个时间为止：RFC 3339，-15m 表示 15 分钟前，end-15m 表示最后一条记录之前 15 分钟（仅文件）",
    ),
    (
        "Upstream: cluster name, service, service.namespace, service.namespace:port or host",
        "上游：集群名、service、service.namespace、service.namespace:port 或主机",
    ),
    ("Endpoint's address, with or without port", "端点地址，可带端口"),
    ("Authority (Host header), with or without port", "authority（Host 头），可带端口"),
    ("Name of the route", "路由名称"),
    ("Path, with or without query", "路径，可带查询串"),
    ("HTTP methods", "HTTP 方法"),
    ("Client's address, with or without port", "客户端地址，可带端口"),
    ("Request id", "请求 ID"),
    ("Response flags, one of which is set; `-` is none", "响应标志，设置了其中之一；`-` 表示没有标志"),
    ("Response codes, such as 503,5xx or '>=500'", "响应码，如 503,5xx 或 '>=500'"),
    ("Response code details", "响应码详情"),
    (
        "Outcomes: ok, client_error, app_error, proxy_error, denied, client_gone",
        "结果类别：ok、client_error、app_error、proxy_error、denied、client_gone",
    ),
    ("inbound or outbound", "inbound 或 outbound（入站或出站）"),
    ("Pod that wrote the line", "写出该行的 Pod"),
    ("Namespace of that pod", "该 Pod 的命名空间"),
    ("Duration, such as '>1s' or '<=250ms'", "耗时，如 '>1s'、'<=250ms'"),
    (
        "Leave out the probes of kubelets and load balancers, and scrapes",
        "排除 kubelet 和负载均衡器的探测以及指标抓取",
    ),
    (
        "Language of all prose [default: for people that of LANG, in JSON en]",
        "所有文字的语言 [默认：给人看的按 LANG，JSON 为 en]",
    ),
    ("Response flags", "响应标志"),
    ("Response code details and transport failures, and what they mean", "响应码详情和传输失败，及其含义"),
    ("Causes that findings name", "诊断使用的原因"),
    ("Formats, wrappers and containers that are recognised", "可识别的格式、包装和容器"),
    ("Formats", "格式"),
    (
        "Filters (all must hold; ! negates; * and ? are globs)",
        "过滤条件（须全部满足；! 取反；* 和 ? 是通配符）",
    ),
    ("All namespaces", "所有命名空间"),
    ("As kubectl has them", "与 kubectl 相同"),
    ("At most so many lines of each pod, the last ones", "每个 Pod 最多读取最后这么多行"),
    ("Container [default: istio-proxy, or envoy]", "容器 [默认：istio-proxy，或 envoy]"),
    ("Context of the kubeconfig", "kubeconfig 中的上下文"),
    (
        "Examples:\n  kubectl meshwhy deploy/web -n prod\n  kubectl meshwhy -l app=web -n prod --since 10m -f\n\nEverything else is the command meshwhy, which reads logs from files and pipes.",
        "示例：\n  kubectl meshwhy deploy/web -n prod\n  kubectl meshwhy -l app=web -n prod --since 10m -f\n\n其他功能请用 meshwhy 命令，它读取文件和管道中的日志。",
    ),
    ("Go on with what is logged from now on", "继续读取之后新写入的日志"),
    ("Labels of the pods, such as app=web", "Pod 的标签，如 app=web"),
    ("Lines from this time on: RFC 3339", "从该时间开始的日志行：RFC 3339"),
    ("Lines not older than this, such as 10m", "不早于这段时间的日志行，如 10m"),
    ("Longest wait for an answer of the cluster", "等待集群应答的最长时间"),
    ("Namespace, or several of them [default: the context's]", "命名空间，可以有多个 [默认：上下文中的]"),
    ("Pods read at the same time (without --follow)", "同时读取的 Pod 数（不用 --follow 时）"),
    (
        "Resources whose pods are read: deploy/web, svc/web, pod/web-1 or web-1",
        "读取其 Pod 的资源：deploy/web、svc/web、pod/web-1 或 web-1",
    ),
    ("Says why requests fail, from the logs of a mesh's proxies", "从网格代理的日志中找出请求失败的原因"),
    (
        "Says why requests fail, from the logs of a mesh's proxies\n\nReads the logs of the istio-proxy containers of all matching pods with your own kubectl. Without a resource or a label it reads standard input.",
        "从网格代理的日志中找出请求失败的原因\n\n用您自己的 kubectl 读取所有匹配 Pod 的 istio-proxy 容器日志。没有指定资源或标签时读取标准输入。",
    ),
    ("The kubeconfig", "kubeconfig 文件"),
    ("The logs of the containers before the last restart", "容器上次重启之前的日志"),
];

/// Words that clap itself writes into a help text.
pub(super) const SIGNS: &[(&str, &str)] = &[
    ("Usage: ", "用法："),
    ("Usage:", "用法："),
    ("[default: ", "[默认："),
    ("[possible values: ", "[可选值："),
    ("Print help (see more with '--help')", "显示帮助（--help 显示更多）"),
    ("Print help (see a summary with '-h')", "显示帮助（-h 显示摘要）"),
    ("Print help", "显示帮助"),
    ("Print version", "显示版本"),
    ("Options:", "选项："),
    ("Arguments:", "参数："),
    ("命令:", "命令："),
    ("格式:", "格式："),
    ("（须全部满足；! 取反；* 和 ? 是通配符）:", "（须全部满足；! 取反；* 和 ? 是通配符）："),
];
