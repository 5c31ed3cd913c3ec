/** The style sheet of the start page: light and dark mode, phone and desktop. Text contrast is at least 4.5:1 (WCAG AA). */
export const STYLE = `:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #fff; --ink: #16202a; --soft: #51606e; --line: #d6dde3;
  --link: #0a58a6; --good: #17603b; --good-back: #e4f3ea; --warn: #7a4300; --warn-back: #fff3dd; --warn-line: #e5b766;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f151b; --card: #18212a; --ink: #e8eef3; --soft: #a7b4c0; --line: #33414d;
    --link: #8cc1f7; --good: #a6e3bf; --good-back: #16352a; --warn: #f5c67e; --warn-back: #32260f; --warn-line: #7a5a1e;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 2.5rem 1.25rem 2rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { margin: 0; font-size: 2rem; line-height: 1.2; letter-spacing: -.01em; }
h2 { margin: 2rem 0 .75rem; font-size: .875rem; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
h3 { margin: 0; font-size: 1.2rem; line-height: 1.3; }
header p { margin: .35rem 0 0; color: var(--soft); }
.deployed { font-size: .875rem; }
.deployed:empty { display: none; }
a { color: var(--link); text-underline-offset: .15em; text-decoration-thickness: .08em; }
a:hover { text-decoration-thickness: .15em; }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--link); outline-offset: 3px; border-radius: .2rem; }
ul { list-style: none; margin: 0; padding: 0; }
.services { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 23rem), 1fr)); gap: 1rem; align-items: start; }
.services > li { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1.1rem 1.2rem 1.2rem; }
.title { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem .75rem; justify-content: space-between; margin-bottom: .75rem; }
.version { color: var(--soft); font-size: .9375rem; font-variant-numeric: tabular-nums; }
dl { margin: 0 0 .9rem; font-size: .9rem; }
dl > div { display: grid; grid-template-columns: 5.2rem minmax(0, 1fr); gap: .5rem; padding: .12rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .875em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
summary { cursor: pointer; width: fit-content; }
.full { display: block; margin-top: .25rem; overflow-wrap: anywhere; user-select: all; -webkit-user-select: all; }
.badges { display: flex; flex-wrap: wrap; gap: .35rem; }
.badges li { background: var(--good-back); color: var(--good); border-radius: 1rem; padding: .1rem .65rem .1rem .5rem; font-size: .8125rem; }
.badges li::before { content: "\\2713"; content: "\\2713" / ""; margin-right: .3rem; }
.exemptions { margin-top: .75rem; display: grid; gap: .4rem; }
.exemptions li { background: var(--warn-back); border-left: 3px solid var(--warn-line); border-radius: .3rem; padding: .4rem .7rem; font-size: .875rem; min-width: 0; overflow-wrap: anywhere; }
.exemptions strong { display: block; color: var(--warn); font-weight: 600; }
.exemptions strong::before { content: "!"; content: "!" / ""; margin-right: .35rem; font-weight: 800; }
footer { margin-top: 2.5rem; color: var(--soft); font-size: .875rem; }
@media (min-width: 40rem) { body { padding: 3.5rem 2rem 2.5rem; } }
@media print { body { padding: 0; } .services > li { break-inside: avoid; } }
`;
