"""The looks of the HTML report: its style sheet and the few lines that copy commands."""

CSS = """
:root {
  color-scheme: light dark;
  --ground: #f6f7f8; --card: #fff; --ink: #1c2126; --soft: #5b6570; --line: #dfe3e8; --code: #f0f2f5;
  --error: #b42318; --warning: #8a5a00; --info: #175cd3; --good: #14713d; --del: #fde8e6; --ins: #e2f5e9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111418; --card: #1a1f25; --ink: #e4e8ec; --soft: #9aa5b1; --line: #2f363e; --code: #12161b;
    --error: #ff8a80; --warning: #f2c14e; --info: #84b6ff; --good: #6fd598; --del: #43201d; --ins: #173524;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink); -webkit-text-size-adjust: 100%;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 54rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
.brand { margin: 0; color: var(--soft); font-size: .875rem; }
h1 { margin: .1rem 0 .25rem; font-size: 1.75rem; line-height: 1.2; letter-spacing: -.01em; }
h1.good { color: var(--good); } h1.error { color: var(--error); } h1.warning { color: var(--warning); }
h1.info { color: var(--info); }
.examined { margin: 0 0 1.5rem; color: var(--soft); }
h2 { margin: 2rem 0 .75rem; font-size: 1.125rem; }
h3 { margin: 1rem 0 .25rem; font-size: .8125rem; color: var(--soft); font-weight: 600; }
p { margin: 0 0 .6rem; }
p, li, td, th, figcaption, h1, h2, summary { overflow-wrap: anywhere; }
.card {
  background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--soft); border-radius: 8px;
  padding: 1rem 1.25rem; margin: 0 0 1rem;
}
.card.error { border-left-color: var(--error); } .card.warning { border-left-color: var(--warning); }
.card.info { border-left-color: var(--info); }
.card h2 { margin: 0 0 .6rem; font-size: 1rem; }
.badge { font-size: .8125rem; font-weight: 650; margin-right: .4rem; }
.badge.error { color: var(--error); } .badge.warning { color: var(--warning); } .badge.info { color: var(--info); }
.message { font-weight: 550; white-space: pre-line; }
.place { font: .8125rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft); }
code, pre {
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .8125rem;
}
p code { background: var(--code); border-radius: 4px; padding: .05em .3em; }
figure { margin: 0 0 .6rem; }
figcaption { color: var(--soft); font-size: .8125rem; }
pre {
  margin: .15rem 0 .6rem; padding: .6rem .75rem; background: var(--code); border: 1px solid var(--line);
  border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5;
}
figure pre, .copy pre { max-height: 22rem; overflow-y: auto; }
del { background: var(--del); text-decoration: none; } ins { background: var(--ins); text-decoration: none; }
.copy { position: relative; }
.copy button {
  position: absolute; top: .35rem; right: .35rem; font: inherit; font-size: .75rem; padding: .1rem .5rem;
  cursor: pointer; color: var(--soft); background: var(--card); border: 1px solid var(--line); border-radius: 4px;
}
.copy button:hover, .copy button:focus-visible { color: var(--ink); }
.copy:has(button:not([hidden])) pre { padding-right: 4.5rem; }
details { border-bottom: 1px solid var(--line); }
summary { padding: .5rem 0; cursor: pointer; font-weight: 550; }
summary small { font-weight: 400; color: var(--soft); margin-left: .4rem; }
table { width: 100%; border-collapse: collapse; margin: 0 0 .75rem; font-size: .875rem; }
th {
  text-align: left; vertical-align: top; font-weight: 500; color: var(--soft); width: 12rem;
  padding: .2rem 1rem .2rem 0;
}
td { vertical-align: top; padding: .2rem 0; }
.notes li { margin-bottom: .25rem; }
@media (max-width: 34rem) {
  main { padding: 1.25rem .9rem 3rem; }
  .card { padding: .8rem .9rem; }
  th, td { display: block; width: auto; padding: .1rem 0; }
  td { padding-bottom: .4rem; }
}
@media print { body { background: none; } figure pre, .copy pre { max-height: none; }
  .copy button { display: none; } .card { break-inside: avoid; } }
"""

# The buttons stay hidden where scripts do not run.
COPY_SCRIPT = """
if (navigator.clipboard) document.querySelectorAll(".copy").forEach(function (box) {
  var button = box.querySelector("button");
  button.hidden = false;
  button.onclick = function () {
    navigator.clipboard.writeText(box.querySelector("pre").textContent).then(function () {
      button.textContent = "Copied";
      setTimeout(function () { button.textContent = "Copy"; }, 1500);
    });
  };
});
"""
