"""How the page for people looks: one column on a phone, two on a desk, light and dark."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ink:light-dark(#1c1e21,#e7e8ea);--dim:light-dark(#62666d,#9aa0a8);
--line:light-dark(#dfe1e5,#33363c);--card:light-dark(#fff,#1b1d21);
--ground:light-dark(#f5f6f8,#121316);
--good:light-dark(#1a7f46,#5cc98a);--bad:light-dark(#b3261e,#ff8a80);
--struck:light-dark(#8a5a00,#f2b84b);
--accent:light-dark(#2456c9,#8ab0ff)}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.45 system-ui,sans-serif}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;align-items:baseline;padding:.75rem 1.25rem;
background:var(--card);border-bottom:1px solid var(--line)}
header p{margin:0;color:var(--dim)}h1{font-size:1.2rem;margin:0}
nav{flex:1 1 100%}nav ul{display:flex;flex-wrap:wrap;gap:.2rem .8rem;list-style:none;margin:0;
padding:0;
font-size:.85rem;max-height:4.5rem;overflow:auto}
a{color:var(--accent)}a[aria-current]{color:var(--ink);font-weight:600;text-decoration:none}
main{max-width:88rem;margin:0 auto;padding:1rem 1.25rem}
h2{font-size:1rem;margin:0 0 .6rem}h2 small{font-weight:400;color:var(--dim);font-size:.85rem}
h3{font-size:.8rem;margin:.4rem 0 .2rem;color:var(--dim);font-weight:600}
section,.facts{background:var(--card);border:1px solid var(--line);border-radius:8px;
padding:.8rem 1rem;
margin:0 0 1rem}
.notice{background:var(--card);border:1px solid var(--accent);border-left-width:4px;
border-radius:6px;
padding:.5rem .8rem;margin:0 0 1rem}
.facts{display:flex;flex-wrap:wrap;gap:.4rem 2rem}.facts div{min-width:5rem}
dt{font-size:.75rem;color:var(--dim)}dd{margin:0;font-variant-numeric:tabular-nums;
font-weight:600}
.columns{display:grid;gap:1rem;align-items:start;grid-template-columns:minmax(0,1fr)}
@media(min-width:64rem){.columns{grid-template-columns:minmax(0,1fr) 25rem}}
.columns>*{min-width:0}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{border-bottom:1px solid var(--line);padding:.25rem .5rem;text-align:left;vertical-align:top}
th{color:var(--dim);font-weight:500}td,pre,code{overflow-wrap:anywhere}
.wide{overflow-x:auto}.wide td{min-width:6rem}
pre{white-space:pre-wrap;font:.78rem/1.4 ui-monospace,monospace;margin:0;padding:.5rem .6rem;
background:var(--ground);border-radius:6px;max-height:26rem;overflow:auto}
code{font:.8rem ui-monospace,monospace}
form.line{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:.4rem 0 .2rem}
.buttons{display:flex;flex-wrap:wrap;gap:.5rem}
label{display:flex;flex-direction:column;font-size:.75rem;color:var(--dim);gap:.1rem}
label.tick{flex-direction:row;align-items:center;gap:.35rem;padding-bottom:.35rem}
label.whole{flex:1 1 100%}
input,select,textarea,button{font:inherit;font-size:.88rem;color:var(--ink);
background:var(--ground);
border:1px solid var(--line);border-radius:5px;padding:.28rem .5rem}
input,select,textarea{max-width:100%}textarea{width:100%;font-family:ui-monospace,monospace;font-size:.8rem;resize:vertical}
button{background:var(--card);border-color:var(--accent);color:var(--accent);cursor:pointer}
button:hover,button:focus-visible{background:var(--accent);color:var(--card)}
:focus-visible{outline:2px solid var(--accent);outline-offset:1px}
.calls{list-style:none;margin:.6rem 0 0;padding:0;border-top:1px solid var(--line)}
.calls li{border-bottom:1px solid var(--line)}
.calls summary{display:grid;grid-template-columns:6.6rem 5.2rem 4rem minmax(8rem,14rem)
minmax(0,1fr);
gap:.6rem;padding:.3rem .2rem;cursor:pointer;align-items:baseline;font-size:.86rem}
.calls summary::marker{content:''}.calls summary:hover{background:var(--ground)}
.calls time{font-variant-numeric:tabular-nums;color:var(--dim)}.calls .op{font-weight:500}
.calls summary *{overflow-wrap:anywhere}
.calls em{font-style:normal;font-size:.75rem}
.calls small{color:var(--bad);font-size:.78rem}
.good b{color:var(--good)}.bad b{color:var(--bad)}.struck b{color:var(--struck)}
.calls details[open]{padding:0 .2rem .7rem}
.pair{display:grid;gap:.8rem;grid-template-columns:minmax(0,1fr)}
@media(min-width:50rem){.pair{grid-template-columns:minmax(0,2fr) minmax(0,3fr)}}
@media(max-width:44rem){.calls summary{grid-template-columns:auto auto 1fr}.calls code{
grid-column:1/-1}}
section>details{border-bottom:1px solid var(--line);padding:.25rem 0}
section>details>summary{cursor:pointer}.count{color:var(--dim);font-variant-numeric:tabular-nums}
.dim{color:var(--dim)}p.dim{margin:.3rem 0;font-size:.85rem}
"""
