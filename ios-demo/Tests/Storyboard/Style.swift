/// Colours have a contrast of at least 4.5 : 1, in light and dark.
let style = """
    :root {
      --page: #f5f5f7; --ink: #1d1d1f; --dim: #5b5b63; --line: #d9d9de; --ground: #f2f2f7; --card: #fff; --tint: #0057b8; --on-tint: #fff;
      --fill: #e4e4ea; --calm: #e3e6f3; --on-calm: #1f2744; --good: #d3f1dd; --on-good: #06391b; --caution: #ffe9b3; --on-caution: #3d2c00;
      --bad: #ffdad6; --on-bad: #5c0008; --problem: #b3141f; --shade: 0 1px 2px #0001, 0 12px 32px #0000001a;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #101012; --ink: #f2f2f5; --dim: #a9a9b2; --line: #38383d; --ground: #000; --card: #1c1c1e; --tint: #6db3ff; --on-tint: #00203f;
        --fill: #303036; --calm: #2c3250; --on-calm: #dfe3ff; --good: #0d4526; --on-good: #c6f3d6; --caution: #503b00; --on-caution: #ffe4a1;
        --bad: #6f0d13; --on-bad: #ffdad6; --problem: #ff9d96; --shade: 0 0 0 1px #2c2c30;
      }
    }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.4 -apple-system, "SF Pro Text", "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
    header, main { max-width: 1440px; margin: auto; padding: 0 24px; }
    header { padding-top: 48px; }
    h1 { font-size: 34px; line-height: 1.15; margin: 0 0 12px; letter-spacing: -0.01em; }
    header p { max-width: 68ch; margin: 0 0 20px; color: var(--dim); }
    a { color: var(--tint); }
    nav { display: flex; flex-wrap: wrap; gap: 8px; }
    nav a { padding: 6px 14px; border-radius: 999px; background: var(--fill); color: var(--ink); text-decoration: none; }
    h2 { font-size: 24px; margin: 56px 0 20px; scroll-margin-top: 16px; }
    .states { display: grid; grid-template-columns: repeat(auto-fill, minmax(310px, 1fr)); gap: 36px 28px; align-items: start; }
    figure { margin: 0; max-width: 380px; }
    figcaption { padding: 12px 8px 0; color: var(--dim); font-size: 14px; }
    figcaption code { color: var(--ink); font-weight: 600; margin-right: 4px; }
    .phone { display: flex; flex-direction: column; min-height: 620px; background: var(--ground); border-radius: 36px; overflow: hidden; box-shadow: var(--shade); }
    .bar { display: flex; align-items: center; justify-content: center; position: relative; padding: 18px 44px 12px; text-align: center; }
    .bar.tab { justify-content: flex-start; padding: 30px 20px 8px; font-size: 30px; }
    .back { position: absolute; left: 14px; width: 22px; height: 22px; color: var(--tint); transform: scaleX(-1); }
    svg { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.9; stroke-linecap: round; stroke-linejoin: round; }
    .content { flex: 1; display: flex; flex-direction: column; gap: 12px; padding: 8px 16px 20px; }
    .centred { justify-content: center; padding: 20px 24px 40px; }
    .content p, .answers p { margin: 0; }
    h3 { font-size: 25px; line-height: 1.2; margin: -6px 0 0; letter-spacing: -0.01em; overflow-wrap: anywhere; }
    h4 { font-size: 14px; margin: 8px 4px -4px; color: var(--dim); font-weight: 600; }
    .dim, .face p { color: var(--dim); }
    .face { display: flex; flex-direction: column; align-items: center; gap: 12px; text-align: center; margin-bottom: 12px; }
    .face h3 { font-size: 22px; margin: 4px 0 0; }
    .disc { display: grid; place-items: center; width: 40px; height: 40px; border-radius: 50%; flex: none; }
    .face .disc { width: 76px; height: 76px; }
    .face .disc svg { width: 36px; height: 36px; }
    .calm { background: var(--calm); color: var(--on-calm); } .good { background: var(--good); color: var(--on-good); }
    .caution { background: var(--caution); color: var(--on-caution); } .bad { background: var(--bad); color: var(--on-bad); }
    .banner { display: flex; gap: 10px; padding: 11px 13px; border-radius: 12px; font-size: 14px; }
    .banner b { display: block; }
    dl, ul { margin: 0; padding: 0; list-style: none; background: var(--card); border-radius: 14px; overflow: hidden; }
    dl > div { padding: 10px 16px; } dl > div + div, li + li { border-top: 1px solid var(--line); }
    dt { color: var(--dim); font-size: 13px; } dd { margin: 0; overflow-wrap: anywhere; }
    .amount { font-size: 30px; line-height: 1.2; font-weight: 600; letter-spacing: -0.01em; }
    dl .banner { margin-top: 6px; padding: 7px 10px; border-radius: 9px; } dl .banner b { display: inline; }
    li { display: flex; align-items: center; gap: 12px; padding: 13px 16px; }
    li > div { flex: 1; display: flex; flex-direction: column; align-items: flex-start; gap: 2px; min-width: 0; overflow-wrap: anywhere; }
    li > div > span { color: var(--dim); font-size: 14px; }
    li > svg { color: var(--dim); width: 16px; height: 16px; }
    li .banner { padding: 4px 9px; border-radius: 8px; margin-top: 4px; align-items: center; gap: 6px; }
    li > div > .banner.caution { color: var(--on-caution); } li .banner svg { width: 15px; height: 15px; }
    .choices li { justify-content: space-between; min-height: 48px; } .choices svg { color: var(--tint); width: 20px; height: 20px; }
    .left { display: inline-flex; align-items: center; gap: 6px; color: var(--dim); font-weight: 500; font-variant-numeric: tabular-nums; }
    li > div > .left { margin-top: 4px; } .left svg { width: 16px; height: 16px; }
    .left.soon, li > div > .left.soon { color: var(--problem); }
    .group { background: var(--card); border-radius: 14px; overflow: hidden; } .group > .banner, .group > .plain { margin: 0 12px 12px; }
    .group > .code { padding-top: 0; border-radius: 0; } .group > .quiet { border-radius: 0; border-top: 1px solid var(--line); }
    .binding { border: 1px solid var(--dim); border-radius: 12px; padding: 12px 16px; background: var(--card); }
    .binding span, .code span { color: var(--dim); font-size: 13px; }
    .binding p, .letters { font: 500 20px/1.35 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
    .letters { background: var(--card); border-radius: 12px; padding: 14px 16px; font-size: 15.5px; }
    .code { background: var(--card); border-radius: 14px; padding: 12px 16px; }
    .code p { font: 500 30px/1.3 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; color: var(--tint); }
    .button { display: flex; align-items: center; justify-content: center; gap: 8px; min-height: 50px; padding: 8px 16px; border-radius: 14px; font-weight: 600; text-align: center; }
    .main { background: var(--tint); color: var(--on-tint); } .plain, .answer { background: var(--fill); }
    .quiet { color: var(--tint); min-height: 44px; font-weight: 500; } .off { opacity: .45; }
    .centred > .button, .centred > .letters, .centred > p { margin: 0 4px; }
    .answers { display: flex; flex-direction: column; gap: 10px; padding: 14px 16px 20px; background: var(--card); border-top: 1px solid var(--line); }
    .answers h4 { color: var(--ink); font-size: 16px; margin: 0; } .answers > p { text-align: center; padding: 4px 0 14px; }
    .pair { display: grid; grid-template-columns: 1fr 1fr; gap: 12px; }
    .field { display: flex; flex-direction: column; gap: 5px; } .field i { height: 84px; border-radius: 12px; background: var(--card); border: 1px solid var(--line); }
    .field i { font-style: normal; padding: 10px 14px; font-size: 18px; } .field.short i { height: 46px; background: var(--ground); } .field span { color: var(--dim); font-size: 14px; } .field .problem { color: var(--problem); }
    .toggle { display: flex; align-items: center; gap: 14px; background: var(--card); border-radius: 14px; padding: 13px 16px; } .toggle > div { flex: 1; }
    .toggle .dim { font-size: 13.5px; margin-top: 3px; }
    .toggle i { width: 50px; height: 30px; border-radius: 15px; background: var(--fill); padding: 2px; } .toggle i::after { content: ""; display: block; width: 26px; height: 26px; border-radius: 50%; background: #fff; }
    .toggle i.on { background: #2b9f4c; } .toggle i.on::after { margin-left: 20px; }
    .spinner { width: 34px; height: 34px; border-radius: 50%; border: 4px solid var(--fill); border-top-color: var(--tint); align-self: center; } .spinner.small { width: 24px; height: 24px; border-width: 3px; }
    .tabs { display: grid; grid-template-columns: repeat(4, 1fr); padding: 9px 6px 16px; background: var(--card); border-top: 1px solid var(--line); }
    .tabs span { display: flex; flex-direction: column; align-items: center; gap: 2px; font-size: 11px; color: var(--dim); } .tabs svg { width: 24px; height: 24px; stroke-width: 1.6; }
    .tabs .on { color: var(--tint); }
    """
