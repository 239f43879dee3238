
"use strict";
// The page can be read without this script: it adds sorting, copying and zooming.
(() => {
  // The page's language decides; what has no Chinese here is said in English.
  const chinese = {
    "copied": "已复制",
    "press Ctrl+C": "请按 Ctrl+C",
    "copy": "复制",
    "Copy this block": "复制此段",
    "Copy this finding": "复制此项诊断",
    "Sort by ": "排序：",
    "name": "名称",
    "Zoom in": "放大",
    "Zoom out": "缩小",
    "whole": "全部",
    "Show the whole log": "显示整个日志",
    "incident": "事件",
    "Show the incident": "显示事件",
    "or drag over the chart": "或在图上拖动选择",
  };
  const say = (text) => (document.documentElement.lang.startsWith("zh") && chinese[text]) || text;
  const make = (name, text) => {
    const node = document.createElement(name);
    if (text) node.textContent = text;
    return node;
  };
  const button = (text, label, act) => {
    const node = make("button", text);
    node.type = "button";
    node.title = label;
    node.setAttribute("aria-label", label);
    node.addEventListener("click", act);
    return node;
  };

  // Copying. Old browsers and some local files have no clipboard object.
  const copy = async (text, node) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      const area = make("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    const old = node.textContent;
    node.textContent = say(done ? "copied" : "press Ctrl+C");
    setTimeout(() => { node.textContent = old; }, 1500);
  };
  for (const box of document.querySelectorAll(".code")) {
    const text = box.querySelector("pre").textContent;
    const node = button(say("copy"), say("Copy this block"), () => copy(text, node));
    box.append(node);
  }
  for (const head of document.querySelectorAll(".causes h3")) {
    const parts = [head.textContent];
    for (let next = head.nextElementSibling; next && next.tagName !== "H3"; next = next.nextElementSibling) {
      const code = next.querySelector("pre");
      parts.push((code || next).textContent.trim());
    }
    const node = button(say("copy"), say("Copy this finding"), () => copy(parts.join("\n\n"), node));
    head.append(node);
  }

  // Sorting. A unit behind a number counts.
  const units = { ms: 0.001, s: 1, min: 60, h: 3600, d: 86400 };
  const value = (text) => {
    const found = /^[<>]?\s*(-?[\d,]+(?:\.\d+)?)\s*(ms|s|min|h|d)?\b/.exec(text.trim());
    return found ? parseFloat(found[1].replaceAll(",", "")) * (units[found[2]] || 1) : null;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const rows = [...body.rows];
    [...table.tHead.rows[0].cells].forEach((cell, at) => {
      const name = cell.textContent;
      const sort = () => {
        const down = cell.getAttribute("aria-sort") !== "descending";
        for (const other of cell.parentNode.cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const keyed = rows.map((row) => {
          const text = row.cells[at].textContent;
          return { row, text, number: cell.classList.contains("n") ? value(text) : null };
        });
        keyed.sort((a, b) => a.number !== null && b.number !== null
          ? a.number - b.number
          : a.text.localeCompare(b.text));
        if (down) keyed.reverse();
        body.append(...keyed.map((item) => item.row));
      };
      cell.textContent = "";
      cell.append(button(name || "–", say("Sort by ") + (name || say("name")), sort));
    });
  }

  // Zooming: the plot's unit is the bucket, so a part of it is a part of the view box.
  for (const figure of document.querySelectorAll("figure.zoom")) {
    const plot = figure.querySelector("svg.plot");
    const all = parseInt(plot.dataset.buckets, 10);
    const start = parseInt(plot.dataset.start, 10);
    const width = parseInt(plot.dataset.width, 10);
    const labels = figure.querySelectorAll(".axis span");
    let view = [0, all];
    const time = (bucket) => new Date((start + bucket * width) * 1000).toISOString().slice(0, 19) + "Z";
    const show = (from, to) => {
      const size = Math.max(3, Math.min(all, to - from));
      const first = Math.max(0, Math.min(all - size, from));
      view = [first, first + size];
      plot.setAttribute("viewBox", `${first} 0 ${size} 100`);
      labels[0].textContent = time(first);
      labels[1].textContent = time(first + size / 2);
      labels[2].textContent = time(first + size);
    };
    const around = (factor) => {
      const [from, to] = view;
      const half = (to - from) * factor / 2;
      show((from + to) / 2 - half, (from + to) / 2 + half);
    };
    const tools = make("div");
    tools.className = "tools";
    tools.append(
      button("+", say("Zoom in"), () => around(0.5)),
      button("−", say("Zoom out"), () => around(2)),
      button(say("whole"), say("Show the whole log"), () => show(0, all)),
    );
    const mark = plot.querySelector(".mark");
    if (mark) {
      const from = parseFloat(mark.getAttribute("x"));
      const size = parseFloat(mark.getAttribute("width"));
      tools.append(button(say("incident"), say("Show the incident"), () => show(from - size / 2, from + size * 1.5)));
    }
    tools.append(make("small", say("or drag over the chart")));
    figure.querySelector(".axis").after(tools);
    let drag = null;
    const bucket = (event) => {
      const box = plot.getBoundingClientRect();
      return view[0] + (event.clientX - box.left) / box.width * (view[1] - view[0]);
    };
    plot.addEventListener("pointerdown", (event) => {
      const shade = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      shade.setAttribute("class", "select");
      shade.setAttribute("height", "100");
      plot.append(shade);
      plot.setPointerCapture(event.pointerId);
      drag = { from: bucket(event), shade };
    });
    plot.addEventListener("pointermove", (event) => {
      if (!drag) return;
      const to = bucket(event);
      drag.shade.setAttribute("x", Math.min(drag.from, to));
      drag.shade.setAttribute("width", Math.abs(to - drag.from));
    });
    const end = (event, zoom) => {
      if (!drag) return;
      const { from, shade } = drag;
      const to = bucket(event);
      drag = null;
      shade.remove();
      if (zoom && Math.abs(to - from) >= 1) show(Math.min(from, to), Math.max(from, to));
    };
    plot.addEventListener("pointerup", (event) => end(event, true));
    plot.addEventListener("pointercancel", (event) => end(event, false));
  }
  document.documentElement.dataset.ready = "yes";
})();
