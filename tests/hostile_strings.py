"""200 strings that try to become more than text on a page; each sets ``window.pwned`` or alerts."""

_ACT = "window.pwned=1,alert(1)"
_TAGS = (
    "<script>{act}</script>",
    "</script><script>{act}</script>",
    "</ScRiPt ><ScRiPt >{act}</ScRiPt >",
    "<img src=x onerror={act}>",
    "<img src=x onerror='{act}'//",
    "<svg onload={act}>",
    "<svg><script>{act}</script></svg>",
    "<svg><animate onbegin={act} attributeName=x dur=1s>",
    "<math><mtext></mtext><script>{act}</script></math>",
    "<iframe srcdoc='<script>{act}</script>'></iframe>",
    "<iframe src=javascript:{act}></iframe>",
    "<body onload={act}>",
    "<details open ontoggle={act}>",
    "<input autofocus onfocus={act}>",
    "<select autofocus onfocus={act}></select>",
    "<video><source onerror={act}></video>",
    "<audio src=x onerror={act}>",
    "<object data='data:text/html,<script>{act}</script>'></object>",
    "<embed src=javascript:{act}>",
    "<a href=javascript:{act}>x</a>",
    "<form action=javascript:{act}><input type=submit></form>",
    "<meta http-equiv=refresh content='0;url=javascript:{act}'>",
    "<link rel=stylesheet href='data:text/css,*{{color:red}}'>",
    "<base href=javascript:{act}//>",
    "<style>@import 'data:text/css,*{{display:none}}';</style>",
    "<div style=background:url(javascript:{act})>",
    "<template><script>{act}</script></template>",
    "<marquee onstart={act}>",
    "<xss style=animation-name:x onanimationstart={act}>",
    "<button popovertarget=x onclick={act}>x</button>",
)
_BREAKOUTS = ("", '"', "'", "`", "-->", "]]>", "</title>", "</style>", "</textarea>", "'\">")
_PLAIN = (
    "{{ 7 * 7 }}",
    "{% raw %}",
    "{{ config.items() }}",
    "${alert(1)}",
    "#{7*7}",
    "<%= 7 * 7 %>",
    "{{constructor.constructor('alert(1)')()}}",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "<!--",
    "<![CDATA[",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "\\u003cscript\\u003ealert(1)",
    "\\x3cscript\\x3e",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    '";alert(1)//',
    "';alert(1)//",
    "`${alert(1)}`",
    "\\';alert(1)//",
    "</script>",
    "<script",
    "\u2028alert(1)\u2029",
    "a\u202eb\u202cc",
    "\u2066\u202e\u2069<b>",
    "\u200f\u05e9\u05dc\u05d5\u05dd <i>",
    "a\x00b<script>alert(1)</script>",
    "\x1b[31m\x07",
    "\ufeff<script>alert(1)</script>",
    "\uff1cscript\uff1ealert(1)",
    "\u0301" * 40 + "a",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "__proto__",
    "constructor",
    "toString",
    "null",
    "NaN",
    "$\\frac{1}{0}$",
    "a" * 3000,
    "<b>" * 400,
)

HOSTILE = tuple(
    dict.fromkeys(
        (
            *_PLAIN,
            *(
                breakout + tag.format(act=_ACT)
                for at, breakout in enumerate(_BREAKOUTS)
                for tag in (_TAGS if not at else _TAGS[at % 2 :: 2])
            ),
        )
    )
)[:200]
"""Distinct, never blank."""
